"""The expectation that the population stability index of a column of numbers against a histogram stays below a bound.

In a suite:

    {"type": "expect_column_population_stability_index_to_be_below",
     "kwargs": {"column": "text_characters", "reference": [[0, 120], [64, 340], [128, 90], [256, 0]],
                "max_value": 0.25, "min_rows": 200},
     "severity": "warning", "meta": {"frame": "documents"}}

`reference` lists [lower bound, count]: a bin reaches up to the next bound, the last one has no upper end (so end with a
count of 0 where the reference ends), and numbers below the first bound fall into one more bin, which is empty in the
reference. `reference`, `max_value` and `min_rows` may also be {"$PARAMETER": "name"}, a setting of this gate in params.yaml.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics import ColumnAggregateMetricProvider, column_aggregate_value
from great_expectations.render.renderer_configuration import RendererConfiguration, RendererValueType
from pydantic.v1 import StrictFloat, StrictInt, validator

from mgm.profiling.effect_sizes import population_stability_index

METRIC = "column.reference_histogram"
DIGITS = 6
"""The digits of the index, which is rounded so that equal data gives equal bytes."""


def histogram_counts(values: npt.NDArray[np.float64], reference: list[list[float]]) -> list[int]:
    """Return the counts of `values` in the bins of a reference.

    Raises:
        ValueError: the reference is no histogram.
    """
    problem = _find_problem(reference)
    if problem:
        raise ValueError(f"reference: {problem}")
    bins = np.searchsorted([bound for bound, _ in reference], values, side="right")
    counts: list[int] = np.bincount(bins, minlength=len(reference) + 1).tolist()
    return counts


def _find_problem(reference: object) -> str | None:
    """Return the reason why this is no histogram [[lower bound, count], ...]; None if it is one."""
    if not isinstance(reference, list) or not all(_is_bin(b) for b in reference):
        return f"expected a list of [lower bound, count], found {str(reference)[:80]}"
    if any(low >= high for (low, _), (high, _) in pairwise(reference)):
        return f"expected increasing lower bounds, found {[bound for bound, _ in reference]}"
    if not any(count for _, count in reference):
        return "expected counts above 0, found none"
    return None


def _is_bin(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in value)
        and value[1] >= 0
    )


class ColumnReferenceHistogram(ColumnAggregateMetricProvider):
    """The counts of a column's values in the reference's bins (the first is below all of them), without nulls and NaN."""

    metric_name = METRIC
    value_keys = ("reference",)

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **kwargs: Any) -> list[int]:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return histogram_counts(values[~np.isnan(values)], kwargs["reference"])


class ExpectColumnPopulationStabilityIndexToBeBelow(ColumnAggregateExpectation):
    """Expect the population stability index of a column against a reference histogram to be at most `max_value`."""

    reference: list[Any] | dict[str, Any]
    max_value: StrictFloat | StrictInt | dict[str, Any]
    min_rows: StrictInt | dict[str, Any] = 1
    """The expectation holds for fewer values, and its result notes that: even without drift the index is about (bins - 1)(1/n + 1/m)."""

    # Great Expectations reads these names.
    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("reference", "max_value", "min_rows")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "reference", "max_value", "min_rows")

    @validator("reference")
    def _is_histogram(cls, value: Any) -> Any:
        """Refuse a malformed histogram of the suite when it is read; one of a parameter is refused when it is used."""
        problem = None if isinstance(value, dict) else _find_problem(value)
        if problem:
            raise ValueError(problem)
        return value

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: RendererConfiguration) -> RendererConfiguration:
        """Describe the expectation."""
        for name, kind in (
            ("column", RendererValueType.STRING),
            ("max_value", RendererValueType.NUMBER),
            ("min_rows", RendererValueType.NUMBER),
        ):
            renderer_configuration.add_param(name=name, param_type=kind)
        words = "population stability index must be less than or equal to $max_value"
        if renderer_configuration.params.min_rows:
            words += ", from $min_rows rows on"
        renderer_configuration.template_str = f"$column {words}."
        return renderer_configuration

    def _validate(  # noqa: PLR0917  (called by Great Expectations)
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        """Return whether it holds, and the counts, of which `merge_results` makes the finding."""
        counts = metrics[METRIC]
        settings = self._get_success_kwargs()
        merged = self.merge_results([{"counts": counts}], settings)
        return {"success": merged["success"], "result": {"counts": counts}}

    @classmethod
    def merge_results(
        cls, results: Sequence[Mapping[str, Any]], arguments: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return whether the expectation holds for all blocks together, and the value and the number of rows for the finding."""
        observed = np.sum([result["counts"] for result in results], axis=0)
        rows = int(observed.sum())
        if not rows or rows < arguments.get("min_rows", 1):
            return {"success": True, "details": {"observed_value": "too few rows", "rows": rows}}
        expected = [0, *(count for _, count in arguments["reference"])]
        index = population_stability_index(expected, observed.tolist())
        holds = bool(index <= arguments["max_value"])
        return {"success": holds, "details": {"observed_value": round(index, DIGITS), "rows": rows}}
