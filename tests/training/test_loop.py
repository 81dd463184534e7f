import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.utils.deterministic
from safetensors.torch import save
from threadpoolctl import threadpool_info

from mgm.model.heads import ClassificationHead
from mgm.model.network import Network
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.training.callbacks import Callbacks, EpochReport, StepReport
from mgm.training.checkpoint import Checkpoint
from mgm.training.determinism import deterministic
from mgm.training.fit import fit, plan_training
from mgm.training.logit_adjustment import log_class_prior
from mgm.training.precision import has_bf16
from mgm.training.schedule import warm_cosine
from tests import tiny_corpora

FRAMES = tiny_corpora.corpora()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(tiny_corpora.settings(), FRAMES)


AUGMENTATION = {"delete": 0.1, "swap": 0.1, "mask": 0.1, "mixup": 0.5}


class Killed(Exception):
    pass


def run(
    config: Settings, checkpoint: Checkpoint | None = None, kill_after: int | None = None
) -> tuple[str, list[EpochReport]]:
    """The hash of the trained weights, and the epochs' reports."""
    reports: list[EpochReport] = []

    def on_epoch(report: EpochReport) -> None:
        if kill_after is not None and report.epoch > kill_after:
            raise Killed
        reports.append(report)

    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    fitted = fit(made, config, checkpoint=checkpoint, callbacks=Callbacks(on_epoch=on_epoch))
    return digest(fitted.network), reports


_UNINTERRUPTED: dict[str, tuple[str, list[EpochReport]]] = {}


def uninterrupted(config: Settings) -> tuple[str, list[EpochReport]]:
    """As `run`; trained once for all tests that compare with it."""
    key = config.model_dump_json()
    if key not in _UNINTERRUPTED:
        _UNINTERRUPTED[key] = run(config)
    return _UNINTERRUPTED[key]


def digest(network: Network) -> str:
    return hashlib.sha256(save({k: v.contiguous() for k, v in network.state_dict().items()})).hexdigest()


def without_time(reports: list[EpochReport]) -> list[dict[str, object]]:
    costs = [r.cost for r in reports]
    told = [{k: v for k, v in vars(r).items() if k != "cost"} for r in reports]
    return [t | {"words": c.words, "documents": c.documents} for t, c in zip(told, costs, strict=True)]


def test_it_learns_and_a_seed_gives_the_same_bytes() -> None:
    """It learns every task and the same seed gives the same bytes."""
    first, *_, last = run(tiny_corpora.settings(epochs=8))[1]
    assert set(last.losses) == {"dish", "keys", "price", "themes"}
    assert all(last.losses[task] < first.losses[task] for task in last.losses)
    assert last.score > 0.8
    weights, reports = uninterrupted(tiny_corpora.settings(epochs=1))
    again, repeated = run(tiny_corpora.settings(epochs=1))
    assert again == weights
    assert without_time(repeated) == without_time(reports)
    assert run(tiny_corpora.settings(epochs=1).model_copy(update={"seed": 2}))[0] != weights


def test_no_memory_is_read_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training whose new memory holds NaN gives the same bytes, so that a training need not fill it."""

    @contextmanager
    def filled(threads: int) -> Iterator[None]:
        with deterministic(threads):
            assert not torch.utils.deterministic.fill_uninitialized_memory
            torch.utils.deterministic.fill_uninitialized_memory = True
            yield

    config = tiny_corpora.settings(epochs=1)
    monkeypatch.setattr("mgm.training.loop.deterministic", filled)
    weights, _ = run(config)
    assert torch.utils.deterministic.fill_uninitialized_memory
    monkeypatch.undo()
    assert uninterrupted(config)[0] == weights


def test_numpys_sums_are_made_by_as_many_threads_as_torchs() -> None:
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before = threads()
    assert before
    for n in (1, 2):
        with deterministic(n):
            assert max(threads()) == n  # some library may have been built for one alone
    assert threads() == before


def test_a_task_with_more_weight_is_learned_sooner() -> None:
    light, heavy = (
        run(tiny_corpora.settings(epochs=2, weights={"keys": weight}))[1] for weight in (0.1, 8.0)
    )
    assert heavy[-1].losses["keys"] < 0.9 * light[-1].losses["keys"]


@pytest.mark.parametrize("kill_after", [1, 3])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, kill_after: int) -> None:
    config = tiny_corpora.settings()
    weights, reports = uninterrupted(config)
    checkpoint = Checkpoint(tmp_path / "state", "these facts")
    with pytest.raises(Killed):
        run(config, checkpoint, kill_after)
    resumed, told = run(config, checkpoint)
    assert resumed == weights
    assert without_time(told) == without_time(reports)
    checkpoint.remove()
    assert not (tmp_path / "state").exists()


def test_with_little_memory_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """Linear problems are solved from disk, in the checkpoint's folder, and every part is a group of its own."""
    little = tiny_corpora.settings(epochs=2, memory=3e-5)
    weights, reports = run(little)
    checkpoint = Checkpoint(tmp_path, "f")
    with pytest.raises(Killed):
        run(little, checkpoint, kill_after=1)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert run(little, checkpoint)[0] == weights
    plain, expected = uninterrupted(tiny_corpora.settings(epochs=2))
    assert weights != plain
    assert reports[-1].score == pytest.approx(expected[-1].score, abs=0.1)


