"""`dvc repro` and `mgm run` for real: reproduce, stop at bad data, forget what is switched off, and train what is added."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.corpus.parts import read_manifest, read_table
from mgm.settings.yaml_file import dump_yaml, load_yaml
from tests.pipeline.conftest import GRAPHS, ROOT, Project

pytestmark = pytest.mark.slow


def rows(project: Project, corpus: str) -> list[dict[str, Any]]:
    lines = (project.root / f"raw/{corpus}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def write_rows(project: Project, corpus: str, content: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
    (project.root / f"raw/{corpus}.jsonl").write_text(lines, encoding="utf-8")


def ran(output: str) -> list[str]:
    return re.findall(r"Running stage '([^']+)'", output)


def test_one_run_makes_everything_and_a_second_runs_nothing(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    metrics = json.loads((project.root / "reports/metrics.json").read_text())
    assert sorted(metrics) == ["dish", "keys", "price", "themes"]
    assert json.loads((project.root / "reports/promotion.json").read_text())["verdict"] == "approved"
    assert "dish" in (project.root / "reports/report.html").read_text(encoding="utf-8")
    assert ran(project.ok("dvc", "repro")) == []


def test_dvc_shows_graph_metrics_plots_and_params(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    assert "train" in project.ok("dvc", "dag")
    assert "macro_f1" in project.ok("dvc", "metrics", "show")
    plots = project.ok("dvc", "plots", "show", "--show-vega", "reports/plots/confusion")
    assert "soup" in plots
    project.ok("dvc", "plots", "show")
    page = (project.root / "dvc_plots/index.html").read_text(encoding="utf-8")
    assert "valid" in page
    assert "soup" in page
    project.commit("run")
    project.edit(lambda params: params["train"].update(epochs=5))
    assert "train.epochs" in project.ok("dvc", "params", "diff")


def test_dvc_compares_the_metrics_of_two_commits(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    project.commit("run")

    def bounds() -> dict[str, float]:
        metrics = json.loads((project.root / "reports/metrics.json").read_text())
        return {f"{task}.{end}": metrics[task][end] for task in metrics for end in ("low", "high")}

    before = bounds()
    project.edit(lambda params: params["evaluate"].update(bootstrap=7))
    assert ran(project.ok("dvc", "repro", "report")) == ["evaluate", "verdict", "report"]
    after = bounds()
    changed = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
    assert changed
    lines = [line.split() for line in project.ok("dvc", "metrics", "diff").splitlines()]
    shown = {line[1]: line[2:4] for line in lines if line[0] == "reports/metrics.json" and line[1] in after}
    assert {name: [float(value) for value in values] for name, values in shown.items()} == {
        name: pytest.approx(values, abs=1e-5) for name, values in changed.items()
    }
    (project.root / "reports/report.html").unlink()
    assert ran(project.ok("dvc", "repro", "report")) == ["report"]
    assert "reliability" in project.ok(
        "dvc", "plots", "diff", "--targets", "reports/plots/reliability", "--show-vega", "HEAD"
    )


def test_nothing_is_lost_between_the_raw_rows_and_the_tokens(built: Project) -> None:
    for corpus in ("menus", "verses"):
        height = len(rows(built, corpus))
        for stage, folder in (
            ("ingest", "documents"),
            ("clean", "clean"),
            ("deduplicate", "unique"),
            ("tokenize", "tokens"),
        ):
            kept = read_manifest(built.root / "data" / folder / corpus).rows
            assert height == kept + read_manifest(built.root / "data/rejects" / stage / corpus).rows
            height = kept


def test_a_setting_put_back_trains_nothing_again(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    files = ["models/candidate/manifest.json", "reports/training.json", "reports/live/metrics.json"]
    before = {name: (project.root / name).read_bytes() for name in files}
    rate = project.params["train"]["learning_rate"]
    project.edit(lambda params: params["train"].update(learning_rate=rate / 2))
    assert {"train", "explain"} <= set(ran(project.ok("dvc", "repro", "explain")))
    assert (project.root / files[0]).read_bytes() != before[files[0]]
    project.edit(lambda params: params["train"].update(learning_rate=rate))
    assert not {"train", "explain"} & set(ran(project.ok("dvc", "repro", "explain")))
    assert {name: (project.root / name).read_bytes() for name in files} == before


def record_code(project: Project) -> None:
    """Give the stages of a finished run all their code as dependencies, in the graph and in DVC's lock."""
    for name in GRAPHS:
        shutil.copy(ROOT / name, project.root / name)
    graph = load_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    lock = load_yaml((project.root / "dvc.lock").read_text(encoding="utf-8"))
    for name, stage in lock["stages"].items():
        declared = graph[name.partition("@")[0]]
        recorded = {dependency["path"] for dependency in stage["deps"]}
        for path in declared.get("do", declared)["deps"]:
            if path.endswith(".py") and path not in recorded:
                code = (project.root / path).read_bytes()
                md5 = hashlib.md5(code).hexdigest()
                stage["deps"].append({"path": path, "hash": "md5", "md5": md5, "size": len(code)})
    (project.root / "dvc.lock").write_text(dump_yaml(lock), encoding="utf-8")


