"""Python's regular expressions in the text room and the readers: each takes time in proportion to a text, also to its worst ones.

Those of Polars run on Rust's engine, which is linear by construction.
"""

import ast
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mgm
from mgm.corpus.readers import delimited, json_documents
from mgm.corpus.readers.records import QuoteError, Syntax, quote_marks, unquoted
from mgm.text import dictionary, stopwords, subwords
from mgm.text.cleaning import mask, mojibake
from mgm.text.vectors import files

ROOMS = ("text", "corpus/readers")
FUNCTIONS = {"compile", "match", "search", "fullmatch", "findall", "finditer", "sub", "split", "subn"}
CHARACTERS, FACTOR = 1_500, 4
"""A text of so many characters is compared with one of four times as many: 4 where the time is linear, 16 where it is quadratic."""
MAX_GROWTH, SPARE_SECONDS = 8.0, 0.004

OF_A_CONSTANT = {
    "text/cleaning/mojibake.py": {"_TOKEN", "re.sub"},  # ftfy's own expression, at import
    "corpus/readers/jsonl.py": {"re.search"},  # Arrow's error, which names a column of the settings
    "corpus/readers/input_files.py": {"re.match"},  # an address of the settings
}
"""Expressions that never meet a document."""


def _sub(pattern: re.Pattern[str]) -> Callable[[str], object]:
    return lambda text: pattern.sub("", text)


def _find(pattern: re.Pattern[str]) -> Callable[[str], object]:
    return lambda text: list(pattern.finditer(text))


def _marks(text: str) -> object:
    syntax = Syntax(separator=b",", quote=b'"', escape=b"\\")
    try:
        return quote_marks(text.encode(), len(text.encode()), syntax=syntax, is_last=True)
    except QuoteError:
        return None


def _unquoted(text: str) -> object:
    return unquoted(text.encode(), Syntax(separator=b",", quote=b'"', escape=b"\\"))


DIGITS = (
    "1",
    "1 ",
    "12345678 ",
    "1,",
    "1.1",
    "+1",
    "+1.",
    " +12345678.1",
    "+1(1)",
    "(020)",
    "1-",
    "x1",
    "19",
)
CASES: dict[str, dict[str, tuple[Callable[[str], object], tuple[str, ...]]]] = {
    "text/cleaning/mask.py": {
        "_URLS": (
            _find(mask._URLS),
            (
                "http://",
                "http://a",
                "http://a!",
                "www.a(",
                "(www.a",
                "http://a(.",
                "http://a@",
                "http://[",
                "!",
            ),
        ),
        "_EMAILS": (_find(mask._EMAILS), ("a", "a@", "a@a.", "a.a@", "a@a-", "%", " a@aa.1", "-@a")),
        "_IPS": (_find(mask._IPS), ("1", "1.", "1:", "::", "a:b::", " 1.1.1.1", ":a", "255.255.255.255.")),
        "_PHONES": (_find(mask._PHONES), DIGITS),
        "_NUMBERS": (_find(mask._NUMBERS), DIGITS),
    },
    "text/cleaning/mojibake.py": {
        "_OTHER_CONTROL": (_find(mojibake._OTHER_CONTROL), ("\x80", "a")),
        "_UTF8_OR_NEL": (_sub(mojibake._UTF8_OR_NEL), ("\xc2", "\xe0\x80", "\xf0\x80\x80", "\x85")),
    },
    "text/dictionary.py": {"_TAG": (dictionary._TAG.fullmatch, ("a", "a1"))},
    "text/stopwords.py": {"_CONTRACTION": (_find(stopwords._CONTRACTION), ("n't", "'", "n"))},
    "text/subwords.py": {"_BYTE": (subwords._BYTE.match, ("<0x", "<0xAA>"))},
    "text/vectors/files.py": {
        "_BLANKS": (lambda text: files._BLANKS.split(text.encode()), (" ", "\t", " a")),
    },
    "corpus/readers/delimited.py": {
        "_SEPARATOR_LINE": (
            lambda text: delimited._SEPARATOR_LINE.match(text.encode()),
            ("sep=", '"', "\r"),
        ),
        "re.fullmatch": (lambda text: re.fullmatch(r"[+-]?\d*,\d+", text), ("1", "1,", ",")),
    },
    "corpus/readers/json_documents.py": {
        "_BLANKS": (json_documents._BLANKS.match, (" ", "\n", " a")),
    },
    "corpus/readers/records.py": {
        "content": (_marks, ('"', '""', ',"', '"a', '"\n', '\\"', ',"a\\')),
        "re.sub": (_unquoted, ('"', "\\", '\\"')),
    },
}
"""The expressions of each module, how they are used, and the pieces that bad texts are made of."""


def _expressions(path: Path) -> Iterator[str]:
    """Yield the names that compiled expressions are given, and calls of functions of `re` that compile one themselves."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text if re.search(r"\b(?:re|regex)\b", text) else "")
    compiled: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _function(node.value) == "compile":
            compiled.add(node.value)
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    for node in ast.walk(tree):
        if (name := _function(node)) and node not in compiled:
            yield f"re.{name}"


def _function(node: ast.AST) -> str | None:
    """Return the function of `re` or `regex` that a node calls."""
    if isinstance(node, ast.Call) and isinstance(function := node.func, ast.Attribute):
        module = function.value
        if isinstance(module, ast.Name) and module.id in ("re", "regex") and function.attr in FUNCTIONS:
            return function.attr
    return None


def test_every_expression_is_listed() -> None:
    library = Path(mgm.__file__).parent
    found = {
        path.relative_to(library).as_posix(): names
        for room in ROOMS
        for path in sorted((library / room).rglob("*.py"))
        if (names := set(_expressions(path)))
    }
    listed = {path: set(cases) for path, cases in CASES.items()}
    for path, names in OF_A_CONSTANT.items():
        listed[path] = listed.get(path, set()) | names
    assert found == listed


def _seconds(function: Callable[[str], object], text: str) -> float:
    """Return the least time of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        function(text)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(
    ("function", "pieces"),
    [
        pytest.param(*case, id=f"{path}:{name}")
        for path, cases in CASES.items()
        for name, case in cases.items()
    ],
)
def test_time_grows_with_the_text(function: Callable[[str], object], pieces: tuple[str, ...]) -> None:
    """One piece again and again, alone and with an end that no match takes."""
    for piece in pieces:
        for begin, end in (("", ""), (piece, "\x00"), ("", "a_")):
            short, long = (
                begin + piece * (factor * CHARACTERS // len(piece)) + end for factor in (1, FACTOR)
            )
            allowed = MAX_GROWTH * _seconds(function, short) + SPARE_SECONDS
            assert _seconds(function, long) < allowed, (piece, begin, end)


def test_a_quadratic_expression_is_seen() -> None:
    expression = _find(re.compile(r"a+b"))
    with pytest.raises(AssertionError):
        test_time_grows_with_the_text(expression, ("a",))
