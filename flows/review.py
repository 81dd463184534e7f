"""The documents whose labels help most, written for annotators (`mgm export review`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows import keys
from flows.prediction import default_bundle
from flows.prediction_inputs import frames_of_source
from mgm.corpus.writers import output_suffix, writing_table
from mgm.inference.model import REJECTED, Model


@dataclass(frozen=True, kw_only=True)
class ReviewOptions:
    """The options of `mgm export review`."""

    sources: Sequence[str]
    task: str
    output: Path
    number: int = 200
    bundle: Path | None = None


def export_review(options: ReviewOptions) -> list[str]:
    """Write the documents with the smallest scores, and return lines about them."""
    output_suffix(options.output)
    model = Model.load(
        options.bundle or default_bundle(),
        public_key=keys.verify_key(),
        encryption_key=keys.encryption_key(),
    )
    frames = [
        frame
        for source in options.sources
        for frame in frames_of_source(source, id_column=None, text_column="text")
    ]
    predictions = pl.concat([model.predict(frame, tasks=options.task) for frame in frames])
    score = f"{options.task}_score"
    chosen = predictions.filter(pl.col(REJECTED).is_null()).sort(score, maintain_order=True)
    chosen = chosen.head(options.number).drop(REJECTED).rename({options.task: f"{options.task}_predicted"})
    with writing_table(options.output) as write:
        write(chosen)
    return [f"{options.output}: {chosen.height:,} of {predictions.height:,} documents"]
