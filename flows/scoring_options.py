"""The options of scoring nights, and the settings of params.yaml for it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from flows.errors import CommandFailed
from flows.file_format import FileFormat
from flows.graph import DVC_YAML
from flows.store_encryption import set_variables
from mgm.corpus.readers import Source
from mgm.settings.compute import ComputeSettings
from mgm.settings.core import PARAMS
from mgm.settings.gates import GateSettings
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
    format: FileFormat = field(default_factory=FileFormat)
    """How the documents are written, where that is not what the settings say."""


class NightSettings(NamedTuple):
    """The sections of params.yaml that nights are scored by."""

    score: ScoreSettings = ScoreSettings()
    gates: GateSettings = GateSettings()
    compute: ComputeSettings = ComputeSettings()


def load_settings() -> NightSettings:
    """Return the settings of the project's params.yaml; the defaults where it has none. Tables on S3 are encrypted as they say.

    Raises:
        CommandFailed: there is no project: the tables of nights would lie in whatever folder the command was started.
    """
    if not PARAMS.is_file():
        if Path(DVC_YAML).is_file():
            return NightSettings()
        raise CommandFailed(
            f"no {PARAMS} in {Path.cwd()} or in a folder above; expected a project's folder, in which nights are kept: go there, or "
            f"make one by `mgm init`, whose {PARAMS} may name another place (score.table); `mgm predict FILE -o FILE` needs none"
        )
    settings = ScoringSettings.load()
    set_variables(settings.storage)
    return NightSettings(settings.score, settings.gates, settings.compute)


def check_placeholder(source: str) -> None:
    """Check that a source of many nights has {date} in it.

    Raises:
        ValueError: it has not.
    """
    if PLACEHOLDER not in source:
        raise ValueError(
            f"input {source!r}: expected {PLACEHOLDER} in it, or every night would read the same documents"
        )
