"""The stage corpora: a file of settings for each enabled corpus, on which its stages depend."""

import json
from pathlib import Path

import pytest

from flows.stages import corpora
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
    assert files.keys() == {"tickets.json", "诗.json"}
    assert json.loads(files["tickets.json"])["text_column"] == "body"
    Path("params.yaml").write_text(
        dump_yaml(PARAMS | {"corpora": PARAMS["corpora"] | {"诗": {"min_chars": 1}}}), encoding="utf-8"
    )
    corpora.main()
    assert Path("data/corpora/诗.json").read_bytes() == files["诗.json"]


def test_no_stage_depends_on_a_parameter_that_may_be_missing() -> None:
    """DVC fails on a parameter that is not in params.yaml, and the name of a corpus need not be in `corpora`."""
    stages = load_yaml(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    by_corpus = {name: stage["do"] for name, stage in stages.items() if "${key}" in str(stage.get("do"))}
    assert {"ingest", "gate_ingest", "clean", "deduplicate", "tokenize", "stopwords"} <= by_corpus.keys()
    for name, stage in by_corpus.items():
        assert "data/corpora/${key}.json" in stage["deps"], name
        assert not [param for param in stage.get("params", []) if param.startswith("corpora")], name
