"""DVC's own command line, which writes only the changed stages of dvc.lock anew; `mgm` runs it where stages run.

After each stage DVC reads dvc.lock and writes it anew by a YAML library in Python. In a file of twenty thousand lines, which the code
that forty stages depend on makes it, that took longer than most stages. Here the text of the other stages stays, so that the bytes are
those that DVC would write.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc import dvcfile
from dvc.cli import main
from dvc.utils.serialize import dumps_yaml, modify_yaml, parse_yaml

_HEAD = "schema: '2.0'\nstages:\n"
_STAGE = re.compile(r"^  (?=[^ \n])", re.MULTILINE)
_OTHER_KEY = re.compile(r"^[^ \n]", re.MULTILINE)

_last: dict[Path, tuple[str, dict[str, Any]]] = {}
"""The text of a dvc.lock as this process wrote it, and its content."""


@contextmanager
def modify_lock(path: str, fs: Any = None) -> Iterator[dict[str, Any]]:
    """Yield the content of dvc.lock, and write what the context makes of it; any other file is left to DVC."""
    file = Path(path)
    text = file.read_text(encoding="utf-8") if file.name == dvcfile.LOCK_FILE and file.is_file() else ""
    stages = text.removeprefix(_HEAD)
    if stages == text or _OTHER_KEY.search(stages):
        with modify_yaml(path, fs=fs) as content:
            yield content
        return
    last_text, lock = _last.get(file, ("", {}))
    if last_text != text:
        lock = parse_yaml(text, path)
    before = dict(lock["stages"])
    yield lock
    blocks = dict(zip(before, (f"  {block}" for block in _STAGE.split(stages)[1:]), strict=True))
    blocks |= {
        name: dumps_yaml({"stages": {name: stage}}).removeprefix("stages:\n")
        for name, stage in lock["stages"].items()
        if stage is not before.get(name)
    }
    text = _HEAD + "".join(blocks.values())
    file.write_text(text, encoding="utf-8")
    _last[file] = text, lock


if __name__ == "__main__":
    dvcfile.modify_yaml = modify_lock
    sys.exit(main())
