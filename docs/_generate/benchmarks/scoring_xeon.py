"""Speed and memory of scoring on a processor of another maker."""

from docs._generate.benchmarks import scoring


def render() -> str:
    """Return documents a second of mgm and its peers on an Intel Xeon, for the English corpus and the Chinese one."""
    return scoring.render("scoring-xeon") + "\n" + scoring.render("scoring-chinese-xeon")
