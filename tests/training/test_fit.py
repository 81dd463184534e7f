import numpy as np
import pytest
import torch

from mgm.model.granularity import Word
from mgm.model.granularity.character import INITIAL_SCALE
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.vectors.table import VectorTable
from mgm.training.fit import Plan, plan_training
from tests import tiny_corpora

FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(tiny_corpora.settings(), tiny_corpora.corpora())
WIDTH = tiny_corpora.SETTINGS["model"]["width"]


def planned(vectors: VectorTable | None, config: Settings | None = None) -> Plan:
    config = config or tiny_corpora.settings()
    return plan_training(
        config,
        with_label_spaces(config.active_tasks(), SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
        word_vectors=vectors,
    )


def embedding(made: Plan) -> torch.Tensor:
    word = made.network.encoder.level(Word)
    assert word is not None
    return word.words.weight.detach()


def test_words_begin_with_their_vectors() -> None:
    """Words begin with their vectors and the rest as without."""
    table = np.zeros((len(VOCABULARY) + 1, WIDTH), np.float32)
    table[1:5] = np.random.default_rng(0).normal(3, 50, (4, WIDTH))
    plain, started = planned(None), planned(table)
    own = embedding(started)[1:5]
    assert own.square().mean().sqrt().item() == pytest.approx(INITIAL_SCALE, rel=1e-5)
    ratio = own / torch.from_numpy(table[1:5])
    assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-4)
    others = [0, *range(5, len(table))]
    assert torch.equal(embedding(started)[others], embedding(plain)[others])
    for (name, before), (_, after) in zip(
        plain.network.state_dict().items(), started.network.state_dict().items(), strict=True
    ):
        assert name == "encoder.granularities.word.words.weight" or torch.equal(before, after)


def test_a_single_task_begins_with_the_same_vectors() -> None:
    table = np.random.default_rng(0).normal(0, 1, (len(VOCABULARY) + 1, WIDTH)).astype(np.float32)
    config = tiny_corpora.settings()
    (task,) = [t for t in config.active_tasks() if t.name == "themes"]
    alone = plan_training(
        config,
        with_label_spaces([task], SPACES),
        parts=FEATURES,
        vocabulary_size=len(VOCABULARY),
        word_vectors=table,
    )
    assert torch.equal(embedding(alone), embedding(planned(table)))


def test_a_table_without_any_vector_changes_nothing() -> None:
    empty = np.zeros((len(VOCABULARY) + 1, WIDTH), np.float32)
    assert torch.equal(embedding(planned(empty)), embedding(planned(None)))


def test_initial_weights_do_not_depend_on_threads() -> None:
    """Fresh weights do not depend on the environments threads."""
    model = tiny_corpora.SETTINGS["model"] | {"sentence": {"width": 96}}
    config = Settings.parse(tiny_corpora.SETTINGS | {"model": model})
    before, made = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            made.append(planned(None, config).network.state_dict())
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
    for name, weights in made[0].items():
        assert torch.equal(weights, made[1][name]), name


def test_vectors_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"word vectors: shape \(3, 16\), expected \(\d+, 16\)"):
        planned(np.ones((3, WIDTH), np.float32))
    without = Settings.parse(
        tiny_corpora.SETTINGS | {"model": tiny_corpora.SETTINGS["model"] | {"word": {"enabled": False}}}
    )
    with pytest.raises(ValueError, match=r"model\.word\.enabled is false; set the source to none"):
        planned(np.ones((len(VOCABULARY) + 1, WIDTH), np.float32), without)
