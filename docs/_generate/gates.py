"""The page of the gates' checks, from the suites."""

import json
from importlib.resources import files
from typing import Any

from docs._generate.markdown import table

GATES = {
    "ingest": "After ingest, of each corpus.",
    "clean": "After cleaning and deduplication, of each corpus, and against the champion's profile where there is a champion.",
    "features": "After features, of all corpora together.",
    "score": "Before a night is scored, against the profile in the bundle.",
}
INTRODUCTION = """\
# Gates

A gate judges narrow tables of computed columns, never the texts. A check of severity *critical* ends the run with a message that names corpus,
check, column, observed value, threshold and up to ten rows; a *warning* is reported and goes on. A name in angle brackets is a setting under
`gates.<gate>`, such as `gates.clean.copies_warn`. Every verdict is a JSON in `reports/gates` and a page in `reports/data_docs/index.html`.

"""


def page() -> str:
    """Return the page as Markdown."""
    return INTRODUCTION + "\n".join(
        f"## {name}\n\n{text}\n\n{table(['what holds', 'severity', 'column', 'condition'], _checks(name))}"
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
    condition = (
        check["type"]
        .removeprefix("expect_column_values_to_")
        .removeprefix("expect_column_")
        .replace("_", " ")
    )
    limits = {key: _limit(value) for key, value in check["kwargs"].items() if key != "column"}
    return condition + "".join(f", {key.replace('_', ' ')} {value}" for key, value in limits.items())


def _limit(value: Any) -> str:
    if isinstance(value, dict) and "$PARAMETER" in value:
        return f"&lt;{value['$PARAMETER']}&gt;"
    return f"`{json.dumps(value, ensure_ascii=False)}`"
