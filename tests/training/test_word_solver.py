"""The wide part of tasks that predict words is solved before training, and weighed after it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from mgm.model.collate import collate
from mgm.model.heads.crf import viterbi
from mgm.model.heads.tagging import TaggingHead
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.features import featurize
from mgm.training.callbacks import Callbacks
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import PartRows, TrainingData, select_labelled_rows
from mgm.training.fit import Plan, fit, plan_training
from mgm.training.sparse_rows import Storage
from mgm.training.validation import validate
from mgm.training.wide_solver import SolvedTask
from mgm.training.wide_weight import CANDIDATE_WEIGHTS, tune_wide_weights
from mgm.training.word_solver import WideTransitions, solve_word_tasks
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
TRAIN, VALID = (select_labelled_rows(FEATURES, TASKS, splits=[split]) for split in ("train", "valid"))


def solved(train: list[PartRows] = TRAIN, storage: Storage | None = None) -> tuple[Network, list[SolvedTask]]:
    torch.manual_seed(1)
    made = Network(
        CONFIG.model, TASKS, vocabulary_size=len(VOCABULARY), ngram_buckets=CONFIG.text.features.ngram_buckets
    )
    reports: list[SolvedTask] = []
    data = TrainingData(tasks=TASKS, train=train, validation=[])
    solve_word_tasks(made, data, tokens_per_batch=60, storage=storage, on_solved=reports.append)
    return made.eval(), reports


def test_sentences_beyond_memory_have_the_same_field() -> None:
    """Read in blocks of a few sentences, they have the emissions and transitions of all at once."""
    at_once, from_disk = (solved(storage=storage)[0] for storage in (None, Storage(max_bytes=60_000)))
    (part,) = FEATURES["menus"]
    batch = collate(part, np.arange(5))
    emissions, expected = (n.wide_outputs(batch)["keys"] for n in (from_disk, at_once))
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(emissions, expected, atol=0.02, rtol=0.02)
    scores, wanted = (keys_head(n).mixed_scores(1.0) for n in (from_disk, at_once))
    for one, other in zip(scores, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=0.02, rtol=0.02)


def keys_head(made: Network) -> TaggingHead:
    head = made.heads["keys"]
    assert isinstance(head, TaggingHead)
    return head


def test_it_finds_the_spans_it_was_shown() -> None:
    """The solved field alone tags every labelled training document right, with weights for few of the features."""
    made, (report,) = solved()
    (source,) = [s for s in TRAIN if s.corpus == "menus"]
    (task,) = [t for t in TASKS if t.name == "keys"]
    labelled = source.take(source.labels_of(task).is_not_null().to_numpy())
    assert (report.task, report.num_documents, report.method) == ("keys", len(labelled.rows), None)
    batch = collate(labelled.part, labelled.rows, tasks=[task])
    head, emissions = keys_head(made), made.wide_outputs(batch)["keys"]
    tags = viterbi(Ragged(emissions, batch.sentence_length), head.mixed_scores(1.0))
    assert torch.equal(tags, batch.targets["keys"]) and tags.any()
    assert made.wide_tagging is not None
    assert made.wide_tagging.hashes.numel() == report.num_features < batch.word.numel() * 13 / 4


def test_unlabelled_documents_change_nothing() -> None:
    _, (every,) = solved()
    (task,) = [t for t in TASKS if t.name == "keys"]
    labelled = [s.take(s.labels_of(task).is_not_null().to_numpy()) for s in TRAIN if s.labelled_tasks([task])]
    assert sum(len(s.rows) for s in labelled) < sum(len(s.rows) for s in TRAIN)
    made, (alone,) = solved(labelled)
    assert alone == every
    assert torch.equal(made.wide_tagging.table.weight, solved()[0].wide_tagging.table.weight)  # type: ignore[union-attr]


def test_a_term_of_a_list_is_found_that_training_never_saw() -> None:
    """The tagger learns that words of the list are spans, and reads an unknown word of it as one; without the list it does not."""
    (task,) = [t for t in TASKS if t.name == "keys"]
    words = pl.DataFrame({"words": [["Salt", "F12", "well"]], "content": [[True] * 3]})
    words = words.with_columns(sentence=pl.Series([[3]]), paragraph=pl.Series([[1]]))
    new = collate(featurize(words, VOCABULARY, settings=CONFIG.text.features), np.arange(1))
    terms = pl.DataFrame({"words": [["Enter"], ["Escape"], ["F12"]], "class": ["", "", ""]})
    first = {}
    for names in ([], ["keys.txt"]):
        corpora = {"menus": {"text": {"lexicons": names}}, "verses": {}}
        plan = plan_training(
            Settings.parse(tiny_corpora.SETTINGS | {"corpora": corpora}),
            [task],
            parts=FEATURES,
            vocabulary_size=len(VOCABULARY),
            terms=dict.fromkeys(names, terms),
        )
        solve_word_tasks(plan.network, plan.data, tokens_per_batch=60)
        emissions = plan.network.wide_outputs(new)["keys"]
        tags = viterbi(Ragged(emissions, new.sentence_length), keys_head(plan.network).mixed_scores(1.0))
        first[len(names)] = tags.tolist()
    assert first == {0: [0, 0, 0], 1: [0, 1, 0]}


def test_without_a_labelled_row_there_is_no_wide_part() -> None:
    verses = [s for s in TRAIN if s.corpus == "verses"]
    made, reports = solved(verses)
    assert reports == [] and made.wide_tagging is not None and not made.wide_tagging.hashes.numel()
    batch = collate(FEATURES["menus"][0], np.arange(3))
    assert not made.wide_outputs(batch)["keys"].any()


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_merged_scores_decide_as_the_mix_did(share: float) -> None:
    """A network whose parts are weighed has the emissions and the transitions of the weighted mean, and no third set of them."""
    made, _ = solved()
    head, batch = keys_head(made), collate(FEATURES["menus"][0], np.arange(12))
    with torch.no_grad():
        head.transition.normal_()
        deep, wide = (outputs["keys"] for outputs in made.branch_outputs(batch))
        scores = head.mixed_scores(share)
        made.set_wide_weight("keys", share)
        after = made(batch)["keys"]
    torch.testing.assert_close(after, torch.lerp(deep, wide, share))
    torch.testing.assert_close(head.scores(), scores)
    assert head.wide_scores is None


def test_the_tuned_weight_has_the_highest_metric() -> None:
    """The candidate is the one with the best spans on validation; the wide part knows them, and the random deep part does not."""
    made, _ = solved()
    with torch.no_grad():
        keys_head(made).emissions.weight.normal_(std=4)
    tuned = tune_wide_weights(made, VALID, tasks=TASKS, tokens_per_batch=60)["keys"]
    reached = {}
    for share in CANDIDATE_WEIGHTS:
        made, _ = solved()
        with torch.no_grad():
            keys_head(made).emissions.weight.normal_(std=4, generator=torch.Generator().manual_seed(3))
        made.set_wide_weight("keys", share)
        reached[share] = validate(made, VALID, tasks=TASKS, tokens_per_batch=60)["keys"]
    assert tuned > 0.5 and reached[1 - min(CANDIDATE_WEIGHTS)] == max(reached.values()) > reached[0.1]


def test_the_scores_of_transitions_are_part_of_a_checkpoint() -> None:
    made, _ = solved()
    fresh = Network(
        CONFIG.model, TASKS, vocabulary_size=len(VOCABULARY), ngram_buckets=CONFIG.text.features.ngram_buckets
    )
    assert WideTransitions(fresh).state_dict() == {}
    WideTransitions(fresh).load_state_dict(WideTransitions(made).state_dict())
    restored, expected = keys_head(fresh).wide_scores, keys_head(made).wide_scores
    assert restored is not None and expected is not None
    assert torch.equal(restored.transition_CC, expected.transition_CC)


def test_a_resumed_fit_tunes_the_same_weight(tmp_path: Path) -> None:
    """A fit that stops after its first epoch and is taken up has the weights, to the bit, of one that did not stop."""

    def run(folder: Path, *, stops: bool) -> tuple[Network, float]:
        settings = tiny_corpora.settings(epochs=2)

        def plan() -> Plan:
            return plan_training(settings, TASKS, parts=FEATURES, vocabulary_size=len(VOCABULARY))

        state = Checkpoint(folder, "x")
        if stops:

            def stop(_: object) -> None:
                raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                fit(
                    plan(),
                    settings,
                    checkpoint=state,
                    callbacks=Callbacks(on_epoch=lambda r: stop(r) if r.epoch == 2 else None),
                )
        result = fit(plan(), settings, checkpoint=state)
        return result.network, result.decisions.wide_weights["keys"]

    (one, share), (other, same) = run(tmp_path / "a", stops=False), run(tmp_path / "b", stops=True)
    assert share == same
    expected = one.state_dict()
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