def test_changed_code_reruns_its_users_alone(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    record_code(project)
    assert json.loads(project.ok("dvc", "status", "--json", "dvc.yaml")) == {}
    for path, dependents in (
        ("mgm/settings/gates.py", {"gate_ingest", "gate_clean", "gate_features"}),
        ("mgm/text/deduplication/pairs.py", {"deduplicate"}),
    ):
        file = project.root / path
        code = file.read_text(encoding="utf-8")
        file.write_text(f"{code}\n# another version\n", encoding="utf-8")
        changed = json.loads(project.ok("dvc", "status", "--json", "dvc.yaml"))
        assert {name.partition("@")[0] for name in changed} == dependents
        file.write_text(code, encoding="utf-8")


def test_a_gate_stops_bad_data(built: Project, tmp_path: Path) -> None:
    """And nothing behind it runs; with repaired data the stages of that corpus run, and none of another one's."""
    project = built.copy_to(tmp_path / "project")
    good = rows(project, "menus")
    half = len(good) // 2
    # an empty label: rejected, and far more than the budget
    write_rows(project, "menus", [row | {"dish": " "} for row in good[:half]] + good[half:])
    output = project.fails("dvc", "repro", "--keep-going")
    assert "gate ingest" in output
    assert "expectation" in output
    assert "reject" in output
    assert "corpus" in output
    behind = {"clean@menus", "deduplicate@menus", "tokenize@menus", "features", "train", "evaluate", "report"}
    assert not behind & set(ran(output))
    assert not (project.root / "reports/gates/ingest/menus.json").exists()
    assert project.run("dvc", "repro", "--single-item", "clean@menus").returncode != 0
    assert read_table(project.root / "data/rejects/ingest/menus")["reasons"].to_list()[0] == ["label_empty"]

    write_rows(project, "menus", good[:-3])
    stages = ran(project.ok("mgm", "run", "gate_features"))
    assert {"ingest@menus", "clean@menus", "deduplicate@menus", "tokenize@menus"} <= set(stages)
    assert not [s for s in stages if s.endswith("@verses")]


def test_a_repaired_gate_reruns_only_what_it_must(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    suite = project.root / "flows/gates/suites/clean.json"
    good = suite.read_text(encoding="utf-8")
    impossible = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "rows", "min_value": 1_000_000},
        "severity": "critical",
        "meta": {"frame": "table"},
    }
    broken = json.loads(good)
    broken["expectations"].append(impossible)
    suite.write_text(json.dumps(broken), encoding="utf-8")
    assert "min_value 1000000" in project.fails("dvc", "repro")
    broken["expectations"][-1]["severity"] = "warning"
    suite.write_text(json.dumps(broken), encoding="utf-8")
    stages = ran(project.ok("dvc", "repro", "gate_features"))
    assert "gate_clean@menus" in stages
    # The verdict that now carries a warning is another one, so what reads it looks again; nothing before it does.
    before = ("fetch", "ingest", "clean@", "deduplicate")
    assert not [s for s in stages if s.startswith(before)]


def test_a_corpus_needs_no_entry_and_reruns_for_its_own_settings_alone(
    fresh: Project, tmp_path: Path
) -> None:
    """A CSV of one's own in place of a corpus, whose tasks are gone and still named elsewhere; DVC wants no empty entry for it."""
    project = fresh.copy_to(tmp_path / "project")
    table = "".join(
        f"z{i},第{i}条新闻：今天下雨。,zh,{'雨' if i % 2 else '风'},{'test' if i % 5 == 0 else 'train'}\n"
        for i in range(60)
    )
    (project.root / "raw/新闻.csv").write_text("doc_id,text,lang,栏目,split\n" + table, encoding="utf-8")

    def take_over(params: dict[str, Any]) -> None:
        params["enabled"] = {"menus": "raw/menus.jsonl", "新闻": "raw/新闻.csv"}
        params["tasks"] = {
            "price": params["tasks"]["price"],
            "栏目": {"kind": "classification", "corpora": ["新闻"]},
        }
        params["corpora"] = {}
        params["train"]["weights"] = {"themes": 0.5}
        params["gates"]["tasks"] = {"keys": {"conflicts_warn": 0.1}}

    project.edit(take_over)
    output = project.ok("dvc", "repro", "ingest")
    assert sorted(ran(output)) == ["corpora", "ingest@menus", "ingest@新闻"]
    assert "ingest 新闻: splits by column 'split', valid out of train by the hash of the group" in output
    documents = read_table(project.root / "data/documents/新闻")
    assert documents.filter(pl.col("split") == "test").height == 12
    assert 0 < documents.filter(pl.col("split") == "valid").height < 15
    project.edit(lambda params: params["corpora"].update({"新闻": {"min_chars": 2}}))
    assert ran(project.ok("dvc", "repro", "ingest")) == ["corpora", "ingest@新闻"]
    project.edit(lambda params: params["verdict"]["floors"].update({"pirce": 0.5}))
    assert "verdict.floors.pirce: no task of this name (did you mean 'price'?)" in project.fails(
        "dvc", "repro", "--force", "ingest@menus"
    )


