"""A corpus from exports of annotation tools, and the lines that say what it has (`mgm import`)."""

from collections.abc import Sequence
from pathlib import Path

from mgm.corpus.annotations import ImportOptions, import_annotations

_SHOWN = 3


def import_corpus(name: str, exports: Sequence[Path], *, output: Path, options: ImportOptions) -> list[str]:
    """Import exports of one format, and return lines about the corpus, what was dropped, and what to do next."""
    made = import_annotations(name, exports, output=output, options=options)
    lines = [f"{output}: {made.rows:,} rows"]
    lines += [f"  {column}: {about}" for column, about in made.columns.items()]
    if made.trimmed:
        lines.append(f"  blanks at the edges of {made.trimmed:,} spans were cut off")
    for (reason, row_stays), count in sorted(made.reasons.items(), key=lambda item: -item[1]):
        what = "labels" if row_stays else "documents"
        lines.append(f"dropped {count:,} {what}: {reason}")
        examples = [item for item in made.dropped if (item.reason, item.row_stays) == (reason, row_stays)]
        lines += [f"  {item.place}: {item.found}" for item in examples[:_SHOWN]]
    if made.dropped_file is not None:
        lines.append(f"all that was dropped: {made.dropped_file}")
    lines.append(f"next: mgm init DIR --data {output}")
    return lines