@pytest.mark.parametrize(
    ("weighting", "augmentation"),
    [
        ("uncertainty", {}),
        pytest.param("random", {}, marks=pytest.mark.slow),
        pytest.param("famo", AUGMENTATION, marks=pytest.mark.slow),
        pytest.param("GradVac", AUGMENTATION, marks=pytest.mark.slow),
    ],
)
def test_killed_in_any_batch_it_resumes_to_the_same_bytes(
    tmp_path: Path, weighting: str, augmentation: dict[str, float]
) -> None:
    """GradVac draws an order of tasks and remembers earlier batches."""
    config = tiny_corpora.settings(
        weighting=weighting, weights={"keys": 2.0}, sampling_tau=0.5, augmentation=augmentation
    )
    weights, reports = run(config)
    checkpoint = Checkpoint(tmp_path / "state", "these facts")
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    kills = iter(
        [2, 5, 11, 1]
    )  # batches that each life gets: in the first epoch, and at times across several

    def until(batches: int) -> Callbacks:
        left = iter(range(batches - 1))

        def on_step(step: StepReport) -> None:
            if next(left, None) is None:
                raise Killed

        return Callbacks(on_step=on_step)

    for batches in kills:
        with pytest.raises(Killed):
            fit(
                plan_training(
                    config,
                    with_label_spaces(made.tasks, SPACES),
                    parts=FEATURES,
                    vocabulary_size=len(VOCABULARY),
                ),
                config,
                checkpoint=checkpoint,
                callbacks=until(batches),
            )
    resumed, told = run(config, checkpoint)
    assert resumed == weights
    assert without_time(told) == without_time(reports)


def test_learned_weights_move_are_told_and_do_not_decay() -> None:
    reports = run(
        tiny_corpora.settings(weighting="uncertainty", weights={"keys": 3.0}, weight_decay=0.5, epochs=3)
    )[1]
    assert reports[-1].weights.keys() == reports[-1].losses.keys()
    assert reports[0].weights != reports[1].weights
    # a mean over words, mostly outside any span, counts more than its set weight; a sum over labels less than 1
    assert reports[-1].weights["keys"] > 3.0
    assert reports[-1].weights["themes"] < 1.0
    assert run(tiny_corpora.settings(epochs=1, weights={"keys": 3.0}))[1][0].weights == {
        "dish": 1.0, "keys": 3.0, "price": 1.0, "themes": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize("name", AUGMENTATION)
def test_each_augmentation_trains_and_changes_what_is_learned(name: str) -> None:
    plain = uninterrupted(tiny_corpora.settings(epochs=1))
    found = run(tiny_corpora.settings(epochs=1, augmentation={name: 0.5}))
    assert found[0] != plain[0]
    assert found[1][0].losses != plain[1][0].losses
    assert found[1][0].cost.words == plain[1][0].cost.words  # as read from the corpus


def test_an_epoch_tells_its_passes_and_its_cost() -> None:
    reports = uninterrupted(tiny_corpora.settings(epochs=4))[1]
    assert [r.task_passes["themes"] for r in reports] == [1.0, 2.0, 3.0, 4.0]
    cost = reports[-1].cost
    made = plan_training(
        tiny_corpora.settings(),
        with_label_spaces(tiny_corpora.settings().active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    assert (cost.words, cost.documents) == (made.data.num_words, made.data.num_rows)
    assert 0 < cost.loading_seconds < cost.training_seconds < cost.seconds
    assert 0 < cost.loading_share < 1
    assert cost.words_per_second / cost.documents_per_second == pytest.approx(
        made.data.num_words / made.data.num_rows
    )
    assert 50 < cost.peak_memory_mib < 50_000


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="needs a CPU with bf16 instructions")
def test_in_bf16_it_learns_the_same_and_its_weights_stay_fp32() -> None:
    config = tiny_corpora.settings(epochs=6, precision="bf16")
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    fitted = fit(made, config)
    assert fitted.training.precision == "bf16"
    assert {p.dtype for p in fitted.network.parameters()} == {torch.float32}
    exact = run(tiny_corpora.settings(epochs=6))[1]
    for task, loss in fitted.training.history[-1].losses.items():
        assert loss != exact[-1].losses[task]
        assert loss == pytest.approx(exact[-1].losses[task], abs=0.2), task


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="needs a CPU with bf16 instructions")
@pytest.mark.parametrize("weighting", ["famo", "UPGrad"])
def test_other_weightings_learn_in_bf16_too(weighting: str) -> None:
    config = tiny_corpora.settings(epochs=6, precision="bf16", weighting=weighting)
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    first, *_, last = fit(made, config).training.history
    assert all(last.losses[task] < first.losses[task] for task in first.losses)
    assert {p.dtype for p in made.network.parameters()} == {torch.float32}
    assert first.weights != last.weights


def test_no_compiler_is_named_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        ValueError, match="train.compile: true, but there is no C\\+\\+ compiler 'no-such-compiler'"
    ):
        run(tiny_corpora.settings(compile=True))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_it_trains_as_it_does_otherwise() -> None:
    raw = tiny_corpora.SETTINGS | {
        "model": tiny_corpora.SETTINGS["model"] | {"preset": "fast", "dropout": 0.0},
        "train": tiny_corpora.SETTINGS["train"] | {"epochs": 2, "word_dropout": 0.0},
    }
    plain, compiled = (
        run(Settings.parse(raw | {"train": raw["train"] | {"compile": on}}))[1] for on in (False, True)
    )
    for one, other in zip(plain, compiled, strict=True):
        assert other.losses == pytest.approx(one.losses, rel=1e-3)


