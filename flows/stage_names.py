"""The names of the stages in dvc.yaml, read without DVC."""

from collections.abc import Iterable
from pathlib import Path

from flows.graph import DVC_YAML
from mgm.settings.core import PARAMS
from mgm.settings.corpus_names import check_corpus_names
from mgm.settings.names import nearest
from mgm.settings.yaml_file import YAMLError, load_yaml


def check_stage_names(names: Iterable[str], root: Path = Path()) -> None:
    """Check that there is a dvc.yaml, and that it has these stages; of `ingest@help` the part before the @.

    Raises:
        FileNotFoundError: there is no dvc.yaml.
        ValueError: it is not YAML, or a stage is not in it.
    """
    path = root / DVC_YAML
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; run from a project's folder")
    try:
        known = list((load_yaml(path.read_text(encoding="utf-8")) or {}).get("stages") or {})
    except YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from error
    for name in names:
        stage = name.partition("@")[0]
        if stage not in known and not (root / stage).exists() and ":" not in stage:
            raise ValueError(f"{path}: {stage}: no such stage{nearest(stage, known)}")


def check_names_of_parts(root: Path = Path()) -> None:
    """Check the names of corpora in params.yaml, which stages have in their own names: DVC does not find a stage `ingest@c@1`.

    Raises:
        ValueError: a name is not valid; where the settings cannot be read, that is left to the stage that checks them.
    """
    path = root / PARAMS
    try:
        settings = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return
    enabled = settings.get("enabled") if isinstance(settings, dict) else None
    if isinstance(enabled, dict):
        check_corpus_names([name for name in enabled if isinstance(name, str)], f"{path}: enabled")
