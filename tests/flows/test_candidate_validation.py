"""The verdict on real bundles: against floors, a champion on the same documents, a smoke batch and its limits."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import candidate_validation, promotion
from flows.candidate_validation import judge_candidate
from mgm.bundle.bundle import Bundle, Refit
from mgm.bundle.save import save_bundle
from mgm.corpus.parts import read_table
from mgm.settings.settings import Settings
from tests import evaluated_project, in_process

RUN_IN_SUBPROCESS = candidate_validation.run_in_subprocess


@pytest.fixture(scope="module")
def model() -> Bundle:
    """Return a bundle that gets most of the tiny corpora right."""
    return evaluated_project.trained()


@pytest.fixture(autouse=True)
def smoke_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score smoke batches without a process for each: where the memory counts a test takes this back."""
    in_process.score_in_this_process(monkeypatch)


def verdict(root: Path) -> dict[str, Any]:
    """Judge the candidate as the stage does, where `mgm promote` reads it."""
    content = judge_candidate(Settings.load(root / "params.yaml"), root)
    evaluated_project.write(root / "reports" / "promotion.json", content)
    return content


def promoted(root: Path, bundle: Bundle) -> str:
    """Make the bundle the champion; return its id."""
    identity = evaluated_project.evaluated(root, bundle)
    verdict(root)
    promotion.promote(root)
    return identity


def failed(content: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(check["check"], check["task"]) for check in content["checks"] if not check["passed"]]


def test_without_a_champion_floors_and_smoke_decide(
    tmp_path: Path, model: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_validation, "run_in_subprocess", RUN_IN_SUBPROCESS)
    identity = evaluated_project.evaluated(tmp_path, model, floors={"dish": 0.5})
    content = verdict(tmp_path)
    assert (content["verdict"], content["bundle"], content["champion"]) == ("approved", identity, None)
    assert [check["check"] for check in content["checks"]] == ["floor", "smoke", "champion"]
    assert content["measured"]["documents"] == 16
    assert content["measured"]["p95_ms"] >= content["measured"]["p50_ms"] > 0
    assert 50 < content["measured"]["peak_mib"] < 4000
    in_process.score_in_this_process(monkeypatch)
    evaluated_project.evaluated(tmp_path, model, floors={"dish": 1.01})
    content = verdict(tmp_path)
    assert failed(content) == [("floor", "dish")]
    with pytest.raises(promotion.Refused, match=r"dish: test macro_f1 .* is below its floor 1.01"):
        promotion.promote(tmp_path)


def test_a_candidate_worse_in_one_task_is_refused_for_that_task(tmp_path: Path, model: Bundle) -> None:
    champion = promoted(tmp_path, model)
    evaluated_project.evaluated(tmp_path, evaluated_project.worse_in(model, "dish"))
    content = verdict(tmp_path)
    assert content["champion"] == champion
    assert failed(content) == [("champion", "dish")]
    (reason,) = content["reasons"]
    assert reason.startswith("dish: test macro_f1 ")
    assert "is worse than the champion's" in reason
    with pytest.raises(promotion.Refused, match=r"dish: .* is worse than the champion's"):
        promotion.promote(tmp_path)
    now = promotion.read_champion(tmp_path)
    assert now is not None
    assert now.bundle == champion


def test_an_equal_candidate_is_approved(tmp_path: Path, model: Bundle) -> None:
    """The champion is scored from raw text, the candidate was from features: without skew nothing differs."""
    promoted(tmp_path, model)
    evaluated_project.evaluated(tmp_path, evaluated_project.renamed(model, "second"))
    content = verdict(tmp_path)
    assert content["verdict"] == "approved"
    compared = {check["task"]: check for check in content["checks"] if check["check"] == "champion"}
    metrics = json.loads((tmp_path / "reports" / "metrics.json").read_text())
    assert set(compared) == {"dish", "keys", "price", "themes"}
    for task, check in compared.items():
        assert check["value"] == check["limit"] == metrics[task][check["metric"]]
        assert (check["difference"], check["n"]) == (0.0, metrics[task]["n"])


