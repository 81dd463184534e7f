"""The conditional random field is solved to its optimum, by the kernel and without it."""

import numpy as np
import pytest
import torch
from scipy import sparse

from mgm.model.heads.crf import TransitionScores, negative_log_likelihood
from mgm.model.heads.tagging import TaggingHead
from mgm.model.ragged import Ragged
from mgm.native import load_kernels
from mgm.training import crf_solver
from mgm.training.crf_solver import L2, LabelledSentences, _BlockwiseLikelihood, _Likelihood, solve_crf
from mgm.training.determinism import deterministic

RNG = np.random.default_rng(1)
LENGTH = np.array([4, 1, 7, 3, 12, 2] * 8)
WORDS, FEATURES = int(LENGTH.sum()), 40
HEAD = TaggingHead(2, ["name", "place"])
FORBIDDEN = TransitionScores(HEAD.forbidden_start, HEAD.forbidden)
HELD = RNG.integers(0, FEATURES, (WORDS, 3))
RAW_TAGS = torch.from_numpy((HELD[:, 0] % 7 % 5).astype(np.int64))
SENTENCES = LabelledSentences(
    features=sparse.csr_matrix(
        (np.ones(3 * WORDS, np.float32), HELD.ravel(), np.arange(0, 3 * WORDS + 1, 3)), (WORDS, FEATURES)
    ),
    tags=HEAD.repair(Ragged(RAW_TAGS, torch.from_numpy(LENGTH))).numpy(),
    length=LENGTH,
)


@pytest.fixture(params=["kernel", "torch"])
def solver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "torch":
        monkeypatch.setattr(crf_solver, "load_kernels", lambda: None)
    elif load_kernels() is None:
        pytest.skip("needs the compiled kernels")
    return request.param


def _loss_by_torch(weight_FC: torch.Tensor, scores: TransitionScores) -> torch.Tensor:
    emissions = Ragged(weight_FC[torch.from_numpy(HELD)].sum(1), torch.from_numpy(LENGTH))
    return negative_log_likelihood(emissions, torch.from_numpy(SENTENCES.tags), scores=scores)


@pytest.mark.usefixtures("solver")
def test_value_and_gradient_are_those_of_torch() -> None:
    likelihood = _Likelihood(SENTENCES, [part.numpy() for part in FORBIDDEN])
    x = RNG.normal(size=likelihood.num_variables)
    x[likelihood.num_pairs :][likelihood.is_forbidden] = 0
    chain = likelihood.chain(x)
    parts = [chain.weight.toarray(), chain.start, chain.transition]
    leaves = [torch.tensor(part, requires_grad=True) for part in parts]
    scores = TransitionScores(*(p.masked_fill(f, -1e4) for p, f in zip(leaves[1:], FORBIDDEN, strict=True)))
    loss = _loss_by_torch(leaves[0], scores)
    loss.backward()
    value, gradient = likelihood(x)
    assert value == pytest.approx(loss.item() + L2 * x @ x, rel=1e-5)
    has_pair = likelihood.pairs.toarray() > 0
    slopes = [leaf.grad.numpy() for leaf in leaves if leaf.grad is not None]
    expected = np.concatenate([slopes[0][has_pair], slopes[1], slopes[2].ravel()]) + 2 * L2 * x
    assert gradient == pytest.approx(expected, abs=1e-3)


@pytest.mark.usefixtures("solver")
def test_the_solution_is_the_optimum() -> None:
    """No step of a single variable lowers the penalised loss, and most weights of features are 0."""
    chain = solve_crf([SENTENCES], FORBIDDEN, l1=1.0, max_passes=300)
    likelihood = _Likelihood(SENTENCES, [part.numpy() for part in FORBIDDEN])
    x = np.concatenate([chain.weight.data, chain.start, chain.transition.ravel()])
    gradient = likelihood(x)[1]
    weights, slopes = x[: likelihood.num_pairs], gradient[: likelihood.num_pairs]
    chosen = weights != 0
    assert 0 < chosen.sum() < 0.7 * len(weights)
    assert slopes[chosen] == pytest.approx(-np.sign(weights[chosen]), abs=0.1)
    assert (np.abs(slopes[~chosen]) < 1.1).all()
    assert gradient[likelihood.num_pairs :] == pytest.approx(0, abs=0.1)


@pytest.mark.usefixtures("solver")
def test_blocks_have_the_value_and_the_gradient_of_the_whole() -> None:
    """So they have the same solution, too."""
    whole = _Likelihood(SENTENCES, [part.numpy() for part in FORBIDDEN])
    cut = int(LENGTH[:21].sum())
    blocks = [
        LabelledSentences(SENTENCES.features[:cut], SENTENCES.tags[:cut], LENGTH[:21]),
        LabelledSentences(SENTENCES.features[cut:], SENTENCES.tags[cut:], LENGTH[21:]),
    ]
    likelihood = _BlockwiseLikelihood(blocks, [part.numpy() for part in FORBIDDEN])
    x = np.random.default_rng(2).normal(size=whole.num_variables)
    assert likelihood.num_variables == whole.num_variables
    (value, gradient), (expected, expected_gradient) = likelihood(x), whole(x)
    assert value == pytest.approx(expected, rel=1e-5)
    assert gradient == pytest.approx(expected_gradient, abs=1e-3)
    assert (likelihood.chain(x).weight != whole.chain(x).weight).nnz == 0
    assert (likelihood.chain(x).transition == whole.chain(x).transition).all()


@pytest.mark.skipif(load_kernels() is None, reason="needs the compiled kernels")
def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crf_solver, "BLOCK_WORDS", 40)
    solutions = []
    for threads in (1, 3):
        with deterministic(threads):
            solutions.append(solve_crf([SENTENCES], FORBIDDEN, l1=0.3, max_passes=20))
    one, other = solutions
    assert one.weight.nnz and (one.weight.data == other.weight.data).all()
    assert (one.start == other.start).all() and (one.transition == other.transition).all()
