"""What a results file knows: each result that was ever measured for a bundle on the same rows, so that a run of some models or
seeds leaves the others where they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mgm.files import read_json

from .protocol import Unit

Results = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Model to part to seed to what was found: tasks (to metric to value), tuned, seconds (null where unknown), and what it was made
with (revision, cpu, date, versions) and is of (fingerprint)."""
Rows = dict[str, dict[str, int]]
"""Task to split to labelled rows."""
_OF_ITS_FIT = ("fingerprint", "revision", "cpu", "thresholds")
"""Of what was tuned: told for the whole result, or too long."""


def gathered(path: Path, bundle: str, rows: Rows, units: Sequence[Unit]) -> Results:
    """What the file at `path` knows of a bundle, and the results of `units` beside and over it. What has a task that is of other
    rows now, or is of other features or settings than a unit of its model and part, is left out and told."""
    known = read_json(path)["bundles"].get(bundle) if path.is_file() else None
    results: Results = _of_the_same_rows(known, rows, f"{path}: {bundle}") if known else {}
    for _, _, old in _each(results):
        # of a run before results had a date of their own
        old.setdefault("date", f"{known['machine']['date']} or before" if known else "")
        old.setdefault("versions", known["versions"] if known else {})
    for unit in units:
        seeds = results.setdefault(unit.model, {}).setdefault(unit.part, {})
        for seed in [s for s, other in seeds.items() if other["fingerprint"] != unit.fingerprint]:
            print(f"{path}: {unit.model}, {unit.part}, seed {seed}: of other features or settings, left out")
            del seeds[seed]
        found = read_json(unit.path)
        tuned = {key: value for key, value in found["tuned"].items() if key not in _OF_ITS_FIT}
        seeds[str(unit.seed)] = found | {"tuned": tuned}
    return results


def _of_the_same_rows(known: dict[str, Any], rows: Rows, place: str) -> Results:
    """The results of a bundle of whose tasks all have the same rows as now."""
    others = {task for task, old in known["labelled_rows"].items() if old != rows.get(task)}
    kept: Results = {}
    for model, parts in known["results"].items():
        for part, seeds in parts.items():
            if wrong := others & {task for result in seeds.values() for task in result["tasks"]}:
                print(f"{place}: {model}, {part}: {', '.join(sorted(wrong))} of other rows, left out")
            else:
                kept.setdefault(model, {})[part] = seeds
    return kept


def by_seed(results: Results) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Model to seed to task to metric to value."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for model, seed, result in _each(results):
        found.setdefault(model, {}).setdefault(seed, {}).update(result["tasks"])
    return found


def _each(results: Results) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Model, seed and result, in the order of models, parts and seeds."""
    for model, parts in sorted(results.items()):
        for _, seeds in sorted(parts.items()):
            for seed in sorted(seeds, key=int):
                yield model, seed, seeds[seed]
