"""The names of corpora: which are refused, with a valid one that is like them."""

import re

import pytest

from mgm.settings.core import CoreSettings
from mgm.settings.corpus_names import MAX_BYTES, check_corpus_names, corpus_name

HARMFUL = {
    "command": ("a;b", "a_b"),
    "variable": ("$HOME", "home"),
    "substitution": ("`id`", "id"),
    "quote": ("it's", "it_s"),
    "line break": ("a\nb", "a_b"),
    "point": ("news.2024", "news_2024"),
    "at": ("c@1", "c_1"),
    "blank": ("a b", "a_b"),
    "option": ("-rf", "rf"),
    "parent folder": ("../../mgm", "mgm"),
    "pattern": ("a*", "a"),
    "interpolation": ("${seed}", "seed"),
    "nothing": ("", "corpus"),
}


@pytest.mark.parametrize(("name", "like"), HARMFUL.values(), ids=HARMFUL)
def test_a_name_that_a_shell_or_a_path_reads_is_refused(name: str, like: str) -> None:
    tasks = {"topic": {"kind": "classification", "corpora": [name]}}
    rule = "expected letters, digits, _ and -, with no - at the beginning"
    expected = f"p: enabled: {name!r}: {rule} (such as {like!r})"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        CoreSettings.parse({"enabled": {name: "a.csv"}, "tasks": tasks}, "p")
    off = {"enabled": {"news": "a.csv"}, "tasks": {"topic": tasks["topic"] | {"corpora": ["news"]}}}
    with pytest.raises(ValueError, match=re.escape(f"p: corpora: {name!r}: {rule}")):
        CoreSettings.parse(off | {"corpora": {name: {}}}, "p")


@pytest.mark.parametrize("name", ["news-2024", "_x", "2024", "新闻", "हिन्दी", "é", "e\u0301"])
def test_other_names_are_valid(name: str) -> None:
    check_corpus_names([name], "here")
    assert corpus_name(name) == name.strip("_")


def test_names_that_differ_in_case_alone_are_one_folder_to_some() -> None:
    with pytest.raises(ValueError, match="here: 'news': expected a name that differs from 'News' in more"):
        check_corpus_names(["News", "news"], "here")


def test_a_name_is_shorter_than_that_of_a_file() -> None:
    assert len(corpus_name("诗" * 300).encode()) <= MAX_BYTES
    with pytest.raises(ValueError, match="expected at most 200 bytes in UTF-8"):
        check_corpus_names(["诗" * 70], "here")


def test_a_number_is_no_name() -> None:
    """DVC runs no stage for it, and says that all is up to date."""
    tasks = {"topic": {"kind": "classification", "corpora": ["2024"]}}
    with pytest.raises(ValueError, match="p: enabled: 2024: expected a name that is text, in quotes"):
        CoreSettings.parse({"enabled": {2024: "a.csv"}, "tasks": tasks}, "p")