def test_a_candidate_a_little_worse_within_noise_is_approved(tmp_path: Path, model: Bundle) -> None:
    """It no longer finds a theme in the few documents of which the champion is least sure; one that misses many is
    refused."""
    promoted(tmp_path, model)
    said = read_table(tmp_path / "data" / "predictions" / "verses")
    pairs = said.select("prediction:themes", "score:themes", "label:themes").explode(
        "prediction:themes", "score:themes"
    )
    right = pairs.filter(pl.col("prediction:themes").is_in(pl.col("label:themes")))
    least_sure = (
        right.group_by("prediction:themes", "score:themes")
        .len()
        .sort("score:themes")
        .group_by("prediction:themes")
        .first()
    )
    theme, score, _ = least_sure.sort("len", "prediction:themes").row(0)
    evaluated_project.evaluated(tmp_path, evaluated_project.shyer(model, score + 1e-4, theme))
    content = verdict(tmp_path)
    (themes,) = [check for check in content["checks"] if check["task"] == "themes"]
    assert themes["difference"] < 0
    assert content["verdict"] == "approved", content["reasons"]
    evaluated_project.evaluated(tmp_path, evaluated_project.shyer(model, right["score:themes"].median()))
    assert failed(verdict(tmp_path)) == [("champion", "themes")]


def test_a_bundle_that_cannot_score_is_refused(tmp_path: Path, model: Bundle) -> None:
    evaluated_project.evaluated(tmp_path, model)
    (tmp_path / "models" / "candidate" / "weights.safetensors").write_bytes(b"cut short")
    content = verdict(tmp_path)
    assert failed(content) == [("smoke", None)]
    assert "weights.safetensors: altered since the bundle was saved" in content["reasons"][0]


def test_a_process_that_dies_on_the_smoke_batch_refuses(
    tmp_path: Path, model: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*arguments: Any) -> Any:
        raise ChildProcessError("the process ended abruptly")

    evaluated_project.evaluated(tmp_path, model)
    monkeypatch.setattr(candidate_validation, "run_in_subprocess", dies)
    content = verdict(tmp_path)
    assert content["reasons"] == ["smoke batch: the bundle cannot score: the process ended abruptly"]
    assert content["measured"]["documents"] == 16


def test_limits_that_are_exceeded_refuse(tmp_path: Path, model: Bundle) -> None:
    evaluated_project.evaluated(tmp_path, model, max_ms_per_document=1e-6, max_memory_mib=1)
    content = verdict(tmp_path)
    assert failed(content) == [("latency", None), ("memory", None)]
    evaluated_project.evaluated(tmp_path, model, max_ms_per_document=1e6, max_memory_mib=1e6)
    assert verdict(tmp_path)["verdict"] == "approved"


def test_an_unreadable_champion_refuses_the_candidate(tmp_path: Path, model: Bundle) -> None:
    champion = promoted(tmp_path, model)
    evaluated_project.evaluated(tmp_path, evaluated_project.renamed(model, "second"))
    shutil.rmtree(tmp_path / "models" / "store" / champion)
    (reason,) = verdict(tmp_path)["reasons"]
    assert "no bundle here" in reason
    assert "`dvc pull`" in reason


def test_the_champion_is_not_compared_with_itself(tmp_path: Path, model: Bundle) -> None:
    champion = promoted(tmp_path, model)
    content = verdict(tmp_path)
    assert (content["verdict"], content["champion"]) == ("approved", champion)
    assert "the candidate is the champion" in content["reasons"]


def test_without_resamples_there_is_no_comparison(tmp_path: Path, model: Bundle) -> None:
    promoted(tmp_path, model)
    evaluated_project.evaluated(tmp_path, evaluated_project.renamed(model, "second"))
    settings = Settings.parse(evaluated_project.params() | {"evaluate": {"bootstrap": 0}})
    with pytest.raises(ValueError, match=r"evaluate\.bootstrap: found 0, expected at least 1"):
        judge_candidate(settings, tmp_path)


def test_a_candidate_that_was_not_evaluated_is_named(tmp_path: Path, model: Bundle) -> None:
    evaluated_project.evaluated(tmp_path, model)
    (tmp_path / "reports" / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"metrics\.json: the candidate was not evaluated"):
        verdict(tmp_path)