def test_the_state_of_another_training_is_not_resumed(tmp_path: Path) -> None:
    Checkpoint(tmp_path, "one").save({"epoch": 3})
    assert Checkpoint(tmp_path, "two").load(torch.device("cpu")) is None
    found = Checkpoint(tmp_path, "one").load(torch.device("cpu"))
    assert found is not None
    assert found["epoch"] == 3
    torch.save({"fingerprint": "one", "epoch": 3}, tmp_path / "checkpoint.pt")  # by an earlier version
    assert Checkpoint(tmp_path, "one").load(torch.device("cpu")) is None


def test_early_stopping_keeps_the_best_epoch() -> None:
    config = tiny_corpora.settings(epochs=40, patience=2)
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    trained = fit(made, config).training
    assert len(trained.history) == trained.best_epoch + 2 < 40
    assert trained.best_score == max(r.score for r in trained.history)


def test_a_stop_after_an_epoch_keeps_the_schedule() -> None:
    """Ended after an epoch it is the whole training up to there."""
    config = tiny_corpora.settings(epochs=4)
    reports = uninterrupted(config)[1]
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
    )
    ended = fit(made, config, stop_after_epoch=2).training.history
    assert without_time(ended) == without_time(reports[:2])
    assert ended[-1].learning_rate > 0  # the schedule is that of four epochs


def test_a_task_can_be_trained_alone() -> None:
    config = tiny_corpora.settings(epochs=1)
    tasks = [t for t in config.active_tasks() if t.name == "themes"]
    made = plan_training(
        config, with_label_spaces(tasks, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
    )
    assert [s.corpus for s in made.data.train] == ["verses"]
    assert set(fit(made, config).decisions.thresholds) == {"themes"}


def test_decisions_of_an_earlier_fit_are_kept() -> None:
    config = tiny_corpora.settings(epochs=1)
    dish = [t for t in config.active_tasks() if t.name == "dish"]
    plain = fit(
        plan_training(
            config, with_label_spaces(dish, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
        ),
        config,
    )
    earlier = replace(plain.decisions, adjustments={"dish": plain.decisions.adjustments["dish"] + 0.25})
    shifted = fit(
        plan_training(
            config, with_label_spaces(dish, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
        ),
        config,
        decisions=earlier,
    )
    assert shifted.decisions is earlier
    ids = (
        FEATURES["menus"][0]
        .documents.filter(split="train")[dish[0].columns.label_ids]
        .drop_nulls()
        .to_numpy()
    )
    expected = -0.25 * log_class_prior(ids[ids >= 0], len(SPACES["dish"]))
    earlier_head, head = (fitted.network.heads["dish"] for fitted in (plain, shifted))
    assert isinstance(earlier_head, ClassificationHead) and isinstance(head, ClassificationHead)
    moved = head.logits.bias - earlier_head.logits.bias
    assert moved.detach().numpy() == pytest.approx(expected, abs=1e-5)
    assert plain.network.wide is not None and shifted.network.wide is not None
    assert (shifted.network.wide.bias - plain.network.wide.bias).numpy() == pytest.approx(expected, abs=1e-5)


def test_a_loss_that_is_no_number_names_the_task() -> None:
    config = tiny_corpora.settings(learning_rate=1e30, clip=1e30)
    with pytest.raises(
        ValueError, match=r"task '\w+': the training loss of epoch 1 is nan; lower train.learning_rate"
    ):
        run(config)


def test_nothing_to_train_on_is_an_error() -> None:
    config = tiny_corpora.settings()
    tasks = [t for t in config.active_tasks() if t.name == "price"]
    made = plan_training(
        config,
        with_label_spaces(tasks, SPACES),
        parts={"verses": FEATURES["verses"]},
        vocabulary_size=len(VOCABULARY),
    )
    with pytest.raises(ValueError, match="no row of split train carries a label of price"):
        fit(made, config)


def test_the_rate_warms_up_and_decays_to_nothing() -> None:
    assert warm_cosine(0.2, 0.1) == pytest.approx(0.5)
    assert warm_cosine(0.2, 0.2) == pytest.approx(1.0)
    assert warm_cosine(0.2, 0.6) == pytest.approx(0.5)
    assert warm_cosine(0.2, 1.0) == pytest.approx(0.0)
