import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.graph import (
    TRAINING_INPUTS,
    StageFailed,
    changed_stages,
    require_up_to_date,
    run_stage,
    stage_graph,
)

STAGES = """
vars:
  - params.yaml
stages:
  ingest:
    foreach: ${enabled}
    do:
      cmd: mkdir -p rows && echo ${item} > rows/${key}
      outs:
        - rows/${key}
  clean:
    matrix:
      corpus: [en, zh]
    cmd: cat rows/${item.corpus} > clean-${item.corpus}
    deps:
      - rows/${item.corpus}
    outs:
      - clean-${item.corpus}
  join:
    cmd: cat rows/en rows/zh clean-en clean-zh > joined
    deps:
      - rows
      - clean-en
      - clean-zh
    outs:
      - joined
"""

STUDY = """
stages:
  single:
    cmd: cat ../joined > single
    deps:
      - ../joined
    outs:
      - single
"""


@pytest.fixture
def project(repository: Path) -> Path:
    (repository / "params.yaml").write_text("enabled: {en: hello, zh: 你好}\n", encoding="utf-8")
    (repository / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    (repository / "study").mkdir()
    (repository / "study" / "dvc.yaml").write_text(STUDY, encoding="utf-8")
    return repository


def test_graph_has_the_expanded_stages_and_what_they_need(project: Path) -> None:
    assert stage_graph(project) == {
        "ingest@en": [],
        "ingest@zh": [],
        "clean@en": ["ingest@en"],
        "clean@zh": ["ingest@zh"],
        "join": ["clean@en", "clean@zh", "ingest@en", "ingest@zh"],
    }


def test_graph_equals_what_dvc_dag_prints(project: Path) -> None:
    command = [sys.executable, "-m", "dvc", "dag", "--mermaid", "join"]
    dag = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout
    names = dict(re.findall(r'(node\d+)\["([^"]+)"\]', dag))
    edges = {(names[up], names[down]) for up, down in re.findall(r"(node\d+)-->(node\d+)", dag)}
    graph = stage_graph(project)
    assert set(names.values()) == set(graph)
    assert edges == {(up, name) for name, upstream in graph.items() for up in upstream}


def test_stages_of_other_files_are_left_out(project: Path) -> None:
    assert not any("single" in name for name in stage_graph(project))


def test_no_dvc_yaml_is_named(repository: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dvc\.yaml: no such file"):
        stage_graph(repository)


def test_a_circle_is_an_error(repository: Path) -> None:
    stages = "stages:\n  a: {cmd: x, deps: [q], outs: [p]}\n  b: {cmd: x, deps: [p], outs: [q]}\n"
    (repository / "dvc.yaml").write_text(stages, encoding="utf-8")
    with pytest.raises(ValueError, match="DVC cannot read the stages"):
        stage_graph(repository)


def test_a_stage_runs_once(project: Path) -> None:
    lines: list[str] = []
    first = run_stage("ingest@zh", project, log=lines.append)
    assert (first.name, first.was_run) == ("ingest@zh", True)
    assert (project / "rows" / "zh").read_text(encoding="utf-8") == "你好\n"
    assert "> mkdir -p rows && echo 你好 > rows/zh" in lines
    assert not any("git add" in line for line in lines)
    assert not run_stage("ingest@zh", project, log=lines.append).was_run


def test_a_failed_stage_shows_the_end_of_its_output(repository: Path) -> None:
    stages = (
        "stages:\n  a:\n    cmd: for i in $(seq 100); do echo line-$i-; done; echo 行 9 缺列 >&2; exit 3\n"
    )
    (repository / "dvc.yaml").write_text(stages, encoding="utf-8")
    lines: list[str] = []
    with pytest.raises(StageFailed) as caught:
        run_stage("a", repository, log=lines.append)
    message = str(caught.value)
    assert message.startswith("stage a failed after ")
    assert "行 9 缺列" in message
    assert "line-100-" in message
    assert "line-1-" not in message
    assert "line-1-" in lines


@pytest.fixture
def chain(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """first -> second, neither run yet."""
    monkeypatch.chdir(repository)
    Path("raw").write_text("a", encoding="utf-8")
    graph = {
        "stages": {
            "first": {"cmd": "cp raw middle", "deps": ["raw"], "outs": ["middle"]},
            "second": {"cmd": "cp middle end", "deps": ["middle"], "outs": ["end"]},
        }
    }
    Path("dvc.yaml").write_text(yaml.safe_dump(graph), encoding="utf-8")
    return repository


def test_what_is_not_up_to_date_is_named(chain: Path) -> None:
    with pytest.raises(ValueError, match=r"not made yet: first, second; run `mgm run second`"):
        require_up_to_date("second")
    subprocess.run(["dvc", "repro", "-q"], check=True)
    require_up_to_date("second")
    Path("end").unlink()
    with pytest.raises(ValueError, match=r"not made yet: second; run"):
        require_up_to_date("second")
    subprocess.run(["dvc", "checkout", "-q"], check=True)
    Path("raw").write_text("b", encoding="utf-8")
    with pytest.raises(ValueError, match=r"not made yet: first; run"):
        require_up_to_date("second")


def test_an_error_of_dvc_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"DVC cannot tell whether vectors and encode and pretrain and teachers and gate_features are up to date: ",
    ):
        require_up_to_date()


def test_training_reads_what_its_input_stages_write() -> None:
    graph = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))
    assert set(TRAINING_INPUTS) <= graph["stages"].keys()
    read = {d for d in graph["stages"]["train"]["deps"] if d.startswith(("data", "reports"))}
    written = {
        next(iter(out)) if isinstance(out, dict) else out
        for name in ("corpora", "features", *TRAINING_INPUTS)
        for out in graph["stages"][name].get("outs", []) + graph["stages"][name].get("metrics", [])
    }
    assert read <= written


def test_a_stage_that_always_runs_is_changed_where_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stages = {
        "settings": {
            "cmd": "cp params.yaml made",
            "always_changed": True,
            "deps": ["params.yaml"],
            "outs": ["made"],
        }
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    Path("params.yaml").write_text("seed: 1\n", encoding="utf-8")
    for command in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        subprocess.run(["dvc", *command], check=True)
    assert changed_stages("settings") == set()
    Path("params.yaml").write_text("seed: 2\n", encoding="utf-8")
    assert changed_stages("settings") == {"settings"}


@pytest.mark.parametrize("file", ["dvc.yaml", "flows/template/stages.yaml"])
def test_a_changed_teacher_reruns_training(file: str) -> None:
    """Its file is in a folder whose content DVC hashes (.dvcignore leaves nothing of it out), and training reads what is made of it."""
    root = Path(__file__).parents[2]
    stages = yaml.safe_load((root / file).read_text(encoding="utf-8"))["stages"]
    assert "data/teachers" in stages["teachers"]["deps"]
    (made,) = [out for out in map(str, stages["teachers"]["outs"]) if "taught" in out]
    assert made in map(str, stages["train"]["deps"])
    assert "teachers" not in (root / ".dvcignore").read_text(encoding="utf-8")
