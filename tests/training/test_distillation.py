"""A student of teachers, from their scores to its weights, on the tiny English and Chinese corpora."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
import yaml
from safetensors.torch import save
from torch import Tensor

from flows import training_run
from flows.stages import teachers
from mgm.corpus.parts import Part, write_manifest
from mgm.evaluation.prediction_table import predict_part
from mgm.model.batch import NO_LABEL, Batch
from mgm.model.heads import ClassificationHead, MultilabelHead, RegressionHead
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.training.fit import FitResult, Plan, fit
from tests import tiny_corpora
from tests.model.conftest import batch_of

FRAMES = tiny_corpora.corpora()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(tiny_corpora.settings(), FRAMES)
NONE = float("nan")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder that has features, and no teacher."""
    monkeypatch.chdir(tmp_path)
    for corpus, (part,) in FEATURES.items():
        features_folder = training_run.FEATURES / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    VOCABULARY.save(training_run.VOCABULARY)
    labels.save(SPACES, training_run.LABELS)
    return tmp_path


def teach(files: dict[str, list[str]], epochs: int = 4, **more: Any) -> Settings:
    """Runs the stage teachers with these files in params.yaml."""
    raw = tiny_corpora.SETTINGS | {
        "train": tiny_corpora.SETTINGS["train"] | {"epochs": epochs},
        "evaluate": {"bootstrap": 10},
        "distillation": {"teachers": files} | more,
    }
    Path("params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    teachers.main()
    return Settings.load()


def write(name: str, columns: dict[str, Any]) -> str:
    path = Path("data/teachers") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(path)
    return name


def says(dish: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Scores by which all rows are this dish."""
    logits = {f"logit:{name}": [8.0 if name == dish else 0.0] * rows.height for name in SPACES["dish"]}
    return {"doc_id": rows["doc_id"]} | logits


def planned(settings: Settings) -> Plan:
    return training_run.prepare(settings, settings.active_tasks())


def trained(settings: Settings) -> FitResult:
    return fit(planned(settings), settings)


def digest(fitted: FitResult) -> str:
    return hashlib.sha256(
        save({k: v.contiguous() for k, v in fitted.network.state_dict().items()})
    ).hexdigest()


def facts() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("data/taught/taught.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("gold", [0.0, 0.3, 1.0])
def test_the_target_is_the_mix_of_label_and_teacher(gold: float) -> None:
    """Cross-entropy is linear in its target, so the loss against the mix is the mix of the losses."""
    batch: Batch = batch_of([[[[1]]]])
    output, teacher = torch.tensor([[0.2, -1.0, 0.5]]), torch.tensor([[0.1, 0.7, 0.2]])
    target = torch.tensor([2])
    found = ClassificationHead(4, ["a", "b", "c"]).distillation_loss(
        output, target, teacher=teacher, batch=batch, label_weight=gold, smoothing=0.1
    )
    hard = F.cross_entropy(output, target, label_smoothing=0.1)
    assert found == pytest.approx(
        float(gold * hard + (1 - gold) * F.cross_entropy(output, teacher)), abs=1e-6
    )

    several = torch.tensor([[1.0, 0.0, 1.0]])
    found = MultilabelHead(4, ["a", "b", "c"]).distillation_loss(
        output, several, teacher=teacher, batch=batch, label_weight=gold, smoothing=0.1
    )
    hard, soft = (F.binary_cross_entropy_with_logits(output, t, reduction="sum") for t in (several, teacher))
    assert found == pytest.approx(float(gold * hard + (1 - gold) * soft), abs=1e-6)

    head = RegressionHead(4, [])
    head.fit(torch.tensor([1.0, 3.0, 5.0]))
    value = torch.tensor([0.5])
    found = head.distillation_loss(
        value, torch.tensor([4.0]), teacher=torch.tensor([2.0]), batch=batch, label_weight=gold, smoothing=0.0
    )
    assert found == pytest.approx(
        float(head.loss(value, torch.tensor([2.0 + 2.0 * gold]), batch=batch, smoothing=0.0)), abs=1e-6
    )


def test_label_or_teacher_alone_is_the_target() -> None:
    """One of label and teacher stands alone and neither counts for nothing."""
    batch = batch_of([[[[1]]]] * 3)
    output = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    teacher = torch.tensor([[NONE, NONE], [0.4, 0.6], [NONE, NONE]])
    head = ClassificationHead(4, ["a", "b"])
    target = torch.tensor([1, NO_LABEL, NO_LABEL])
    expected = (F.cross_entropy(output[:1], target[:1]) + F.cross_entropy(output[1:2], teacher[1:2])) / 2
    for gold in (0.0, 1.0):  # neither share touches what has one of both
        assert head.distillation_loss(
            output, target, teacher=teacher, batch=batch, label_weight=gold, smoothing=0.0
        ) == pytest.approx(float(expected), abs=1e-6)
    nothing = torch.full_like(teacher, NONE)
    assert (
        head.distillation_loss(
            output, torch.full((3,), NO_LABEL), teacher=nothing, batch=batch, label_weight=0.5, smoothing=0.0
        )
        is None
    )
    found = Batch(**vars(batch) | {"targets": {"dish": target}, "teachers": {"dish": teacher}})
    assert found.labelled == {"dish": 2}


def test_a_teacher_that_agrees_gives_the_labels_gradients() -> None:
    """A teacher whose answers are the labels gives the gradients of the labels."""
    batch = batch_of([[[[1]]]] * 2)
    head = ClassificationHead(4, ["a", "b"])
    vectors, target = torch.randn(2, 4), torch.tensor([1, 0])

    def gradient(loss: Tensor | None) -> Tensor:
        assert loss is not None
        head.zero_grad()
        loss.backward()
        assert head.logits.weight.grad is not None
        return head.logits.weight.grad.clone()

    alone = gradient(head.loss(head(vectors), target, batch=batch, smoothing=0.0))
    same = gradient(
        head.distillation_loss(
            head(vectors),
            target,
            teacher=F.one_hot(target, 2).float(),
            batch=batch,
            label_weight=0.5,
            smoothing=0.0,
        )
    )
    assert torch.allclose(alone, same, atol=1e-6)


def test_without_teachers_nothing_changes(project: Path) -> None:
    settings = teach({}, epochs=1)
    assert facts() == {"features": {}, "parts": {}, "tasks": {}}
    plain = fit(
        training_run.plan_training(
            settings,
            with_label_spaces(settings.active_tasks(), SPACES),
            parts=FEATURES,
            vocabulary_size=len(VOCABULARY),
        ),
        settings,
    )
    assert digest(trained(settings)) == digest(plain)
    assert digest(trained(teach({}, 1, label_weight=0.1, annealing=False))) == digest(plain)


def test_unlabelled_documents_train_the_student(project: Path) -> None:
    """Documents without a label train the student and held out ones never do."""
    menus = FRAMES["menus"]
    unlabelled = menus.filter(pl.col("dish").is_null())
    assert set(unlabelled["split"]) > {"train"}
    settings = teach({"dish": [write("all.parquet", says("fish", menus))]}, epochs=1)
    train = menus.filter(split="train")
    told = facts()["tasks"]["dish"]
    assert told["documents"] == train.height
    assert told["unlabelled"] == train["dish"].null_count() > 0
    (source,) = [s for s in planned(settings).data.train if s.corpus == "menus"]
    assert sorted(source.part.documents["doc_id"][source.rows]) == sorted(train["doc_id"])
    for held_out in planned(settings).data.validation:
        assert set(held_out.part.documents["split"][held_out.rows]) == {"valid"}
    answers = source.part.documents.filter(pl.col("split") != "train")["teacher:dish"].to_numpy()
    assert np.isnan(answers).all()
    # what a file says of valid and test moves no weight
    held_out_rows = menus.with_columns(
        pl.when(split="train").then(pl.lit("fish")).otherwise(pl.lit("cake")).alias("said")
    )
    mixed = pl.concat([pl.DataFrame(says(d, held_out_rows.filter(said=d))) for d in ("fish", "cake")])
    mixed.write_parquet("data/teachers/mixed.parquet")
    assert digest(trained(teach({"dish": ["mixed.parquet"]}, epochs=1))) == digest(trained(settings))
    labelled_only = teach({"dish": ["all.parquet"]}, unlabelled=False)
    (source,) = [s for s in planned(labelled_only).data.train if s.corpus == "menus"]
    assert source.part.documents["label:dish"][source.rows].null_count() == 0


def test_a_student_follows_its_teacher_and_anneals_to_labels(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teacher calls every menu a fish; the wide part, which learns from labels alone, is off."""
    monkeypatch.setitem(
        tiny_corpora.SETTINGS, "model", tiny_corpora.SETTINGS["model"] | {"wide": {"enabled": False}}
    )
    file = write("fish.parquet", says("fish", FRAMES["menus"]))

    def dishes(settings: Settings) -> set[str]:
        fitted = trained(settings)
        (source,) = [s for s in planned(settings).data.train if s.corpus == "menus"]
        outcome = predict_part(
            fitted.network,
            source.part,
            tasks=with_label_spaces([settings.active_tasks()[0]], SPACES),
            thresholds={},
            splits=["train"],
        )
        labelled = outcome.filter(pl.col("label:dish").is_not_null())
        return set(labelled["prediction:dish"])

    assert dishes(teach({"dish": [file]}, annealing=False, label_weight=0.0)) == {"fish"}
    assert dishes(teach({"dish": [file]}, epochs=32)) == set(SPACES["dish"])


def test_stale_and_missing_predictions_are_refused(project: Path) -> None:
    """Answers to other features and missing ones are refused."""
    settings = teach({"dish": [write("fish.parquet", says("fish", FRAMES["menus"]))]})
    planned(settings)
    more = settings.model_copy(
        update={"distillation": settings.distillation.model_copy(update={"teachers": {"price": ["x"]}})}
    )
    with pytest.raises(ValueError, match="no predictions for task 'price'"):
        planned(more)
    before = training_run.checkpoint("train", settings, tasks=settings.active_tasks()).fingerprint
    (part,) = FEATURES["menus"]
    write_manifest(
        training_run.FEATURES / "menus", [Part("part-00000.arrow", part.documents.height, "other")]
    )
    with pytest.raises(ValueError, match="not made from the present features of menus"):
        planned(settings)
    assert training_run.checkpoint("train", settings, tasks=settings.active_tasks()).fingerprint != before
    Path("data/taught/taught.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"taught\.json: no such file"):
        planned(settings)


def test_a_fold_has_no_teachers(project: Path) -> None:
    """A fold has no teachers since they have seen what it holds out."""
    settings = teach({"dish": [write("fish.parquet", says("fish", FRAMES["menus"]))]})
    with pytest.raises(
        ValueError, match="distillation.teachers: they have learned from documents that are held out"
    ):
        training_run.prepare(settings, settings.active_tasks(), parts=FEATURES)


def test_tagging_has_no_teachers_and_an_unknown_task_is_named() -> None:
    """A tagging task has no teachers and an unknown one is named."""
    for task, message in (
        ("keys", "distillation.teachers.keys: a tagging task has no teachers"),
        ("dishes", r"distillation.teachers.dishes: no task of this name \(did you mean 'dish'\?\)"),
    ):
        with pytest.raises(ValueError, match=message):
            Settings.parse(tiny_corpora.SETTINGS | {"distillation": {"teachers": {task: ["a.parquet"]}}})
