"""Measures of drift: an effect size of one aspect, with its numbers and its noise."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from mgm.profiling.effect_sizes import (
    cramers_v,
    cramers_v_noise,
    difference_noise,
    jensen_shannon_distance,
    jensen_shannon_noise,
    kolmogorov_smirnov,
    kolmogorov_smirnov_noise,
    population_stability_index,
    psi_noise,
    root_excess,
    shares,
)
from mgm.profiling.paired_counts import PairedCounts, merge_neighbours, pair_categories, pair_histograms

SCHEMA = pl.Schema(
    {
        "aspect": pl.String,
        "statistic": pl.String,
        "value": pl.Float64,
        "noise": pl.Float64,
        "excess": pl.Float64,
        "n": pl.Int64,
        "reference_n": pl.Int64,
        "detail": pl.String,
    }
)


class Measure(NamedTuple):
    """One row of the table of drift; n and reference_n count documents, words, or labels where a document has several."""

    aspect: str
    statistic: str
    value: float | None
    noise: float | None
    excess: float | None
    n: int
    reference_n: int
    detail: str


def no_measure(
    aspect: str, statistic: str, *, n: int, reference_n: int, detail: str = "nothing to compare"
) -> Measure:
    """Return the row of a statistic that cannot be computed."""
    return Measure(
        aspect=aspect,
        statistic=statistic,
        value=None,
        noise=None,
        excess=None,
        n=n,
        reference_n=reference_n,
        detail=detail,
    )


def compare_histograms(
    aspect: str, reference: Mapping[str, Any], *, current: Mapping[str, Any]
) -> list[Measure]:
    """Return PSI of about ten ranges of equal mean share, and D of all bins."""
    numbers = {"n": current["n"], "reference_n": reference["n"]}
    if not current["n"] or not reference["n"]:
        return [no_measure(aspect, statistic, **numbers) for statistic in ("psi", "ks")]
    if reference["bounds"] != current["bounds"]:
        return [
            no_measure(aspect, statistic, **numbers, detail="the bins differ") for statistic in ("psi", "ks")
        ]
    bounds = reference["bounds"]
    pair = pair_histograms(reference["counts"], current["counts"])
    merged = merge_neighbours(pair, bounds)
    psi = population_stability_index(merged.reference, merged.current)
    noise = psi_noise(merged.freedom, merged.draws)
    d = kolmogorov_smirnov(pair.reference, pair.current)
    d_noise = kolmogorov_smirnov_noise(pair.draws)
    return [
        Measure(
            aspect=aspect,
            statistic="psi",
            value=psi,
            noise=noise,
            excess=max(psi - noise, 0.0),
            **numbers,
            detail=merged.largest_changes(),
        ),
        Measure(
            aspect=aspect,
            statistic="ks",
            value=d,
            noise=d_noise,
            excess=max(d - d_noise, 0.0),
            **numbers,
            detail=_largest_gap(pair, bounds) if d > 0 else "",
        ),
    ]


def _largest_gap(pair: PairedCounts, bounds: list[float]) -> str:
    """Return the bound below which the cumulative shares differ most, in words."""
    before, after = (np.cumsum(shares(counts))[:-1] for counts in (pair.reference, pair.current))
    place = int(np.abs(before - after).argmax())
    return f"below {bounds[place]:g}: {before[place]:.1%} -> {after[place]:.1%}"


def compare_categories(
    aspect: str, reference: Mapping[str, Any], *, current: Mapping[str, Any]
) -> list[Measure]:
    """Return PSI, JS and V of two mixes of categories, each with `n`, `counts` and perhaps `design_effect`."""
    numbers = {"n": current["n"], "reference_n": reference["n"]}
    if not current["n"] or not reference["n"]:
        return [no_measure(aspect, statistic, **numbers) for statistic in ("psi", "js", "cramers_v")]
    pair = pair_categories(
        reference["counts"],
        current["counts"],
        design_effect=max(larger_design_effect(reference, current), 1e-3),
    )
    psi = population_stability_index(pair.reference, pair.current)
    noise = psi_noise(pair.freedom, pair.draws)
    v = cramers_v(pair.reference, pair.current)
    v_noise = cramers_v_noise(pair.freedom, pair.draws)
    detail = pair.largest_changes()
    return [
        Measure(
            aspect=aspect,
            statistic="psi",
            value=psi,
            noise=noise,
            excess=max(psi - noise, 0.0),
            **numbers,
            detail=detail,
        ),
        measure_jensen_shannon(aspect, pair, **numbers),
        Measure(
            aspect=aspect,
            statistic="cramers_v",
            value=v,
            noise=v_noise,
            excess=root_excess(v, v_noise),
            **numbers,
            detail=detail,
        ),
    ]


def measure_jensen_shannon(aspect: str, pair: PairedCounts, *, n: int, reference_n: int) -> Measure:
    """Return JS of two mixes of categories."""
    value = jensen_shannon_distance(pair.reference, pair.current)
    noise = jensen_shannon_noise(pair.freedom, pair.draws)
    return Measure(
        aspect=aspect,
        statistic="js",
        value=value,
        noise=noise,
        excess=root_excess(value, noise),
        n=n,
        reference_n=reference_n,
        detail=pair.largest_changes(),
    )


def compare_shares(
    aspect: str, reference: tuple[int, int], *, current: tuple[int, int], design_effect: float = 1.0
) -> Measure:
    """Return the difference of two shares, each given as (count, total)."""
    (before, reference_n), (after, n) = reference, current
    if not n or not reference_n:
        return no_measure(aspect, "difference", n=n, reference_n=reference_n)
    p, q, pooled = before / reference_n, after / n, (before + after) / (reference_n + n)
    noise = difference_noise(pooled, design_effect * (1 / n + 1 / reference_n))
    return Measure(
        aspect=aspect,
        statistic="difference",
        value=q - p,
        noise=noise,
        excess=max(abs(q - p) - noise, 0.0),
        n=n,
        reference_n=reference_n,
        detail=f"{p:.1%} -> {q:.1%}",
    )


def larger_design_effect(reference: Mapping[str, Any], current: Mapping[str, Any]) -> float:
    """Return the design effect of the larger sample, which estimates it better."""
    return float(max((reference, current), key=lambda section: section["n"]).get("design_effect", 1.0))
