"""The benchmark of generation: its peer learns and searches as mgm does, and what it stores is what was measured."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mgm.corpus.parts import write_manifest
from mgm.model.batch import NO_LABEL
from mgm.model.generation.layers import LiveOutputs
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from tests import generation_corpora

FILE = Path(__file__).parents[2] / "benchmarks" / "generation.py"
CONFIG = generation_corpora.settings()


@pytest.fixture(scope="module")
def benchmark() -> Any:
    sys.path.insert(0, str(FILE.parent))
    try:
        spec = importlib.util.spec_from_file_location("benchmark_generation", FILE)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # its dataclasses look themselves up
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FILE.parent))
    return module


@pytest.fixture
def curve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The module of the learning curve, with a results file of its own, and a curve that is flat at once."""
    monkeypatch.syspath_prepend(str(FILE.parent))
    module = importlib.import_module("generation_curve")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "curve.json")
    monkeypatch.setattr(module, "PATIENCE", 1)
    monkeypatch.setattr(module, "LEAST_RISE", 1.0)
    return module


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    features, vocabulary, spaces, _ = generation_corpora.prepared(CONFIG, generation_corpora.corpora())
    made = folder / "data/features"
    vocabulary.save(made / "vocabulary.parquet")
    labels.save(spaces, made / "labels.json")
    for corpus, (part,) in features.items():
        features_folder = made / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    (folder / "params.yaml").write_text(yaml.safe_dump(generation_corpora.SETTINGS), encoding="utf-8")
    return folder


def test_the_peer_is_no_smaller_and_learns_from_the_same_pairs(benchmark: Any, workspace: Path) -> None:
    tasks = [t for t in CONFIG.active_tasks() if t.name == "into_zh"]
    made = benchmark.prepared(workspace, CONFIG, tasks, 20, 9)
    assert sum(len(s.rows) for s in made.data.train) == 20
    assert max(int(s.length.max()) for s in made.data.train) == 9
    outside = benchmark.weights(made.network)["outside of tables"]
    longer = CONFIG.model_copy(update={"train": CONFIG.train.model_copy(update={"epochs": 30})})
    fitted = benchmark.fit_transformer(made, longer)
    assert fitted.weights["outside of tables"] >= outside
    test = benchmark.chosen_rows(workspace, tasks[0], "test", 5, 9)
    found = benchmark.measured(fitted, test, tasks[0], made, longer, 1)
    assert found["chrf"]["value"] > benchmark.baselines(test, tasks[0], longer)["copy"]["chrf"]["value"]


def test_the_peers_search_gives_what_its_training_would(benchmark: Any, workspace: Path) -> None:
    tasks = [t for t in CONFIG.active_tasks() if t.name == "into_zh"]
    made = benchmark.prepared(workspace, CONFIG, tasks, None, 100)
    model = benchmark.Transformer(CONFIG.model.generation, ["into_zh"], list(made.tasks[0].labels)).eval()
    source = made.data.train[0]
    batch = benchmark.collate(source.part, source.rows[:1], tasks=made.tasks)
    target = batch.targets["into_zh"][0]
    assert NO_LABEL not in target
    with torch.inference_mode():
        state, item, total = (
            model.initial_state(model.encode_source(batch)),
            model.starts[:1],
            0.0,
        )
        for piece in target.tolist():
            pieces, state = model.step(state, item, live=LiveOutputs(1, 1))
            total += float(pieces.log_prob()[0, piece])
            item = model.embed(torch.tensor([piece]))
        assert float(model.loss(batch, 0.0)) == pytest.approx(-total / len(target), abs=1e-4)


def test_results_are_kept_beside_those_of_other_models(
    benchmark: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "generation.json")
    monkeypatch.setattr(benchmark, "SIZES", {1: 2, 4: 4})
    for model in ("mgm", "transformer"):
        arguments = [
            "--workspace",
            str(workspace),
            "--models",
            model,
            "--tasks",
            "into_zh",
            "--set",
            "train.epochs=1",
        ]
        monkeypatch.setattr(sys, "argv", ["generation.py", *arguments])
        benchmark.main()
    (found,) = json.loads((tmp_path / "generation.json").read_text())["corpora"].values()
    assert found["epochs"] == 1 and found["pairs"] == {"orders": 26}
    for model in ("mgm", "transformer"):
        assert set(found["models"][model]["into_zh"]) == {"beam 1", "beam 4"}
        speed = found["models"][model]["outputs_per_second"]["into_zh"]
        assert speed["batch 4"]["beam 1"] > 0 and set(speed) == {"batch 1", "batch 4"}
    assert set(found["baselines"]["into_zh"]) == {"bleu_tokenizer", "lead", "copy", "memory", "fuzzy"}


def learn(curve: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> dict[str, Any]:
    """Train `into_zh` until it is flat, with its state in a folder of its own; return what is stored of it."""
    monkeypatch.setattr(curve, "STATES", Path(state))
    arguments = [
        "--until-flat",
        "--workspace",
        str(workspace),
        "--tasks",
        "into_zh",
        "--test",
        "4",
        "--rows",
        "12",
    ]
    monkeypatch.setattr(sys, "argv", ["generation.py", *arguments])
    curve.main(curve.generation.parse())
    found: dict[str, Any] = json.loads(curve.RESULTS.read_text(encoding="utf-8"))["tasks"]["into_zh"]
    return found


def without_times(epochs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in epoch.items() if "seconds" not in k} for epoch in epochs]


@pytest.mark.slow
def test_a_curve_that_was_killed_goes_on_as_if_it_had_not_been(
    curve: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = learn(curve, workspace, monkeypatch, "whole")
    curve.RESULTS.unlink()
    save = curve.State.save

    def killed(self: Any, epochs: list[dict[str, Any]], parts: dict[str, Any]) -> None:
        if len(epochs) == 2:
            raise KeyboardInterrupt
        save(self, epochs, parts)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(curve.State, "save", killed)
        learn(curve, workspace, monkeypatch, "killed")
    found = learn(curve, workspace, monkeypatch, "killed")
    for model in ("mgm", "transformer"):
        one, other = found["models"][model], whole["models"][model]
        assert without_times(one["epochs"]) == without_times(other["epochs"]) and one["is_flat"]
        assert one["beam 4"] == other["beam 4"] and one["averages"] == other["averages"]
        assert one["averages"][one["chosen"]] == max(one["averages"].values())
    with pytest.raises(ValueError, match="killed/into_zh-mgm: it is of another training"):
        monkeypatch.setattr(curve, "VALIDATION", 2)
        learn(curve, workspace, monkeypatch, "killed")


@pytest.mark.parametrize(
    "chrf, most, decay",
    [
        ([0.1, 0.2, 0.3], 50, None),
        ([0.1, 0.2, 0.2, 0.2005, 0.2, 0.2], 50, (6, 8)),
        ([0.1, 0.2, 0.3, 0.4], 5, (4, 5)),
    ],
    ids=["rising", "flat", "the last epochs"],
)
def test_the_rate_falls_once_the_curve_is_flat(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, chrf: list[float], most: int, decay: Any
) -> None:
    monkeypatch.syspath_prepend(str(FILE.parent))
    module = importlib.import_module("generation_curve")
    epochs = [{"chrf": value} for value in chrf]
    assert module.decay_of(epochs, most) == decay and not module.is_done(epochs, most)
    if decay is not None:
        assert module.rate(decay[0], decay) == 1.0 > module.rate(decay[0] + 0.5, decay)
        assert module.rate(decay[1], decay) == 0.0
        assert module.is_done(epochs + [{"chrf": 0.9}] * (decay[1] - len(epochs)), most)
