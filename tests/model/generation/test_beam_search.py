"""The decoder and its search, on untrained networks: what holds whatever the weights are."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.collate import collate
from mgm.model.generation.beam_search import BeamOutput
from mgm.model.network import Network
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.features import FeaturePart
from mgm.text.subwords import END, UNKNOWN, decode_pieces
from tests import generation_corpora

CONFIG = generation_corpora.settings()
FEATURES, VOCABULARY, SPACES, SUBWORDS = generation_corpora.prepared(CONFIG, generation_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
PART = FEATURES["orders"][0]
ROWS = PART.documents.height
SOME = 12


def network(config: Settings = CONFIG, seed: int = 3) -> Network:
    """Large weights: untrained, it writes many different things."""
    made = generation_corpora.network(config, VOCABULARY, SPACES, seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.5)
    return made


NETWORK = network()


def gathered(rows: list[int], part: FeaturePart = PART, with_targets: bool = False) -> Batch:
    return collate(part, np.array(rows), tasks=TASKS if with_targets else [])


def wrote(rows: list[int], made: Network = NETWORK, beam_size: int | None = None) -> BeamOutput:
    with torch.inference_mode():
        return made.generate(gathered(rows), ["into_zh"], beam_size=beam_size)["into_zh"]


def outputs(found: BeamOutput) -> list[list[int]]:
    return [row[:n].tolist() for row, n in zip(found.ids, found.count.tolist(), strict=True)]


def test_generated_and_copied_probabilities_sum_to_one() -> None:
    """A distribution is one over what can be written or copied."""
    with torch.inference_mode():
        batch = gathered([0, 7, 20])
        memory, start = NETWORK.memory("into_zh", batch, encoded=NETWORK.encode(batch))
        assert NETWORK.text_decoder is not None
        log, _ = NETWORK.text_decoder.step(NETWORK.text_decoder.initial_state(memory), start.expand(3, 2, -1))
    assert log.exp().sum(2).tolist() == [pytest.approx([1.0] * 2, abs=1e-4)] * 3


def test_teacher_forcing_equals_the_cached_steps() -> None:
    """Teacher forcing and the search with its cache give the same probabilities."""
    with torch.inference_mode():
        batch = gathered([1, 2, 3, 30], with_targets=True)
        target = batch.targets["into_zh"]
        writer = NETWORK.text_decoder
        assert writer is not None
        memory, start = NETWORK.memory("into_zh", batch, encoded=NETWORK.encode(batch))
        forced = writer.teacher_forced_log_probs(memory, start, target_BT=target)[..., 0]
        past, item = writer.initial_state(memory), start.expand(4, 1, -1)
        for place in range(target.shape[1]):
            log, past = writer.step(past, item)
            known = target[:, place] != NO_LABEL
            stepped = log[:, 0].gather(1, target[:, place, None].clamp(min=0))[:, 0]
            assert stepped[known].exp().tolist() == pytest.approx(
                forced[known, place].exp().tolist(), abs=1e-5
            )
            item = writer.embed(target[:, place, None].clamp(min=0))


@pytest.mark.parametrize("beam_size", [1, 3])
def test_score_is_the_mean_log_probability(beam_size: int) -> None:
    """The score is the mean log probability of what is written."""
    rows = list(range(12))
    found = wrote(rows, beam_size=beam_size)
    for row, ids, score in zip(rows, outputs(found), found.score.tolist(), strict=True):
        ends = [END] if len(ids) < CONFIG.model.generation.max_length else []
        with torch.inference_mode():
            batch = gathered([row])
            memory, start = NETWORK.memory("into_zh", batch, encoded=NETWORK.encode(batch))
            assert NETWORK.text_decoder is not None
            forced = NETWORK.text_decoder.teacher_forced_log_probs(
                memory, start, target_BT=torch.tensor([ids + ends])
            )
        assert score == pytest.approx(float(forced[0, :, 0].mean()), abs=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(SOME)), st.integers(1, SOME), st.integers(1, 4))
def test_a_document_is_written_for_whatever_its_batch(order: list[int], size: int, beam_size: int) -> None:
    expected = wrote(list(range(SOME)), beam_size=beam_size)
    for first in range(0, SOME, size):
        rows = order[first : first + size]
        found = wrote(rows, beam_size=beam_size)
        assert outputs(found) == [outputs(expected)[row] for row in rows]
        assert found.score.tolist() == pytest.approx(expected.score[rows].tolist(), abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 9), st.sampled_from([0, 1, 2, 3]))
def test_outputs_keep_length_and_repetition_limits(seed: int, beam_size: int, longest: int, run: int) -> None:
    """An output is never empty never too long and repeats no run."""
    config = generation_corpora.settings(
        {"max_length": longest, "beam_size": beam_size, "no_repeat_ngram": run}
    )
    found = wrote(list(range(0, ROWS, 5)), network(config, seed))
    for ids in outputs(found):
        assert 1 <= len(ids) <= longest
        assert END not in ids and UNKNOWN not in ids
        text = decode_pieces(np.array(ids), np.array([len(ids)]), pieces=SPACES["into_zh"])[0]
        assert text.strip()
        if run:
            runs = [tuple(ids[i : i + run]) for i in range(len(ids) - run + 1)]
            assert len(runs) == len(set(runs))


def test_no_output_is_blank() -> None:
    """A network that wants to end at once still writes something."""
    made = network()
    assert made.text_decoder is not None
    with torch.no_grad():
        made.text_decoder.bias[END] = 1e4
        made.text_decoder.gate.bias.fill_(1e4)
    found = wrote([0, 1, 2], made)
    # up to the first piece that is no blank
    assert [made.text_decoder.visible_ids[row].tolist() for row in outputs(found)] == [
        [False] * (n - 1) + [True] for n in found.count.tolist()
    ]


def test_greedy_takes_the_likeliest_piece_at_each_place() -> None:
    made, longest = (
        network(generation_corpora.settings({"no_repeat_ngram": 0})),
        CONFIG.model.generation.max_length,
    )
    for row, ids in zip(range(6), outputs(wrote(list(range(6)), made, beam_size=1)), strict=True):
        with torch.inference_mode():
            batch = gathered([row])
            writer = made.text_decoder
            assert writer is not None
            memory, start = made.memory("into_zh", batch, encoded=made.encode(batch))
            past, item, by_hand = writer.initial_state(memory), start.expand(1, 1, -1), list[int]()
            while len(by_hand) < longest:
                log, past = writer.step(past, item)
                log[..., writer.forbidden_ids] = -torch.inf
                if not writer.visible_ids[by_hand].any():
                    log[..., END] = -torch.inf
                    if len(by_hand) + 1 == longest:
                        log[..., ~writer.visible_ids] = -torch.inf
                best = int(log.argmax())
                if best == END:
                    break
                by_hand.append(best)
                item = writer.embed(torch.tensor([[best]]))
        assert ids == by_hand


def test_padding_changes_no_loss() -> None:
    with torch.inference_mode():
        together = NETWORK.deep_outputs(gathered([1, 2, 3, 30], with_targets=True))["into_zh"]
        for place, row in enumerate([1, 2, 3, 30]):
            alone = NETWORK.deep_outputs(gathered([row], with_targets=True))["into_zh"][0]
            assert torch.allclose(together[place, : len(alone)], alone, atol=1e-4)
            assert not together[place, len(alone) :].any()


def test_long_targets_are_cut() -> None:
    """A target that is too long is learned up to the longest output."""
    made = network(generation_corpora.settings({"max_length": 2}))
    batch = gathered([1, 2], with_targets=True)
    assert batch.targets["into_zh"].shape[1] > 2
    losses = made.losses(made.branch_outputs(batch)[0], batch, smoothing=0.1)
    assert torch.isfinite(losses["into_zh"]) and made.deep_outputs(batch)["into_zh"].shape[1] == 2


def test_a_batch_without_a_target_has_no_loss_and_breaks_nothing() -> None:
    batch = gathered([0, 9, 18], with_targets=True)
    assert batch.targets["into_zh"].shape == (3, 0)
    outputs = NETWORK.branch_outputs(batch)[0]
    assert outputs["into_zh"].requires_grad
    assert set(NETWORK.losses(outputs, batch, smoothing=0.1)) == {"dish"}


def test_where_no_text_is_asked_for_words_are_not_encoded() -> None:
    part = FeaturePart(PART.documents, PART.types.drop("subwords"))
    assert NETWORK.encode(gathered([0, 1], part))[1] is None
    assert NETWORK.encode(gathered([0, 1]))[1] is not None


def test_the_forward_pass_knows_nothing_of_texts() -> None:
    with torch.inference_mode():
        assert list(NETWORK(gathered([0, 1]))) == ["dish"]
        assert NETWORK.generate(gathered([0, 1]), []) == {}
