"""Speed and memory of scoring in Chinese."""

from docs._generate.benchmarks import scoring


def render() -> str:
    """Return documents a second of mgm and its peers on a Chinese corpus."""
    return scoring.render("scoring-chinese")
