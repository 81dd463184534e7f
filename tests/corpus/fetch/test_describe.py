import polars as pl

from mgm.corpus.fetch.describe import content_hash, describe

FRAME = pl.DataFrame(
    {
        "doc_id": ["1", "2", "3"],
        "text": ["one", "二", "three"],
        "lang": ["en", "zh", "en"],
        "group": ["f", "a", "a"],
        "score": pl.Series([0.1, None, -2.5], dtype=pl.Float32),
        "topic": ["x", None, "x"],
        "tags": [["t", "u"], [], None],
        "spans": [[{"start": 0, "end": 1, "label": "nr"}], None, []],
        "unused": pl.Series([None, None, None], dtype=pl.String),
    }
)


def test_the_hash_depends_on_the_rows_and_not_on_how_they_are_stored(tmp_path):
    expected = content_hash(FRAME)
    shuffled = FRAME.reverse().select(reversed(FRAME.columns))
    shuffled.write_parquet(tmp_path / "other.parquet", compression="gzip", row_group_size=1)
    assert content_hash(pl.read_parquet(tmp_path / "other.parquet")) == expected
    changed = FRAME.with_columns(pl.col("tags").fill_null([]))
    assert content_hash(changed) != expected


def test_rows_splits_labels_and_hash_are_told(tmp_path):
    path = tmp_path / "planted.parquet"
    FRAME.write_parquet(path)
    lines = describe(path).splitlines()
    assert lines[0] == "planted: 3 rows, 2 groups"
    assert lines[1] == "  splits: train 2, valid 0, test 1"
    assert lines[2:] == [
        "  score: 2 rows labelled, from -2.5000 to 0.1000, mean -1.2000",
        "  topic: 2 rows labelled, 1 labels on 2 places: x 2",
        "  tags: 2 rows labelled, 2 labels on 2 places: t 1, u 1",
        "  spans: 2 rows labelled, 1 labels on 1 places: nr 1",
        "  unused: no row labelled",
        f"  content hash: {content_hash(FRAME)}",
    ]
