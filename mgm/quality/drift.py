"""The frame of drift: the change of profiles from those that they are compared with.

drift, a row a measure (mgm/profiling/drift.py) of a corpus:
    measure                     corpus, aspect and statistic: the name of the row in messages
    corpus, aspect, statistic, value, noise, excess, n, reference_n, detail
    drifted                     an effect above the threshold of a warning, in words; else null
    drifted_far                 an effect above the threshold that stops, where drift may stop; then `drifted` is null
Faults come first: of each aspect its worst, then the others, so that a message with few rows names as many aspects as it can.
"""

from collections.abc import Mapping

import polars as pl

from mgm.profiling.drift import measure_drift
from mgm.profiling.layout import Profile
from mgm.profiling.measures import SCHEMA
from mgm.quality.frame import Frame
from mgm.settings.gates import DriftGate, EffectThreshold

FAULTS = {"drifted": pl.String, "drifted_far": pl.String}
RATIO = "ratio"


def drift_frame(
    profiles: Mapping[str, tuple[Profile, Profile]],
    *,
    gate: DriftGate,
    may_stop: bool,
    compare_num_documents: bool = True,
) -> Frame:
    """Return the frame of corpora.

    Args:
        profiles: by the corpus's name the profile to compare with, and its present one; without any the frame is empty.
        may_stop: whether an effect above the threshold of a stop is one, and no warning.
        compare_num_documents: whether numbers of documents are compared: those of one night and of training are not.
    """
    tables = []
    for name, (reference, current) in profiles.items():
        measures = measure_drift(_without_changed_kinds(reference, current), current)
        table = _judge(measures, corpus=name, gate=gate, may_stop=may_stop)
        tables.append(table if compare_num_documents else table.filter(pl.col("statistic") != RATIO))
    names = {"measure": pl.String, "corpus": pl.String}
    empty = pl.DataFrame(schema=names | dict(SCHEMA) | FAULTS | {"over": pl.Float64})
    table = pl.concat([empty, *tables])
    rank = pl.col("over").rank("ordinal", descending=True).over("corpus", "aspect")
    table = table.sort(rank, "over", descending=[False, True], nulls_last=True, maintain_order=True)
    return Frame(rows=table.drop("over"), id_column="measure")


def _judge(measures: pl.DataFrame, *, corpus: str, gate: DriftGate, may_stop: bool) -> pl.DataFrame:
    """Return the rows of one corpus, with its measures above a threshold in words, and how far above it they are."""
    num_documents = measures.row(0, named=True)
    is_ratio = pl.col("statistic") == RATIO
    # That documents are too few now must be reported however few they are.
    judged = (
        pl.when(is_ratio)
        .then(num_documents["reference_n"])
        .otherwise(min(num_documents["n"], num_documents["reference_n"]))
    )
    now, before = pl.col("n"), pl.col("reference_n")
    effect = pl.when(is_ratio).then(pl.max_horizontal(now / before, before / now)).otherwise("excess")
    table = (
        measures.join(_limits(gate), on="statistic", how="left", maintain_order="left")
        .with_columns(judged=judged, effect=effect)
        .with_columns(
            limit=pl.when((pl.col("effect") > pl.col("stop")) & (pl.col("judged") >= gate.stop_documents))
            .then("stop")
            .when((pl.col("effect") > pl.col("warn")) & (pl.col("judged") >= gate.warn_documents))
            .then("warn")
        )
        .with_columns(limit=pl.when(pl.col("noise").fill_null(0) <= pl.col("max_noise")).then("limit"))
        .with_columns(over=pl.col("effect") / pl.col("limit"))
    )
    fault = _describe_fault(corpus, is_ratio)
    stops = (pl.col("limit") == pl.col("stop")).fill_null(False) & may_stop
    return table.select(
        pl.format("{}: {} {}", pl.lit(corpus), "aspect", "statistic").alias("measure"),
        pl.lit(corpus).alias("corpus"),
        *SCHEMA.names(),
        pl.when(~stops).then(fault).alias("drifted"),
        pl.when(stops).then(fault).alias("drifted_far"),
        "over",
    )


def _describe_fault(corpus: str, is_ratio: pl.Expr) -> pl.Expr:
    """Return a measure above its threshold, `limit`, in words; null for others."""
    numbers = pl.format("n {} against {}", "n", "reference_n")
    size = pl.when(is_ratio).then(numbers).otherwise(pl.format("excess {}, {}", _short("excess"), numbers))
    above = (
        pl.when(is_ratio).then(pl.format("beyond 1:{}", "limit")).otherwise(pl.format("above {}", "limit"))
    )
    text = pl.format(
        "{}: {}: {} {} ({}) {}: {}",
        pl.lit(corpus),
        "aspect",
        "statistic",
        _short("value"),
        size,
        above,
        "detail",
    )
    return pl.when(pl.col("limit").is_not_null()).then(text)


def _limits(gate: DriftGate) -> pl.DataFrame:
    """Return the thresholds, a row a statistic; no value is above one that is null."""
    rows = [
        (name, limits.warn, limits.stop, float("inf") if limits.noise is None else limits.noise)
        for name, limits in gate
        if isinstance(limits, EffectThreshold)
    ]
    schema = {"statistic": pl.String, "warn": pl.Float64, "stop": pl.Float64, "max_noise": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _short(column: str) -> pl.Expr:
    return pl.col(column).round_sig_figs(3)


def _without_changed_kinds(reference: Profile, current: Profile) -> Profile:
    """Return the reference without the tasks whose kind has changed, which do not compare."""
    kinds = {name: labels["kind"] for name, labels in current["tasks"].items()}
    sections = {
        section: {n: labels for n, labels in reference[section].items() if kinds.get(n) == labels["kind"]}
        for section in ("tasks", "predictions")
        if section in reference
    }
    return reference | sections
