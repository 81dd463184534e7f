"""The installed version and all settings with their defaults, as a file that DVC watches in place of source files."""

from importlib.metadata import version
from pathlib import Path

from flows.project import RESOLVED_SETTINGS
from mgm.files import read_json, write_json
from mgm.settings.settings import PARAMS, Settings


def write_resolved_settings(root: Path = Path()) -> str:
    """Write the file where its content is another than now, and return a line that says which version is installed."""
    installed = version("mgm")
    content = {"version": installed, **Settings.load(root / PARAMS).model_dump(mode="json")}
    path = root / RESOLVED_SETTINGS
    if not path.is_file() or read_json(path) != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content)
    return f"mgm {installed}; all settings, defaults included, are in {RESOLVED_SETTINGS}"
