"""Raw text scored by kernels, beside torch."""

import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from mgm import native
from mgm.bundle.bundle import Bundle
from mgm.bundle.save import save_bundle
from mgm.scoring.local import score_in_process
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.scoring import ScoreSettings
from mgm.settings.settings import Settings
from tests import tiny_corpora
from tests.kernel_library import kernel_library

FRAMES = tiny_corpora.corpora()
OTHERS = pl.DataFrame(
    {
        "doc_id": ["mixed", "new", "accents", "missing", "emoji"],
        "text": [
            "Cake 明月照高楼 soup.",
            "Zebras! Quarrel about umbrellas.",
            "Crème brûlée",
            None,
            "Fry it 👍🏽 now",
        ],
    }
)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """An untrained network whose wide part has weights."""
    bundle = tiny_corpora.bundle(tiny_corpora.fast())
    generator = torch.Generator().manual_seed(1)
    assert bundle.network.wide is not None
    for table in (bundle.network.wide.words.weight, bundle.network.wide.characters.weight):
        table.data.copy_(torch.randn(table.shape, generator=generator))
    return bundle


def by_torch(bundle: Bundle, frame: pl.DataFrame, corpus: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", native.LIBRARY.with_name("gone.so"))
        scorer = Scorer(bundle, with_probs=True)
        assert scorer.word_states.compiled() is None
        return scorer.predict(frame, corpus)


@pytest.mark.parametrize("corpus", FRAMES)
@pytest.mark.parametrize("frame", [*FRAMES.values(), OTHERS], ids=[*FRAMES, "others"])
def test_predictions_and_rejects_are_those_of_torch(bundle: Bundle, frame: pl.DataFrame, corpus: str) -> None:
    scorer = Scorer(bundle, with_probs=True)
    assert scorer.word_states.compiled() is not None
    found, rejects = scorer.predict(frame, corpus)
    expected, rejected = by_torch(bundle, frame, corpus)
    assert_frame_equal(rejects, rejected)
    assert_frame_equal(found, expected, abs_tol=1e-3, rel_tol=0)


def test_words_read_before_change_no_bit(bundle: Bundle) -> None:
    scorer = Scorer(bundle, with_probs=True)
    scorer.predict(OTHERS)
    scorer.predict(FRAMES["verses"], "verses")
    after, _ = scorer.predict(FRAMES["menus"])
    alone, _ = Scorer(bundle, with_probs=True).predict(FRAMES["menus"])
    assert_frame_equal(after, alone, check_exact=True)


def test_a_full_table_of_words_is_begun_anew(bundle: Bundle) -> None:
    scorer = Scorer(bundle, with_probs=True)
    expected, _ = scorer.predict(FRAMES["menus"])
    compiled = scorer.word_states.compiled()
    assert compiled is not None
    table = compiled.network.words
    table.capacity = table.size + 1  # the words of both frames do not fit
    scorer.predict(FRAMES["verses"], "verses")
    again, _ = scorer.predict(FRAMES["menus"])
    assert_frame_equal(again, expected, check_exact=True)
    table.capacity = 3  # fewer than the words of a frame: torch predicts
    assert not scorer.predict(FRAMES["menus"])[0].is_empty()
    assert table.size > table.capacity


def test_words_beyond_the_vocabulary_are_not_kept(bundle: Bundle) -> None:
    """They are seldom seen again; memory must not grow with them."""
    scorer = Scorer(bundle, with_probs=True)
    scorer.predict(FRAMES["menus"])
    compiled = scorer.word_states.compiled()
    assert compiled is not None
    sizes = set()
    for number in range(4):
        frame = pl.DataFrame({"doc_id": ["1"], "text": [f"Stir umbrellas{number} quarrel{number} now."]})
        found, _ = scorer.predict(frame)
        sizes.add(compiled.network.words.size)
        assert_frame_equal(found, Scorer(bundle, with_probs=True).predict(frame)[0], check_exact=True)
    assert len(sizes) == 1


def test_threads_give_the_same_bits(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", bundle)
    frame = pl.concat([FRAMES["menus"].select("doc_id", "text")] * 3)
    shards = [(Shard(i, 30, "", ()), frame[i * 15 : i * 15 + 15]) for i in range(6)]
    found = [
        [
            rows.predictions
            for _, rows in score_in_process(
                iter(shards),
                scorer=Scorer.load(tmp_path / "bundle"),
                as_corpus=None,
                settings=ScoreSettings(threads=threads),
            )
        ]
        for threads in (1, 3)
    ]
    for alone, beside in zip(*found, strict=True):
        assert_frame_equal(alone, beside, check_exact=True)


def test_scorers_of_threads_share_the_tables_of_weights(bundle: Bundle) -> None:
    scorer = Scorer(bundle, with_probs=True)
    expected, _ = scorer.predict(FRAMES["menus"])
    other = scorer.copy()
    networks = [one.word_states.compiled().network for one in (scorer, other)]  # type: ignore[union-attr]
    tables = [network._wide_words.rows for network in networks]
    assert tables[0] is tables[1]
    assert networks[0].words is not networks[1].words and networks[1].words.size == 0
    assert_frame_equal(other.predict(FRAMES["menus"])[0], expected, check_exact=True)


@pytest.mark.parametrize(
    ("config", "way"),
    [
        (tiny_corpora.fast(), "compiled kernels"),
        (tiny_corpora.settings(), "torch: a task predicts words or generates text"),
    ],
    ids=["fast", "full"],
)
def test_the_log_says_which_way_documents_are_predicted(
    config: Settings, way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tiny_corpora.saved_bundle(tmp_path, config)
    with caplog.at_level("DEBUG", "mgm.scoring.scorer"):
        scorer = Scorer.load(folder)
    assert f"bundle {scorer.bundle.id[:12]}: documents are predicted by {way}" in caplog.messages


class Paired(Scorer):
    """Scores a batch when another thread scores one too."""

    both = threading.Barrier(2, timeout=20)

    def score(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        self.both.wait()
        return super().score(frame, corpus)


def test_threads_share_the_batches_of_a_shard(bundle: Bundle) -> None:
    shard = Shard(0, 4, "", ()), tiny_corpora.menus(4)
    settings = ScoreSettings(rows_per_batch=2, threads=2)
    ((_, rows),) = score_in_process(iter([shard]), scorer=Paired(bundle), as_corpus=None, settings=settings)
    assert rows.predictions["doc_id"].to_list() == ["m0", "m1", "m2", "m3"]
