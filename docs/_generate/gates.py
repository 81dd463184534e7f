"""The page of the gates' checks, from the suites."""

import json
from importlib.resources import files
from typing import Any

from docs._generate.markdown import table

GATES = {
    "ingest": "This gate runs after ingest, for each corpus.",
    "clean": "This gate runs after deduplication, for each corpus, and compares it with the champion's profile if there is a champion.",
    "features": "This gate runs after features, for all corpora together.",
    "score": "This gate runs before a night is scored, and compares it with the profile in the bundle.",
}
INTRODUCTION = """\
# Gates

A gate checks small tables of computed columns, never the texts themselves. If a *critical* check fails, the run stops with a message that
names the corpus, check, column, observed value, threshold and up to ten rows. A failed check of severity *warning* is only reported. A name in
angle brackets is a setting under `gates.<gate>`, such as `gates.clean.copies_warn`. Every verdict is a JSON file in `reports/gates` and a page
in `reports/data_docs`, whose `index.html` lists them.

"""


def page() -> str:
    """Return the page as Markdown."""
    return INTRODUCTION + "\n".join(
        f"## {name}\n\n{text}\n\n{table(['what should hold', 'severity', 'column', 'condition'], _checks(name))}"
        for name, text in GATES.items()
    )


def _checks(name: str) -> list[tuple[str, str, str, str]]:
    suite = json.loads((files("flows.gates") / "suites" / f"{name}.json").read_text(encoding="utf-8"))
    return [
        (
            check["notes"],
            check["severity"],
            f"`{check['kwargs'].get('column', '')}` of {check['meta']['frame']}",
            _condition(check),
        )
        for check in suite["expectations"]
    ]


def _condition(check: dict[str, Any]) -> str:
    name = check["type"].removeprefix("expect_column_values_to_").removeprefix("expect_column_")
    limits = {key: _limit(value) for key, value in check["kwargs"].items() if key != "column"}
    if name == "be_between":
        bounds = {"min_value": "at least", "max_value": "at most"}
        return " and ".join(f"{words} {limits.pop(key)}" for key, words in bounds.items() if key in limits)
    words = (
        name.replace("not_be_", "is not ").replace("to_be_", "is ").replace("be_", "is ").replace("_", " ")
    )
    if name == "be_in_set":
        return f"is one of {limits.pop('value_set')}"
    if "max_value" in limits:
        words = f"{words.removesuffix(' is below')} at most {limits.pop('max_value')}"
    if "mostly" in limits:
        words += f" for at least {limits.pop('mostly')} of the rows"
    if condition := check["kwargs"].get("row_condition"):
        words += f" where `{condition['column']['name']} {condition['operator']} {condition['parameter']}`"
        del limits["row_condition"]
    return words + "".join(f", {key.replace('_', ' ')} {value}" for key, value in limits.items())


def _limit(value: Any) -> str:
    if isinstance(value, dict) and "$PARAMETER" in value:
        return f"&lt;{value['$PARAMETER']}&gt;"
    return f"`{json.dumps(value, ensure_ascii=False)}`"
