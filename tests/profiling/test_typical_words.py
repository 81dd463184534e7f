import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.profiling.typical_words import NUM_LABELS, NUM_WORDS, TypicalWords, z_scores
from mgm.tasks import Task
from mgm.text.list_columns import factorize, flatten, lengths, unflatten
from tests.label_columns import with_label_columns

DISH = Task(name="dish", kind="classification", corpora=["menus"])
THEMES = Task(name="themes", kind="multilabel", corpora=["menus"])
PRICE = Task(name="price", kind="regression", corpora=["menus"])
KEYS = Task(name="keys", kind="tagging", corpora=["menus"])
Tables = tuple[pl.DataFrame, pl.DataFrame]


def tables(rows: list[dict[str, object]], unknown: tuple[str, ...] = ()) -> Tables:
    """A part of features: each row's `text` cut at blanks; a word in brackets carries no content."""
    frame = pl.DataFrame(rows, schema_overrides={"dish": pl.String, "themes": pl.List(pl.String)})
    words = frame["text"].str.split(" ")
    shown = flatten(words)
    code, types = factorize(shown.str.strip_chars("()").alias("text"))
    content = ~shown.str.starts_with("(")
    documents = with_label_columns(frame.drop("text"), ["dish", "themes"]).with_columns(
        unflatten(pl.Series(code.astype(np.int32)), lengths(words), name="word"),
        unflatten(content, lengths(words), name="content"),
    )
    ids = [0 if word in unknown else i + 1 for i, word in enumerate(types)]
    return documents, types.to_frame().with_columns(id=pl.Series(ids, dtype=pl.Int32))


def row(
    text: str, dish: str | None, split: str = "train", themes: list[str] | None = None
) -> dict[str, object]:
    return {"text": text, "split": split, "dish": dish, "themes": themes}


SOUPS = [row("stir the hot 汤", "soup"), row("Stir it hot hot hot", "soup"), row("serve the 汤", "soup")]
CAKES = [row("bake the cake", "cake"), row("Bake it sweet", "cake"), row("serve the cake", "cake")]


def top(tasks: list[Task], *parts: Tables) -> dict[str, dict[str, list[str]]]:
    gathered = TypicalWords(tasks)
    for documents, types in parts:
        gathered.add(documents, types)
    return {
        task: {label: [str(word) for word, _ in words] for label, words in labels.items()}
        for task, labels in gathered.result().items()
    }


def test_a_word_of_one_label_alone_comes_first() -> None:
    found = top([DISH], tables(SOUPS + CAKES))["dish"]
    assert found["soup"][:3] == ["hot", "stir", "汤"]
    assert found["cake"][:2] == ["bake", "cake"]
    assert not {"hot", "stir", "汤"} & set(found["cake"])
    assert not {"bake", "cake", "sweet"} & set(found["soup"])


def test_a_word_counts_once_a_document() -> None:
    rows = [row("salt " * 50 + "stir", "soup"), row("stir", "soup"), row("bake", "cake")]
    assert top([DISH], tables(rows))["dish"]["soup"] == ["stir", "salt"]


def test_only_training_rows_known_words_and_content_are_read() -> None:
    rows = [
        *(SOUPS + CAKES),
        row("planted", "soup", "test"),
        row("planted", "soup", "valid"),
        row("(planted) rare", "soup"),
        row("planted", None),
    ]
    assert not {"planted", "rare"} & set(top([DISH], tables(rows, unknown=("rare",)))["dish"]["soup"])
    documents, types = tables(rows)
    gathered = TypicalWords([DISH])
    gathered.add(documents.drop("content"), types)
    assert "planted" in [word for word, _ in gathered.result()["dish"]["soup"]]


def test_every_label_of_a_set_has_its_words() -> None:
    """Every label of a document has its words and an empty set is a document without."""
    rows = [
        row("moon night", None, themes=["night", "home"]),
        row("moon river", None, themes=["night"]),
        row("road river", None, themes=[]),
        row("road moon", None, themes=None),
    ]
    found = top([THEMES], tables(rows))["themes"]
    assert found == {"night": ["moon", "night"], "home": ["night", "moon"]}


def test_numbers_and_spans_have_no_typical_words() -> None:
    """Numbers and spans have no typical words and neither has a task without labels."""
    assert top([DISH, PRICE, KEYS], tables([row("a", None)]), tables([row("b", None, themes=["x"])])) == {}
    with_one_label_only = top([DISH], tables([row("a b", "soup")]))
    assert with_one_label_only == {"dish": {"soup": []}}


def test_the_most_frequent_labels_and_words_are_kept() -> None:
    many = [
        row(" ".join(f"w{i}x{j}" for j in range(NUM_WORDS + 5)), f"label{i:02d}")
        for i in range(NUM_LABELS + 5)
    ]
    twice = [row("again", f"label{NUM_LABELS + 4:02d}")]
    found = top([DISH], tables(many + twice))["dish"]
    assert list(found) == ["label34", *(f"label{i:02d}" for i in range(NUM_LABELS - 1))]
    assert found["label00"] == [f"w0x{j}" for j in (0, 1, 10, 11, 12, 13, 14, 2, 3, 4)]


TEXT = st.lists(st.sampled_from(["Salt", "salt", "汤", "(the)", "hot", "oil"]), min_size=1, max_size=5).map(
    " ".join
)
ROW = st.builds(
    row,
    TEXT,
    st.sampled_from(["soup", "cake", None]),
    st.sampled_from(["train", "train", "test"]),
    st.none() | st.lists(st.sampled_from("abc"), unique=True, max_size=2),
)


@given(st.lists(ROW, min_size=1, max_size=12), st.data())
def test_parts_and_order_of_rows_do_not_matter(rows: list[dict[str, object]], data: st.DataObject) -> None:
    """Neither cuts into parts nor the order of rows change the result."""
    whole = TypicalWords([DISH, THEMES])
    whole.add(*tables(rows))
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(1, len(rows)))
    parts = TypicalWords([DISH, THEMES])
    for some in (shuffled[:cut], shuffled[cut:]):
        if some:
            parts.add(*tables(some))
    assert parts.result() == whole.result()


def test_z_scores_are_those_of_the_formula() -> None:
    # One word, by hand: prior 500 of 1000; 3 of 4 with the label, 1 of 4 without.
    assert z_scores(np.array([3, 1]), np.array([4, 4]))[0] == pytest.approx(
        (np.log(503 / 501) - np.log(501 / 503)) / np.sqrt(1 / 503 + 1 / 501)
    )
    assert z_scores(np.array([4, 4]), np.array([4, 4])).tolist() == [0, 0]
    assert z_scores(np.array([0, 0]), np.array([4, 4])).tolist() == [0, 0]
