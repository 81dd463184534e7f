"""The benchmark of growth: its documents with planted copies, its fits, and the copies that it counts as found."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import growth_fit  # noqa: E402
import planted  # noqa: E402
import scale  # noqa: E402

POOLS = [
    planted.Pool([f"The {i} quick brown foxes jump. " for i in range(40)], ["ba", "ko"], "{} met {}. "),
    planted.Pool([f"第{i}只狐狸跳过了那条懒狗。" for i in range(40)], ["安", "博"], "{}见了{}。"),
]
SIZES = [5_000, 100_000, 400_000]


def test_planted_copies_are_as_similar_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "BATCH", 200)
    batches = list(planted.documents(600, POOLS))
    texts = dict(pl.concat([frame for frame, _ in batches]).select("doc_id", "text").iter_rows())
    copies = pl.concat([copies for _, copies in batches])
    assert len(texts) == 600 and set(copies["kind"]) == {"exact", "near"}
    assert copies["of"].n_unique() == copies.height, "an original has one copy"
    for doc_id, of, kind, similarity in copies.iter_rows():
        assert similarity == planted.jaccard(texts[doc_id], texts[of]) >= planted.THRESHOLD
        assert (similarity == 1) == (kind == "exact")
    split = dict(pl.concat([frame for frame, _ in batches]).select("doc_id", "split").iter_rows())
    assert all(split[doc_id] != split[of] for doc_id, of, _, _ in copies.iter_rows())
    again = pl.concat([frame for frame, _ in planted.documents(600, POOLS)])
    assert dict(again.select("doc_id", "text").iter_rows()) == texts


@pytest.mark.parametrize(
    ("growth", "shape"),
    [("n", lambda n: n), ("n log n", lambda n: n * np.log2(n))],
    ids=["linear", "n log n"],
)
def test_a_fit_finds_start_slope_and_growth(growth: str, shape: object) -> None:
    values = [3 + 2e-3 * shape(n) for n in SIZES]  # type: ignore[operator]
    fitted = growth_fit.fit(SIZES, values, growth_fit.TIMES)
    assert fitted["growth"] == growth and fitted["relative_error"] < 1e-6
    assert fitted["start"] == pytest.approx(3, rel=1e-3) and fitted["slope"] == pytest.approx(2e-3)
    assert growth_fit.at(fitted, 1e8) == pytest.approx(3 + 2e-3 * shape(1e8), rel=1e-3)  # type: ignore[operator]


def test_what_does_not_grow_has_no_slope() -> None:
    fitted = growth_fit.fit(SIZES, [200.0, 190.0, 180.0], growth_fit.LINEAR)
    assert fitted["slope"] == 0 and 180 < fitted["start"] < 200


def test_the_exponent_leaves_out_the_start() -> None:
    assert growth_fit.exponent(SIZES, [5.0, 5 + 95_000.0, 5 + 395_000.0]) == pytest.approx(1)
    assert growth_fit.exponent(SIZES, [5.0, 5 + 95_000.0**2, 5 + 395_000.0**2]) == pytest.approx(2)
    assert growth_fit.exponent(SIZES, [5.0, 4.0, 6.0]) is None


def test_found_copies_are_dropped_or_in_one_split(tmp_path: Path) -> None:
    """b of a and d of c are dropped, through a chain or not; h of g is kept in its split; f of e is missed; x is of no planted original."""
    clean, unique, rejects = (
        tmp_path / "data" / name / scale.CORPUS for name in ("clean", "unique", "rejects/deduplicate")
    )
    for folder in (clean, unique, rejects):
        folder.mkdir(parents=True)
    pl.DataFrame({"doc_id": list("abcdefghx")}).write_parquet(clean / "part-00000.parquet")
    splits = {"b": "train", "c": "test", "e": "train", "f": "test", "g": "valid", "h": "valid"}
    kept = {"doc_id": list(splits), "split": list(splits.values())}
    pl.DataFrame(kept).write_parquet(unique / "part-00000.parquet")
    dropped = {"a": "b", "d": "x", "x": "c"}
    pl.DataFrame(
        {
            "doc_id": list(dropped),
            "reasons": [["near_duplicate"]] * 3,
            "values": [json.dumps({"duplicate_of": of}) for of in dropped.values()],
        }
    ).write_parquet(rejects / "part-00000.parquet")
    near = [(copy, of, "near", 0.9) for copy, of in ("ba", "dc", "fe", "hg")]
    pl.DataFrame(
        [*near, ("missing", "a", "exact", 1.0)], schema=["doc_id", "of", "kind", "similarity"], orient="row"
    ).write_parquet(tmp_path / "planted.parquet")
    counts = scale.count_copies(tmp_path)
    assert counts["near"] == {"planted": 4, "found": 3, "dropped": 2, "recall": 0.75}
    assert "exact" not in counts
    assert counts["dropped"] == 3 and counts["dropped_without_planted_original"] == 2


def test_verdicts_are_counted_when_all_are_there(tmp_path: Path) -> None:
    pairs = pl.DataFrame({"source": ["real", "planted"], "verdict": ["copy", None]})
    pairs.write_csv(tmp_path / "pairs.csv")
    with pytest.raises(SystemExit, match="1 pairs without a verdict"):
        scale.count_verdicts(tmp_path / "pairs.csv")
    pairs.with_columns(verdict=pl.Series(["copy", "different"])).write_csv(tmp_path / "pairs.csv")
    assert scale.count_verdicts(tmp_path / "pairs.csv") == {
        "pairs": 2,
        "planted_pairs": 1,
        "different": 1,
    }


def test_only_stages_that_work_part_by_part_are_divided() -> None:
    seconds = {"growth": "n", "start": 3600.0, "slope": 0.0036, "relative_error": 0.0}
    nothing = {"growth": "n", "start": 2.0**30, "slope": 0.0, "relative_error": 0.0}
    fitted = {
        "cpu_seconds": seconds,
        **dict.fromkeys(("memory_bytes", "disk_bytes", "temporary_bytes"), nothing),
    }
    taken = scale.extrapolate({"clean": fitted, "deduplicate": fitted}, 64_000_000)
    assert taken["clean"]["hours"] == {"1": 65.0, "8": 9.0, "32": 3.0}
    assert taken["deduplicate"]["hours"] == {"1": 65.0, "8": 65.0, "32": 65.0}
    assert taken["clean"]["memory_gib"] == 1.0 and taken["clean"]["disk_gb"] == 1.07
