"""The frame of drift: how far profiles have moved from those that they are compared with.

drift, a row a measure (mgm/profiling/drift.py) of a corpus:
    measure                     corpus, aspect and statistic: what messages call the row
    corpus, aspect, statistic, value, noise, excess, n, reference_n, detail
    drifted                     what is above the threshold of a warning, in words; else null
    drifted_far                 the same of the threshold that stops, where one may; then `drifted` is null
Faults come first: of each aspect its worst, then the others, so that a message that shows few shows as many aspects as it can.
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
    compared: Mapping[str, tuple[Profile, Profile]], gate: DriftGate, may_stop: bool, rows: bool = True
) -> Frame:
    """The frame of corpora, each with the profile to compare with and its present one.

    Args:
        compared: by the corpus's name; without any the frame is empty.
        may_stop: whether what is above the threshold of a stop is one, and no warning.
        rows: whether numbers of documents are compared: those of one night and of training are not.
    """
    found = [_of_corpus(name, *pair, gate, may_stop, rows) for name, pair in compared.items()]
    names = {"measure": pl.String, "corpus": pl.String}
    empty = pl.DataFrame(schema=names | dict(SCHEMA) | FAULTS | {"over": pl.Float64})
    table = pl.concat([empty, *found])
    rank = pl.col("over").rank("ordinal", descending=True).over("corpus", "aspect")
    table = table.sort(rank, "over", descending=[False, True], nulls_last=True, maintain_order=True)
    return Frame(table.drop("over"), "measure")


def _of_corpus(
    corpus: str, reference: Profile, present: Profile, gate: DriftGate, may_stop: bool, rows: bool
) -> pl.DataFrame:
    table = measure_drift(_of_the_same_kinds(reference, present), present)
    total = table.row(0, named=True)
    if not rows:
        table = table.filter(pl.col("statistic") != RATIO)
    ratio = pl.col("statistic") == RATIO
    # Too few documents now are no reason not to say that they are too few.
    judged = pl.when(ratio).then(total["reference_n"]).otherwise(min(total["n"], total["reference_n"]))
    now, before = pl.col("n"), pl.col("reference_n")
    effect = pl.when(ratio).then(pl.max_horizontal(now / before, before / now)).otherwise("excess")
    limits = _limits(gate)
    table = (
        table.join(limits, on="statistic", how="left", maintain_order="left")
        .with_columns(judged=judged, effect=effect)
        .with_columns(
            limit=pl.when((pl.col("effect") > pl.col("stop")) & (pl.col("judged") >= gate.stop_documents))
            .then("stop")
            .when((pl.col("effect") > pl.col("warn")) & (pl.col("judged") >= gate.warn_documents))
            .then("warn")
        )
        .with_columns(limit=pl.when(pl.col("noise").fill_null(0) <= pl.col("most_noise")).then("limit"))
        .with_columns(over=pl.col("effect") / pl.col("limit"))
    )
    numbers = pl.format("n {} against {}", "n", "reference_n")
    size = pl.when(ratio).then(numbers).otherwise(pl.format("excess {}, {}", _short("excess"), numbers))
    above = pl.when(ratio).then(pl.format("beyond 1:{}", "limit")).otherwise(pl.format("above {}", "limit"))
    fault = pl.when(pl.col("limit").is_not_null()).then(
        pl.format(
            "{}: {}: {} {} ({}) {}: {}",
            pl.lit(corpus),
            "aspect",
            "statistic",
            _short("value"),
            size,
            above,
            "detail",
        )
    )
    stops = (pl.col("limit") == pl.col("stop")).fill_null(False) & may_stop
    return table.select(
        pl.format("{}: {} {}", pl.lit(corpus), "aspect", "statistic").alias("measure"),
        pl.lit(corpus).alias("corpus"),
        *SCHEMA.names(),
        pl.when(~stops).then(fault).alias("drifted"),
        pl.when(stops).then(fault).alias("drifted_far"),
        "over",
    )


def _limits(gate: DriftGate) -> pl.DataFrame:
    """The thresholds, a row a statistic; of what is null no value is above it."""
    rows = [
        (name, limits.warn, limits.stop, float("inf") if limits.noise is None else limits.noise)
        for name, limits in gate
        if isinstance(limits, EffectThreshold)
    ]
    schema = {"statistic": pl.String, "warn": pl.Float64, "stop": pl.Float64, "most_noise": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _short(column: str) -> pl.Expr:
    return pl.col(column).round_sig_figs(3)


def _of_the_same_kinds(reference: Profile, now: Profile) -> Profile:
    """The reference without the tasks that are of another kind by now: there is nothing to compare."""
    kinds = {name: labels["kind"] for name, labels in now["tasks"].items()}
    sections = {
        section: {n: labels for n, labels in reference[section].items() if kinds.get(n) == labels["kind"]}
        for section in ("tasks", "predictions")
        if section in reference
    }
    return reference | sections
