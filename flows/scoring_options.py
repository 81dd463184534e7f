"""The options of scoring nights, and the settings of params.yaml for it."""

from dataclasses import dataclass
from pathlib import Path

from mgm.corpus.readers import Source
from mgm.settings.core import PARAMS
from mgm.settings.gates import GateSettings
from mgm.settings.references import warn_once
from mgm.settings.scoring import ScoreSettings
from mgm.settings.views.scoring import ScoringSettings

PLACEHOLDER = "{date}"


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """The options of scoring a night."""

    source: Source | None = None
    """A file, a folder or an s3:// address with the columns doc_id and text, or with those of `as_corpus`; {date} in it is the
    night's. None: `score.input`."""
    bundle: Path | None = None
    """The bundle's folder; None: the champion's."""
    as_corpus: str | None = None
    """A corpus of the bundle whose columns and text settings are used, and with whose profile the gate compares the documents."""
    accept_drift: bool = False
    """Whether drift that would stop the night is only a warning; the summary notes it."""
    rescore: bool = False
    """Whether a night that is in the table is replaced, as its next revision."""


def load_settings() -> tuple[ScoreSettings, GateSettings]:
    """Return the settings of this folder's params.yaml; the defaults where there is none, and then a warning."""
    if not PARAMS.is_file():
        warn_once(
            f"no {PARAMS} here or in a folder above: nights are scored with the default settings, their tables and reports "
            f"are in {Path.cwd()}"
        )
        return ScoreSettings(), GateSettings()
    settings = ScoringSettings.load()
    return settings.score, settings.gates


def check_placeholder(source: str) -> None:
    """Check that a source of many nights has {date} in it.

    Raises:
        ValueError: it has not.
    """
    if PLACEHOLDER not in source:
        raise ValueError(
            f"input {source!r}: expected {PLACEHOLDER} in it, or every night would read the same documents"
        )
