"""The code that stages depend on, by a small project of two modules and a template."""

import subprocess
import sys
from pathlib import Path

from flows import generated_files, stage_dependencies

DVC_YAML = """\
# what stands here stays
stages:
  page:
    cmd: python -m flows.stages.page
    deps:  # in order
      - data/rows
      - flows/gone.py
      - reports/last.json
    outs:
      - reports/page.html

  each:
    foreach: [a, b]
    do:
      cmd: python -m flows.stages.each ${key}
      deps: &common
        - data/${key}

  again:
    cmd: python -m flows.stages.each
    deps: *common
"""

EXPECTED = """\
# what stands here stays
stages:
  page:
    cmd: python -m flows.stages.page
    deps:  # in order
      - data/rows
      - flows/stages/page.py
      - mgm/report/page.py
      - mgm/report/templates
      - mgm/text/__init__.py
      - mgm/text/stem.py
      - mgm/text/words.py
      - reports/last.json
    outs:
      - reports/page.html

  each:
    foreach: [a, b]
    do:
      cmd: python -m flows.stages.each ${key}
      deps: &common
        - data/${key}
        - flows/stages/each.py

  again:
    cmd: python -m flows.stages.each
    deps: *common
"""

FILES = {
    "dvc.yaml": DVC_YAML,
    "study/dvc.yaml": "stages: {}\n",
    "mgm/__init__.py": "import mgm.text.unused\n",
    "mgm/text/__init__.py": "from mgm.text import stem\n",
    "mgm/text/stem.py": "SUFFIX = 's'\n",
    "mgm/text/words.py": "WORDS = ()\n",
    "mgm/text/unused.py": "import mgm.text.words\n",
    "mgm/report/__init__.py": "",
    "mgm/report/page.py": "def render():\n    import mgm.text.words\n    return 'templates'\n",
    "mgm/report/templates/page.html.j2": "page",
    "mgm/report/old.css": "",
    "flows/__init__.py": "",
    "flows/stages/__init__.py": '"""No code."""\n',
    "flows/stages/page.py": "import mgm.report.page\n",
    "flows/stages/each.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mgm.text.words\n",
}


def test_deps_are_what_a_stage_imports_and_the_rest_stays(tmp_path: Path) -> None:
    """Imports count within functions and of a package's `__init__.py`; those for types alone and of the roots do not."""
    scripts = {
        f"flows/{Path(script.__file__).name}": Path(script.__file__).read_text(encoding="utf-8")
        for script in (stage_dependencies, generated_files)
    }
    for name, content in (FILES | scripts).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flows.stage_dependencies", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    refused = run("--check")
    assert refused.returncode == 1
    assert "dvc.yaml: out of date; run python -m flows.stage_dependencies" in refused.stderr
    assert run().stdout == "dvc.yaml: updated\n"
    assert (tmp_path / "dvc.yaml").read_text(encoding="utf-8") == EXPECTED
    assert run("--check").returncode == 0
