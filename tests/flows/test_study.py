"""Which trainings the study is asked for, what it says before it starts, and the stages that it runs."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import cli
from flows.study import announcement, pending_variants, select_variants, stage_name
from mgm.experiments.variants import variants
from mgm.settings.settings import Settings
from tests import tiny_corpora

SETTINGS = tiny_corpora.settings()
TASKS = [f"single/{name}" for name in ("dish", "keys", "price", "themes")]


def names(*only: str) -> list[str]:
    return [variant.name for variant in select_variants(SETTINGS, only)]


def test_kinds_and_names_choose_and_nothing_chooses_all() -> None:
    assert names() == list(variants(SETTINGS))
    assert names("single") == TASKS
    assert names("average", "single/price") == ["single/price", "average"]
    assert names("ablations", "ablations/window") == [n for n in names() if n.startswith("ablations/")]


def test_an_unknown_name_is_an_error_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"study ablation: .* \(did you mean 'ablations'\?\)"):
        names("ablation")
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS), encoding="utf-8")
    assert cli.main(["study", "single/dishes"]) == 1
    assert "did you mean 'single/dish'?" in capsys.readouterr().err


def test_the_cost_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    every, single = select_variants(SETTINGS, []), select_variants(SETTINGS, ["single"])
    assert "the cost is not known" in announcement(every, every)
    Path("reports").mkdir()
    Path("reports/training.json").write_text('{"seconds": 90}', encoding="utf-8")
    said = announcement(single, single[1:])
    assert f"4 trainings with the joint model's settings and budget ({', '.join(TASKS)})" in said
    assert "1 of them done already; 3 x the joint model's 1.5 minutes are at most about 4 minutes" in said
    assert announcement(single, []).endswith("4 of them done already")


def test_what_dvc_calls_changed_is_pending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real DVC repository, with one stage done."""
    monkeypatch.chdir(tmp_path)
    single = select_variants(SETTINGS, ["single"])
    assert pending_variants(single) == single  # no repository here
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, check=True)
    Path("study").mkdir()
    made = {"wdir": "..", "cmd": "echo done > ${item}", "outs": ["${item}"]}
    names = ["dish", "keys", "price", "themes"]
    graph = {"stages": {"single": {"foreach": names, "do": made}}}
    Path("study/dvc.yaml").write_text(yaml.safe_dump(graph), encoding="utf-8")
    subprocess.run(["dvc", "repro", "-q", "study/dvc.yaml:single@keys"], check=True)
    assert [v.name for v in pending_variants(single)] == ["single/dish", "single/price", "single/themes"]


def stages() -> dict[str, Any]:
    content = yaml.safe_load(Path("study/dvc.yaml").read_text(encoding="utf-8"))
    return dict(content["stages"])


def test_every_variant_has_a_stage() -> None:
    for name, variant in variants(Settings.load()).items():
        file, _, stage = stage_name(variant).partition(":")
        assert file == "study/dvc.yaml"
        kind, _, part = stage.partition("@")
        found = stages()[kind]
        assert "vars" not in found
        own = found.get("do", found)
        command, ((out, options),) = str(own["cmd"]), own["outs"][0].items()
        assert options == {"cache": False}, "dvc pull would fail where this was not run"
        for written in ("${key}", "${item}"):
            out = out.replace(written, part)
        assert command == f"python -m flows.stages.train_variant {kind}"
        assert out == f"data/study/{name}"
        if kind == "ablations":
            assert part in found["foreach"]


def test_the_comparison_depends_on_all_predictions() -> None:
    gain = stages()["gain"]
    assert {"data/study", "data/predictions"} <= set(gain["deps"])
    assert gain["outs"] == [{"reports/study/gain.json": {"cache": False}}]


def test_the_default_graph_does_not_read_the_study() -> None:
    content = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in content.items():
        read = [
            str(d) for d in stage.get("do", stage).get("deps", []) if str(d).startswith(("data", "reports"))
        ]
        assert not [path for path in read if "study" in path], name
