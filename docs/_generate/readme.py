"""Write the benchmarks' tables into README.md, between their marks: `python -m docs._generate.readme`; `--check` only compares."""

import re
import sys
from pathlib import Path

from docs._generate.benchmarks import render

README = Path(__file__).resolve().parents[2] / "README.md"
_PLACE = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """Return the text with the present tables."""
    return _PLACE.sub(lambda match: f"{match[1]}\n{render(match[2])}\n{match[3]}", text)


def main(arguments: list[str]) -> int:
    """Run the command line and return its exit status."""
    text = README.read_text(encoding="utf-8")
    wanted = with_tables(text)
    if text != wanted and arguments != ["--check"]:
        README.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        print(f"{README.name}: not the tables of the present results; run python -m docs._generate.readme")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
