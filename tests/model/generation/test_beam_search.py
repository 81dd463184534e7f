"""The decoder and its search, on untrained networks: what holds whatever the weights are."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.collate import collate
from mgm.model.generation import decoder_state
from mgm.model.generation.beam_search import BeamOutput
from mgm.model.generation.layers import LiveOutputs
from mgm.model.generation.next_pieces import Restrictions
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
        pieces, _ = NETWORK.text_decoder.step(
            NETWORK.text_decoder.initial_state(memory), start.expand(3, -1), live=LiveOutputs(3, 1)
        )
        probability = pieces.log_prob().exp()
    assert probability.sum(1).tolist() == pytest.approx([1.0] * 3, abs=1e-4)


def test_teacher_forcing_equals_the_cached_steps() -> None:
    """Teacher forcing and the search with its cache give the same probabilities."""
    with torch.inference_mode():
        batch = gathered([1, 2, 3, 30], with_targets=True)
        target = batch.targets["into_zh"]
        writer = NETWORK.text_decoder
        assert writer is not None
        memory, start = NETWORK.memory("into_zh", batch, encoded=NETWORK.encode(batch))
        forced = writer.teacher_forced_log_probs(memory, start, target_BT=target)[..., 0]
        past, item = writer.initial_state(memory), start.expand(4, -1)
        for place in range(target.shape[1]):
            pieces, past = writer.step(past, item, live=LiveOutputs(4, 1))
            known = target[:, place] != NO_LABEL
            stepped = pieces.log_prob().gather(1, target[:, place, None].clamp(min=0))[:, 0]
            assert stepped[known].exp().tolist() == pytest.approx(
                forced[known, place].exp().tolist(), abs=1e-5
            )
            item = writer.embed(target[:, place].clamp(min=0))


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


def by_hand(made: Network, row: int, beam_size: int) -> tuple[list[int], float]:
    """The plainest beam search: lists of beams, and the whole output read anew for each piece, without a cache."""
    options, writer = made.text_decoder.settings, made.text_decoder  # type: ignore[union-attr]
    assert writer is not None
    batch = gathered([row])
    memory, start = made.memory("into_zh", batch, encoded=made.encode(batch))
    beams: list[tuple[list[int], float]] = [([], 0.0)]
    for place in range(options.max_length):
        grown = []
        for ids, total in beams:
            if ids[-1:] == [END]:
                grown.append((ids, total))
                continue
            every = torch.tensor([[*ids, piece] for piece in range(len(writer.forbidden_ids))])
            read = memory.select(torch.zeros(len(every), dtype=torch.int64))
            log = writer.teacher_forced_log_probs(read, start, target_BT=every)[:, -1, 0].tolist()
            for piece, log_prob in enumerate(log):
                runs = [tuple(ids[i : i + options.no_repeat_ngram]) for i in range(place)]
                last = tuple([*ids, piece][-options.no_repeat_ngram :])
                may_end = bool(writer.visible_ids[ids].any())
                if (
                    piece == UNKNOWN
                    or (piece == END and not may_end)
                    or (place + 1 == options.max_length and not may_end and not writer.visible_ids[piece])
                    or (options.no_repeat_ngram and piece != END and last in runs)
                ):
                    continue
                grown.append(([*ids, piece], total + log_prob))
        grown.sort(key=lambda beam: -beam[1] / len(beam[0]) ** options.length_penalty)
        beams = grown[:beam_size]
        if beams[0][0][-1] == END:
            break
    ids, total = beams[0]
    return [piece for piece in ids if piece != END], total / len(ids)


@pytest.mark.parametrize(
    "beam_size, run, penalty",
    [(1, 0, 1.0), (4, 2, 0.5)],
    ids=["greedy", "four beams, no repeated pair, a penalty"],
)
def test_the_search_is_the_plainest_one(beam_size: int, run: int, penalty: float) -> None:
    """The same outputs and scores, for all documents at once, as document by document without any cache."""
    options = {"no_repeat_ngram": run, "length_penalty": penalty, "max_length": 5}
    made, rows = network(generation_corpora.settings(options)), [0, 9]
    found = wrote(rows, made, beam_size=beam_size)
    for row, ids, score in zip(rows, outputs(found), found.score.tolist(), strict=True):
        with torch.inference_mode():
            expected, mean = by_hand(made, row, beam_size)
        assert ids == expected and score == pytest.approx(mean, abs=1e-3)


def test_a_cache_that_makes_room_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows by one position at a time, and drops keys that no beam goes on from."""
    expected = wrote(list(range(SOME)), beam_size=4)
    monkeypatch.setattr(decoder_state, "_MIN_GROWTH", 1)
    found = wrote(list(range(SOME)), beam_size=4)
    assert outputs(found) == outputs(expected)
    assert found.score.tolist() == pytest.approx(expected.score.tolist(), abs=1e-5)


@pytest.mark.parametrize("rows", [None, [0, 2, 3, 5]], ids=["all are live", "some are live"])
def test_the_best_pieces_are_those_of_the_whole_distribution(rows: list[int] | None) -> None:
    writer = NETWORK.text_decoder
    assert writer is not None
    with torch.no_grad():
        batch = gathered([0, 7, 20])
        memory, start = NETWORK.memory("into_zh", batch, encoded=NETWORK.encode(batch))
        live = LiveOutputs(3, 2, rows=None if rows is None else torch.tensor(rows))
        count = 6 if rows is None else len(rows)
        state = writer.initial_state(memory).reorder(torch.zeros(3, 2, dtype=torch.int64))
        pieces, _ = writer.step(state, start + torch.randn(count, len(start)), live=live)
        whole = pieces.log_prob()
        log, likely = whole.clone(), whole.topk(3, 1).indices
        restrictions = Restrictions(
            forbidden_ids=writer.forbidden_ids,
            visible_ids=writer.visible_ids,
            may_end_R=torch.arange(count) % 2 == 0,
            is_last_R=torch.arange(count) % 3 == 0,
            blocked_RN=likely[:, :2],
        )
        found, piece = pieces.best(5, restrictions)
    for number in range(count):
        log[number, likely[number, :2]] = -torch.inf
        log[number, writer.forbidden_ids] = -torch.inf
        if number % 3 == 0:
            log[number, ~writer.visible_ids] = -torch.inf
        log[number, END] = whole[number, END] if number % 2 == 0 else -torch.inf
    expected = log.topk(5, 1)
    assert torch.allclose(found, expected.values, atol=1e-5)
    assert torch.equal(piece, expected.indices)


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
