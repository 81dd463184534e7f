import threading
import time

import pytest
import torch

from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.tasks import with_label_spaces
from mgm.training.batches import PlannedBatch
from mgm.training.data import select_labelled_rows
from mgm.training.loader import load_batches, prefetch
from mgm.training.sampling import plan_epoch
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, _, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
SOURCES = select_labelled_rows(FEATURES, TASKS, splits=["train"])
STEPS = plan_epoch(SOURCES, tokens_per_batch=30, tau=1.0, seed=1, epoch=0).batches


def gather(step: PlannedBatch) -> Batch:
    return collate(SOURCES[step.source].part, step.rows, tasks=TASKS)


def tensors(batch: Batch) -> dict[str, torch.Tensor]:
    named = {k: v for k, v in vars(batch).items() if isinstance(v, torch.Tensor)}
    return named | {f"target {k}": v for k, v in batch.targets.items()}


def test_a_thread_ahead_gives_the_same_bytes_in_the_same_order() -> None:
    plain = list(load_batches(STEPS, gather, device=torch.device("cpu")))
    threaded = list(prefetch(STEPS, gather, count=3))
    assert len(plain) == len(threaded) == len(STEPS) > 4
    for one, other in zip(map(tensors, plain), map(tensors, threaded), strict=True):
        assert one.keys() == other.keys()
        for name, tensor in one.items():
            assert tensor.dtype == other[name].dtype
            assert tensor.numpy().tobytes() == other[name].numpy().tobytes(), name


def test_it_prefetches_no_more_than_the_limit() -> None:
    """It works ahead of the reader and no further than asked."""
    made: list[int] = []
    reader = prefetch(range(10), lambda i: made.append(i) or i, count=3)
    assert next(reader) == 0
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3]
    assert list(reader) == list(range(1, 10))


def test_an_error_of_the_thread_comes_out_at_its_place() -> None:
    def make(i: int) -> int:
        if i == 2:
            raise ValueError("row 2 is broken")
        return i

    reader = prefetch(range(5), make, count=3)
    assert [next(reader), next(reader)] == [0, 1]
    with pytest.raises(ValueError, match="row 2 is broken"):
        next(reader)


def test_a_reader_that_leaves_ends_the_thread() -> None:
    made: list[int] = []
    reader = prefetch(range(1_000), lambda i: made.append(i) or i, count=2)
    next(reader)
    reader.close()
    assert not any(t.name.startswith("loader") for t in threading.enumerate())
    assert len(made) <= 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_same_batches_arrive() -> None:
    for one, other in zip(
        map(gather, STEPS), load_batches(STEPS, gather, device=torch.device("cuda")), strict=True
    ):
        for name, tensor in tensors(one).items():
            assert torch.equal(tensor, tensors(other)[name].cpu()), name
