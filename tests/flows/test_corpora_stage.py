"""The stage corpora: a file of settings for each enabled corpus, on which its stages depend."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from flows import lock, supervision
from flows.stages import corpora, gate, ingest, train_variant
from flows.stages.command_line import run_stage, stage_arguments
from mgm.settings.yaml_file import dump_yaml, load_yaml

PARAMS = {
    "enabled": {"tickets": "tickets.csv", "诗": "诗.csv"},
    "corpora": {"tickets": {"text_column": "body"}, "off": {"lang": "en"}},
    "tasks": {"urgency": {"kind": "classification", "corpora": ["tickets"]}},
}


def test_every_enabled_corpus_has_a_file_also_without_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of a corpus without an entry is that of one with an entry that states a default."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(dump_yaml(PARAMS), encoding="utf-8")
    corpora.main()
    files = {path.name: path.read_bytes() for path in Path("data/corpora").iterdir()}
    assert files.keys() == {"tickets.json", "诗.json", "tickets.corrections.json", "诗.corrections.json"}
    assert json.loads(files["tickets.json"])["text_column"] == "body"
    Path("params.yaml").write_text(
        dump_yaml(PARAMS | {"corpora": PARAMS["corpora"] | {"诗": {"min_chars": 1}}}), encoding="utf-8"
    )
    corpora.main()
    assert Path("data/corpora/诗.json").read_bytes() == files["诗.json"]


def test_the_corrections_of_one_corpus_change_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings of a corpus do not name its corrections: a change of these reruns ingest, and what follows from it."""
    monkeypatch.chdir(tmp_path)
    place = "data/corrections/tickets"
    entry = PARAMS["corpora"]["tickets"] | {"corrections": place}
    Path("params.yaml").write_text(dump_yaml(PARAMS | {"corpora": {"tickets": entry}}), encoding="utf-8")
    with pytest.raises(
        FileNotFoundError, match=r"corpora\.tickets\.corrections: data/corrections/tickets: no such"
    ):
        corpora.main()
    Path(place).mkdir(parents=True)
    states = []
    for label in ("high", "low"):
        Path(place, "1.jsonl").write_text(f'{{"doc_id": "a", "urgency": "{label}"}}\n', encoding="utf-8")
        corpora.main()
        states.append({path.name: path.read_bytes() for path in Path("data/corpora").iterdir()})
    assert [name for name in states[0] if states[0][name] != states[1][name]] == ["tickets.corrections.json"]


def test_no_stage_depends_on_a_parameter_that_may_be_missing() -> None:
    """DVC fails on a parameter that is not in params.yaml, and the name of a corpus need not be in `corpora`."""
    stages = load_yaml(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    by_corpus = {name: stage["do"] for name, stage in stages.items() if "${key}" in str(stage.get("do"))}
    assert {"ingest", "gate_ingest", "clean", "deduplicate", "tokenize", "stopwords"} <= by_corpus.keys()
    for name, stage in by_corpus.items():
        assert "data/corpora/${key}.json" in stage["deps"], name
        assert ("data/corpora/${key}.corrections.json" in stage["deps"]) == (name == "ingest"), name
        assert not [param for param in stage.get("params", []) if param.startswith("corpora")], name


@pytest.mark.parametrize("file", ["dvc.yaml", "study/dvc.yaml"])
def test_no_command_has_a_value_of_the_settings(file: str) -> None:
    """DVC hands commands to a shell, which would run the name of a corpus or of a task."""
    stages = load_yaml(Path(file).read_text(encoding="utf-8"))["stages"]
    commands = {name: stage.get("do", stage)["cmd"] for name, stage in stages.items()}
    assert {name: cmd for name, cmd in commands.items() if not re.fullmatch(r"[\w .-]+", cmd)} == {}


@pytest.mark.parametrize(
    ("module", "given", "expected"),
    [
        (corpora, [], []),
        (ingest, [], ["诗"]),
        (ingest, ["tickets"], ["tickets"]),
        (gate, ["clean"], ["clean", "诗"]),
        (gate, ["clean", "tickets"], ["clean", "tickets"]),
        (train_variant, ["single"], ["single", "诗"]),
    ],
)
def test_a_stage_is_for_the_key_that_dvc_names(module: Any, given: list[str], expected: list[str]) -> None:
    """Where the command line does not name it, as that of a person and of an earlier dvc.yaml does."""
    assert stage_arguments(module.main, given, key="诗") == expected
    assert stage_arguments(module.main, given, key=None) == given


def test_a_stage_runs_for_the_key_and_refuses_a_second_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "ingest@诗")
    monkeypatch.setattr(supervision, "end_with_dvc", lambda: None)
    monkeypatch.setattr(sys, "argv", ["ingest"])
    Path("params.yaml").write_text(dump_yaml(PARAMS), encoding="utf-8")
    with pytest.raises(SystemExit, match="1"):
        run_stage(ingest.main)
    assert "error: 诗.csv: no such file or folder" in capfd.readouterr().err
    with lock.stage("ingest tickets"), pytest.raises(SystemExit, match="1"):
        run_stage(ingest.main)
    assert "error: 诗.csv" in capfd.readouterr().err
    with lock.stage("ingest 诗"), pytest.raises(SystemExit, match="1"):
        run_stage(ingest.main)
    assert f"another run of the stage ingest 诗 (process {os.getpid()}) is at work" in capfd.readouterr().err
