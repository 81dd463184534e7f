"""Which names a task cannot have, and the free name that the error gives."""

import pytest

from mgm.tasks.names import MAX_BYTES, OUTPUT_COLUMNS, OUTPUT_SUFFIXES, free_name, invalid_names

FREE = ["score", "lang", "group", "split", "_row", "words", "label", "true", "right", "a.b", "a-b", "情感", "भाव", "_", "x" * MAX_BYTES]  # fmt: skip
BROKEN = ["Label/Level", "a b", "a\\b", "..", ".a", "a.", "-a", "", "it's", "C++", "a,b", "a:b", "a\nb", "x" * (MAX_BYTES + 1), "情" * 41]  # fmt: skip


@pytest.mark.parametrize("name", FREE)
def test_anybodys_word_is_a_name(name: str) -> None:
    assert list(invalid_names([name, "topic"])) == []
    assert free_name(name, ["topic"]) == name


@pytest.mark.parametrize("name", BROKEN)
def test_no_file_or_column_can_be_made_of_it(name: str) -> None:
    ((broken, fault),) = invalid_names([name, "topic"])
    assert broken == name and "letters, digits, _, - and ." in fault
    _check_is_free(free_name(name, ["topic"]), "topic")


@pytest.mark.parametrize("name", [*OUTPUT_COLUMNS, "Date", "DOC_ID"])
def test_columns_of_outputs_are_taken(name: str) -> None:
    ((_, fault),) = invalid_names([name, "topic"])
    expected = f"have a column {name.lower()!r} of their own; expected another name, such as '{name}_label'"
    assert fault.endswith(expected)
    _check_is_free(f"{name}_label", "topic")


@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
@pytest.mark.parametrize("names", [("topic", "topic{}"), ("topic{}", "topic"), ("Topic", "topic{}")])
def test_a_name_that_is_another_tasks_further_column(names: tuple[str, str], suffix: str) -> None:
    given = [name.format(suffix) for name in names]
    ((broken, fault),) = invalid_names(given)
    assert broken == f"topic{suffix}" and f"for the task {min(given, key=len)!r}" in fault
    assert f"such as 'topic{suffix}_label'" in fault


@pytest.mark.parametrize(
    "names", [("Priority", "priority"), ("É", "é"), ("e\u0301", "é"), ("STRASSE", "straße")]
)
def test_names_that_differ_in_case_or_form_alone(names: tuple[str, str]) -> None:
    ((broken, fault),) = invalid_names(names)
    assert broken == names[1] and f"differs from {names[0]!r}" in fault and f"'{names[1]}_label'" in fault


def test_a_free_name_is_free_beside_all_others() -> None:
    taken = ["date_label", "a_b", "a_b_label", "x" * MAX_BYTES]
    assert free_name("date", taken) == "date_label_label"
    assert free_name("a/b", taken) == "a_b_label_label"
    _check_is_free(free_name("X" * MAX_BYTES, taken), *taken)


def _check_is_free(name: str, *taken: str) -> None:
    assert name not in taken and list(invalid_names([*taken, name])) == []