def test_bad_input_is_named_before_any_long_work(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    good = rows(project, "menus")
    write_rows(project, "menus", [*good, good[0]])
    output = project.fails("dvc", "repro")
    assert f"value 'm0' is in rows 1, {len(good) + 1}" in output
    assert "train" not in ran(output)
    project.edit(lambda params: params["train"].update(epoch=3))
    assert "train.epoch: unknown key (did you mean 'epochs'?)" in project.fails("dvc", "repro")


def test_a_night_is_scored_from_the_bundle_alone(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    night = ["python", "-m", "flows.score", "--date", "2026-01-01", "--input", "raw/menus.jsonl"]
    assert "mgm promote" in project.fails(*night)
    project.ok("mgm", "promote")
    assert ran(project.ok("dvc", "repro")) == []  # a promotion makes no stage run
    for folder in ("data", "reports"):
        shutil.rmtree(project.root / folder)
    project.ok(*night)
    predictions = pl.read_delta(str(project.root / "data/scored/predictions"))
    assert predictions.height == len(rows(project, "menus"))
    assert {"date", "dish", "dish_score", "keys", "price", "themes"} <= set(predictions.columns)
    lines = project.ok("mgm", "lineage", "m0")
    assert lines.startswith("night 2026-01-01, revision 1: scored")
    assert json.loads((project.root / "models/champion.json").read_text())["bundle"] in lines
    assert "document 'm999': in none of the 1 scored nights" in project.fails("mgm", "lineage", "m999")


def test_the_flow_runs_the_same_stages(fresh: Project, built: Project, tmp_path: Path) -> None:
    """The same inputs give the same bytes, in another folder and by the flow; how it fails, tests/flows/test_train.py shows."""
    project = fresh.copy_to(tmp_path / "project")
    output = project.ok("mgm", "train", "--promote")
    assert "dish" in output
    assert json.loads((project.root / "models/champion.json").read_text())["bundle"][:12] in output
    bundle = [f"models/candidate/{name}" for name in ("manifest.json", "weights.safetensors", "config.json")]
    for name in [*bundle, "reports/metrics.json"]:
        assert (project.root / name).read_bytes() == (built.root / name).read_bytes(), name
    assert ran(project.ok("dvc", "repro")) == []


def test_a_corpus_replaced_by_another_leaves_no_trace(built: Project, tmp_path: Path) -> None:
    """A new corpus needs a file and some lines of params.yaml; one that is switched off stands nowhere any more."""
    project = built.copy_to(tmp_path / "project")
    tickets = [
        {"key": i, "body": f"The printer {word} again, ticket {i}.", "level": level}
        for i in range(60)
        for word, level in [(("burns", "high") if i % 2 else ("hums", "low"))]
    ]
    (project.root / "raw/tickets.jsonl").write_text("".join(json.dumps(t) + "\n" for t in tickets))

    def replace(params: dict[str, Any]) -> None:
        params["enabled"].pop("verses")
        params["enabled"]["tickets"] = "raw/tickets.jsonl"
        params["corpora"]["tickets"] = {
            "id": "key",
            "text_column": "body",
            "lang": "en",
            "columns": {"urgency": "level"},
        }
        params["tasks"]["urgency"] = {"kind": "classification", "corpora": ["tickets"]}

    project.edit(replace)
    project.ok("mgm", "run")
    metrics = json.loads((project.root / "reports/metrics.json").read_text())
    assert metrics["urgency"]["n"] > 0
    bundle = project.root / "models/candidate"
    for path in [
        *bundle.iterdir(),
        project.root / "reports/report.html",
        project.root / "reports/metrics.json",
    ]:
        if path.suffix in (".json", ".html", ".md", ".txt"):
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"<summary>params.yaml</summary><pre.*?</pre>", "", text, flags=re.DOTALL)
            assert "verses" not in text, path
            assert "themes" not in text, path
    assert not pl.read_parquet(bundle / "vocabulary.parquet")["word"].is_in(["明月", "夜雨"]).any()
