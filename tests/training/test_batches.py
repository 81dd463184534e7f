import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mgm.tasks import with_label_spaces
from mgm.training.batches import PlannedBatch, shuffled_batches
from mgm.training.data import PartRows, select_labelled_rows
from mgm.training.sampling import plan_epoch, task_passes
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)


def made_up(corpus: str, lengths: list[int]) -> PartRows:
    """A source of which only the lengths matter."""
    return PartRows(
        corpus=corpus, part=FEATURES["menus"][0], rows=np.arange(len(lengths)) * 2, length=np.array(lengths)
    )


LENGTHS = st.lists(st.integers(1, 400), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 500), st.integers(0, 5))
def test_a_pass_has_every_row_once_within_the_budget(lengths: list[int], budget: int, seed: int) -> None:
    source = made_up("a", lengths)
    steps = shuffled_batches([source], [0], tokens_per_batch=budget, seed=[seed])
    assert sorted(np.concatenate([s.rows for s in steps])) == source.rows.tolist()
    assert all(len(s.rows) == 1 or sum(lengths[r // 2] for r in s.rows) <= budget for s in steps)


def test_the_seed_alone_decides() -> None:
    sources = [made_up("a", list(range(1, 50))), made_up("b", [7] * 30)]

    def rows(seed: int, epoch: int) -> list[tuple[int, list[int]]]:
        return [
            (s.source, s.rows.tolist())
            for s in plan_epoch(sources, tokens_per_batch=60, tau=1.0, seed=seed, epoch=epoch).batches
        ]

    assert rows(1, 2) == rows(1, 2)
    assert rows(1, 2) != rows(1, 3)
    assert rows(1, 2) != rows(2, 2)


def test_batches_hold_documents_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 1000, 500).tolist()
    steps = shuffled_batches([made_up("a", lengths)], [0], tokens_per_batch=5_000, seed=[1])
    spread = [max(lengths[r // 2] for r in s.rows) / min(lengths[r // 2] for r in s.rows) for s in steps]
    assert np.median(spread) < 1.5


@given(LENGTHS, LENGTHS)
def test_tau_one_is_one_pass_over_each_corpus(first: list[int], second: list[int]) -> None:
    plan = plan_epoch(
        [made_up("a", first), made_up("b", second)], tokens_per_batch=100, tau=1.0, seed=1, epoch=0
    )
    assert plan.passes == {"a": 1.0, "b": 1.0}
    assert sum(len(s.rows) for s in plan.batches) == len(first) + len(second)
    assert sum(s.rows.nbytes for s in plan.batches) == 8 * (len(first) + len(second))


def test_tau_zero_draws_every_corpus_equally_often() -> None:
    plan = plan_epoch(
        [made_up("a", [10] * 80), made_up("b", [10] * 20)], tokens_per_batch=10, tau=0.0, seed=1, epoch=0
    )
    assert [sum(s.source == i for s in plan.batches) for i in (0, 1)] == [50, 50]
    assert plan.passes == {"a": 50 / 80, "b": 50 / 20}


def batches_in_groups(sources: list[PartRows], *, num_groups: int, epoch: int = 0) -> list[PlannedBatch]:
    """The batches of an epoch with memory for one of so many groups of parts."""
    max_bytes = -(-sum(source.num_bytes for source in sources) // num_groups)
    return plan_epoch(sources, tokens_per_batch=60, tau=1.0, seed=1, epoch=epoch, max_bytes=max_bytes).batches


def test_parts_beyond_memory_are_read_in_groups() -> None:
    """Each group has its parts of the large corpus and its share of the small one, whose only part all groups read."""
    sources = [made_up("large", [10] * 60) for _ in range(6)] + [made_up("small", [10] * 60)]
    batches = batches_in_groups(sources, num_groups=3)
    assert sorted((s.source, row) for s in batches for row in s.rows) == [
        (number, row) for number, source in enumerate(sources) for row in source.rows
    ]
    of_large = [s.source for s in batches if s.source < 6]
    thirds = [set(third) for third in np.array_split(of_large, 3)]
    assert [len(third) for third in thirds] == [2, 2, 2] and set.union(*thirds) == set(range(6))
    of_small = [place for place, s in enumerate(batches) if s.source == 6]
    assert all(any(place * 3 // len(batches) == group for place in of_small) for group in range(3))
    assert of_large != sorted(of_large)
    again, later = (batches_in_groups(sources, num_groups=3, epoch=epoch) for epoch in (0, 1))
    assert [s.source for s in again] == [s.source for s in batches] != [s.source for s in later]


def test_parts_that_fit_into_memory_are_shuffled_together() -> None:
    sources = [made_up("a", [10] * 60) for _ in range(3)]
    together = plan_epoch(sources, tokens_per_batch=60, tau=1.0, seed=1, epoch=0).batches
    assert [s.source for s in batches_in_groups(sources, num_groups=1)] == [s.source for s in together]


def test_passes_of_a_task_are_over_its_own_labelled_rows() -> None:
    sources = select_labelled_rows(FEATURES, TASKS, splits=["train"])
    once = plan_epoch(sources, tokens_per_batch=60, tau=1.0, seed=1, epoch=0)
    assert task_passes(once, sources, tasks=TASKS) == dict.fromkeys(("dish", "keys", "price", "themes"), 1.0)
    equal = plan_epoch(sources, tokens_per_batch=20, tau=0.0, seed=1, epoch=0)
    passes = task_passes(equal, sources, tasks=TASKS)
    drawn = [row for step in equal.batches if sources[step.source].corpus == "verses" for row in step.rows]
    assert passes["themes"] == len(drawn) / len(sources[1].rows)
    assert passes["themes"] > 1 > passes["dish"]
    assert task_passes(equal, sources[:1], tasks=TASKS[:1]).keys() == {"dish"}


def test_only_rows_of_the_split_with_a_label_are_read() -> None:
    sources = select_labelled_rows(FEATURES, TASKS, splits=["train"])
    assert [s.corpus for s in sources] == ["menus", "verses"]
    for source in sources:
        rows = source.part.documents[source.rows]
        assert set(rows["split"]) == {"train"}
        assert source.length.tolist() == rows["word"].list.len().to_list()
        assert source.rows.nbytes + source.length.nbytes == 16 * len(rows)
    assert 6 not in sources[0].rows  # no label
    assert 0 in sources[1].rows  # an empty list is one
    only_themes = [t for t in TASKS if t.name == "themes"]
    assert [s.corpus for s in select_labelled_rows(FEATURES, only_themes, splits=["train"])] == ["verses"]