@pytest.mark.slow
def test_the_champions_predictions_are_cached(tmp_path: Path, model: Bundle) -> None:
    promoted(tmp_path, model)
    evaluated_project.evaluated(tmp_path, evaluated_project.renamed(model, "second"))
    verdict(tmp_path)
    (kept,) = (tmp_path / "data" / "champion" / "menus").iterdir()
    pl.read_parquet(kept).with_columns(pl.lit("soup").alias("prediction:dish")).write_parquet(kept)
    first = {check["task"]: check["limit"] for check in verdict(tmp_path)["checks"]}
    documents = tmp_path / "data" / "documents" / "menus"
    manifest = json.loads((documents / "_parts.json").read_text())
    part = manifest["parts"][0]
    pl.read_parquet(documents / part["name"]).write_parquet(
        documents / part["name"], compression="uncompressed"
    )
    part["sha256"] = hashlib.sha256((documents / part["name"]).read_bytes()).hexdigest()
    evaluated_project.write(documents / "_parts.json", manifest)
    again = {check["task"]: check["limit"] for check in verdict(tmp_path)["checks"]}
    assert first["dish"] < again["dish"]
    assert len(list(kept.parent.iterdir())) == 1


@pytest.mark.slow
def test_promote_judges_again_where_the_champion_has_changed(tmp_path: Path, model: Bundle) -> None:
    """Judged beside a weak champion and approved; by the time of the promotion a good one is back."""
    good = promoted(tmp_path, model)
    weak = evaluated_project.worse_in(model, "dish")
    pointer = tmp_path / "models" / "champion.json"
    kept = pointer.read_bytes()
    pointer.unlink()
    promoted(tmp_path, evaluated_project.renamed(weak, "weak"))
    evaluated_project.evaluated(tmp_path, weak)
    assert verdict(tmp_path)["verdict"] == "approved"
    pointer.write_bytes(kept)
    with pytest.raises(promotion.Refused, match=r"dish: .* is worse than the champion's"):
        promotion.promote(tmp_path)
    content = json.loads((tmp_path / "reports" / "promotion.json").read_text())
    assert (content["verdict"], content["champion"]) == ("refused", good)


@pytest.mark.slow
def test_after_a_rollback_the_older_champion_is_the_measure(tmp_path: Path, model: Bundle) -> None:
    first = promoted(tmp_path, model)
    second = promoted(tmp_path, evaluated_project.renamed(model, "second"))
    third = evaluated_project.evaluated(tmp_path, evaluated_project.renamed(model, "third"))
    assert verdict(tmp_path)["champion"] == second
    promotion.rollback(tmp_path)
    promotion.promote(tmp_path)
    content = json.loads((tmp_path / "reports" / "promotion.json").read_text())
    assert (content["bundle"], content["champion"]) == (third, first)
    now = promotion.read_champion(tmp_path)
    assert now is not None
    assert (now.bundle, now.previous) == (third, first)


def test_a_champion_fitted_on_test_is_compared_by_its_first_fit(tmp_path: Path, model: Bundle) -> None:
    """Its first fit is stored beside it; where that is gone, the candidate is refused."""
    first = save_bundle(tmp_path / "models" / "first_fit", model)
    seen = replace(
        evaluated_project.worse_in(model, "dish"),
        refit=Refit(splits=("train", "valid", "test"), first_fit=first),
    )
    champion = promoted(tmp_path, seen)
    assert not (tmp_path / "models" / "store" / first / "card.md").exists()
    evaluated_project.evaluated(tmp_path, evaluated_project.renamed(model, "second"))
    content = verdict(tmp_path)
    (dish,) = [c for c in content["checks"] if (c["check"], c["task"]) == ("champion", "dish")]
    assert (content["champion"], dish["difference"]) == (champion, 0.0)
    shutil.rmtree(tmp_path / "models" / "store" / first)
    assert failed(verdict(tmp_path)) == [("champion", None)]


def test_another_first_fit_than_the_candidates_is_not_promoted(tmp_path: Path, model: Bundle) -> None:
    save_bundle(tmp_path / "models" / "first_fit", model)
    refit = Refit(splits=("train", "valid", "test"), first_fit="0" * 64)
    with pytest.raises(promotion.Refused, match=r"models/first_fit: not the first fit of bundle"):
        promoted(tmp_path, replace(model, refit=refit))
