"""The page of the reasons for which rows are dropped, from their definitions."""

import ast
import itertools
from pathlib import Path

import mgm.corpus.rejects
from docs._generate.markdown import table

INTRODUCTION = """\
# Reject reasons

A row that cannot be used goes to a table of rejects, with its id, the stage, the reasons and its original values. For every stage and
every night, rows in = rows out + rejected. The tables of a corpus are in `data/rejects/<stage>/<corpus>/`; the rejects of nights are in
the table `score.rejects`.

"""


def page() -> str:
    """Return the page as Markdown."""
    return INTRODUCTION + table(["reason", "where", "meaning"], reasons())


def reasons() -> list[tuple[str, str, str]]:
    """Return each reason with where it comes up, and its meaning, from the string below its definition."""
    source = Path(mgm.corpus.rejects.__file__).read_text(encoding="utf-8")
    body = ast.parse(source).body
    rows = []
    for definition, following in itertools.pairwise(body):
        if not (isinstance(definition, ast.Assign) and isinstance(definition.value, ast.Constant)):
            continue
        assert isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant), (
            "a reason without a meaning"
        )
        where, _, meaning = str(following.value.value).partition(": ")
        rows.append((f"`{definition.value.value}`", where, meaning[:1].upper() + meaning[1:]))
    return rows
