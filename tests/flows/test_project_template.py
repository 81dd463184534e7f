"""The template of projects, which is made from the repository's files."""

from pathlib import Path
from typing import Any

import pytest
from prefect.flows import Flow
from prefect.utilities.importtools import import_object

from flows import project_template
from flows.generated_files import stale_files
from flows.project_template import PACKAGED_NAMES, TEMPLATE, further_stages, project_stages, wanted_files
from mgm.settings.yaml_file import load_yaml

ROOT = Path(__file__).parents[2]
STAGES = """\
# the graph
stages:
  fetch:
    cmd: python -m flows.stages.fetch
    deps:
      - mgm/corpus/fetch.py
    params:
      - enabled
    outs:
      - data/fetched

  gate:
    cmd: python -m flows.stages.gate
    deps: &deps
      - data/documents
      - flows/gates/suites
      - flows/stages/gate.py
    params: &params
      - gates
      - tasks
  again:
    deps: *deps
    params: *params
"""
EXPECTED = """\
# the graph
stages:
  fetch:
    cmd: python -m flows.stages.fetch
    params:
      - .mgm/settings.json:
          - version
          - enabled
    outs:
      - data/fetched

  gate:
    cmd: python -m flows.stages.gate
    deps: &deps
      - data/documents
      - suites
    params: &params
      - .mgm/settings.json:
          - version
          - gates
          - tasks
  again:
    deps: *deps
    params: *params
"""


def stages(name: str) -> dict[str, Any]:
    """The stages of a file of the template, without the nesting of those that are made for each corpus or task."""
    content = load_yaml((ROOT / TEMPLATE / PACKAGED_NAMES[name]).read_text(encoding="utf-8"))
    return {stage: body.get("do", body) for stage, body in content["stages"].items()}


def test_stages_depend_on_the_version_in_place_of_code() -> None:
    assert further_stages(STAGES) == EXPECTED
    assert "  settings:\n    cmd: python -m flows.stages.settings\n" in project_stages(STAGES)


def test_the_template_is_what_the_repository_is() -> None:
    assert not stale_files(wanted_files(ROOT)), "run python -m flows.project_template"


@pytest.mark.parametrize("name", PACKAGED_NAMES)
def test_no_stage_of_a_project_names_code(name: str) -> None:
    for stage, body in stages(name).items():
        assert not [d for d in body.get("deps", []) if d.startswith(("mgm/", "flows/"))], stage
        if stage != "settings":
            ((file, names),) = body["params"][0].items()
            assert (file, names[0]) == (".mgm/settings.json", "version"), stage


def test_stages_are_those_of_the_repository() -> None:
    repository = load_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(stages("dvc.yaml")) == ["settings", *repository]


def test_deployments_name_installed_flows() -> None:
    content = load_yaml((ROOT / TEMPLATE / "prefect.yaml").read_text(encoding="utf-8"))
    for deployment in content["deployments"]:
        flow = import_object(deployment["entrypoint"])
        assert isinstance(flow, Flow) and flow.name == deployment["name"]


def test_check_says_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prefect.yaml").write_text("entrypoint: flows/train.py:retrain\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project_template, "FILES", {"prefect.yaml": project_template.project_deployments})
    assert project_template.main(["--check"]) == 1
    assert "run python -m flows.project_template" in capsys.readouterr().err
    assert project_template.main([]) == 0 and project_template.main(["--check"]) == 0
    assert (TEMPLATE / "prefect.yaml").read_text(encoding="utf-8") == "entrypoint: flows.train.retrain\n"
