"""Stage: params.yaml -> the settings and the corrections of each enabled corpus, two files each. `python -m flows.stages.corpora`.

The stages of a corpus depend on its file, so that a corpus without an entry in `corpora` needs none, and a change of one corpus's
settings reruns no other. The file of its corrections has their hashes: data/corrections holds those of all corpora, but a change of
one's reruns the ingest of that one alone.
"""

from pathlib import Path
from typing import Any

from flows.project import CORPORA
from flows.stages.command_line import run_stage
from mgm.corpus.corrections.read import correction_files
from mgm.files import file_sha256, write_json
from mgm.settings.core import CoreSettings


def main() -> None:
    """Write the settings of the enabled corpora."""
    settings = CoreSettings.load()
    for name in settings.enabled:
        corpus = settings.corpora[name]
        write_json(CORPORA / f"{name}.json", corpus.model_dump(mode="json", exclude={"corrections"}))
        write_json(
            CORPORA / f"{name}.corrections.json", _describe_corrections(corpus.corrections, corpus=name)
        )


def _describe_corrections(place: str | None, *, corpus: str) -> dict[str, Any]:
    """Return the files of a corpus's corrections with their hashes.

    Raises:
        FileNotFoundError, ValueError: there are none where the setting says.
    """
    if place is None:
        return {"corrections": None}
    try:
        files = correction_files(place)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(f"corpora.{corpus}.corrections: {error}") from error
    return {"corrections": place, "files": {file.relative: file_sha256(Path(file.path)) for file in files}}


if __name__ == "__main__":
    run_stage(main)
