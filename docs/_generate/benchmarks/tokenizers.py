"""Speed of tokenizers."""

from docs._generate.benchmarks.results import load_result
from docs._generate.markdown import table


def render() -> str:
    """Return documents a second of tokenizers on the same texts."""
    rows = [
        (f"`{name}`", tokenizer, f"{speed['documents_per_second']:,}", f"{1 / speed['mgm_is_faster_by']:.2f}")
        for name, corpus in load_result("text")["corpora"].items()
        for tokenizer, speed in corpus["tokenizers"].items()
    ]
    return table(["corpus", "tokenizer", "documents/s", "of mgm's"], rows)
