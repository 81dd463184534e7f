"""The names of the stages in dvc.yaml, read without DVC."""

from collections.abc import Iterable
from pathlib import Path

from flows.graph import DVC_YAML
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
