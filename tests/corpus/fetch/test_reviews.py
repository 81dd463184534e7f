import io
import tarfile

import polars as pl
import pytest

from mgm.corpus.fetch import content_hash, fetch
from mgm.corpus.fetch.errors import FetchError
from mgm.corpus.fetch.reviews import FILES, build_rows, normalize_text, polarity

TWEETS = "1\t2.5\tI &lt;3 you &amp;#38; me\r\n2\t-0.2\tOK\ttabbed\r\n"
MOVIE = "\ufeff1\t-2\tDull é.\r\n"
AMAZON = "7_1\t0.21\tworks\r\n7_2\t0\tstill works\r\n"


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for source, text in files.items():
            info = tarfile.TarInfo(f"hutto/{FILES[source]}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_rows_of_the_three_files():
    rows = {row["doc_id"]: row for row in build_rows(archive(tweets=TWEETS, movie=MOVIE, amazon=AMAZON))}
    assert list(rows) == ["tweets-1", "tweets-2", "movie-1", "amazon-7_1", "amazon-7_2"]
    assert rows["tweets-1"] == {
        "doc_id": "tweets-1",
        "text": "I <3 you & me",
        "lang": "en",
        "group": "i <3 you & me",
        "valence": 2.5,
        "polarity": "positive",
        "extremity": "extreme",
    }
    assert rows["tweets-2"]["text"] == "OK\ttabbed"
    assert (rows["movie-1"]["text"], rows["movie-1"]["extremity"]) == ("Dull é.", "extreme")
    assert {rows[doc_id]["group"] for doc_id in ("amazon-7_1", "amazon-7_2")} == {"7"}


@pytest.mark.parametrize(
    ("valence", "expected"), [(-0.21, "negative"), (-0.2, "neutral"), (0.2, "neutral"), (0.21, "positive")]
)
def test_the_bounds_of_neutral_are_neutral(valence, expected):
    assert polarity(valence) == expected


def test_texts_that_differ_in_case_width_or_blanks_are_one_group():
    assert normalize_text("  Great\u00a0 PHONE！") == normalize_text("great phone!")


def test_a_malformed_line_and_a_missing_file_are_named():
    with pytest.raises(FetchError, match=r"movieReviewSnippets_GroundTruth.txt, line 2: 'x\\tgood\\tno'"):
        build_rows(archive(tweets=TWEETS, movie="1\t1\tyes\nx\tgood\tno\n", amazon=AMAZON))
    with pytest.raises(FetchError, match="no file 'amazonReviewSnippets_GroundTruth.txt'"):
        build_rows(archive(tweets=TWEETS, movie=MOVIE))


@pytest.mark.network
def test_the_real_reviews_are_the_ones_the_figures_were_taken_on(tmp_path):
    [path] = fetch("reviews", tmp_path)
    frame = pl.read_parquet(path)
    assert path.name == "reviews.parquet"
    assert frame.height == 18_513
    assert content_hash(frame) == "79b6774297742ee7d1ee8cf0f3cee931"
