"""What a user says about an export that its files do not tell."""

from dataclasses import dataclass

AUTO = "auto"
CODE_POINTS, UTF16 = "code-points", "utf-16"
MAJORITY, ROWS = "majority", "rows"
BLANK, NONE = "blank", "none"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The options of all formats; each reads those that concern it."""

    task: str | None = None
    """The column for labels that have no name in the export."""
    text: str | None = None
    """The key or column of the text."""
    tags: str | None = None
    """The column of tags: a number from 1, or a name where the export has names."""
    tokens: str | None = None
    """The column of tokens, likewise."""
    annotators: str = MAJORITY
    """`majority`: one row a document, with what more than half of its annotators say; `rows`: one row for each of them."""
    offsets: str = AUTO
    """What offsets count: `code-points`, `utf-16` units, or `auto`: what the text of the spans shows, else what the tool counts."""
    join: str = AUTO
    """Between tokens: a `blank`, `none`, or `auto`: none in documents most of whose tokens are Chinese or Japanese."""
