"""Scores raw documents with the champion: `python -m flows.score --input FILE_OR_DIR --output DIR`.

A gate judges the documents first; what it refuses is not scored, and an earlier output stays. Then writes OUTPUT/gate.json,
OUTPUT/predictions and OUTPUT/rejects (tables of parts) and, when both are whole, OUTPUT/summary.json.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import flows.environment  # noqa: F401  (before Prefect, which reads the environment when it is imported)

if __name__ == "__main__":
    # this command says itself what went wrong; whatever it does not expect is raised, and seen, anyway
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

# isort: split
from prefect import flow
from tqdm import tqdm

from flows import keys, server
from flows.gates.reference import CHAMPION, STORE
from flows.stages._common import read_json, write_json
from mgm.corpus.parts import REJECTS, Counts, PartsWriter
from mgm.corpus.readers import Source
from mgm.scoring.inputs import Inputs
from mgm.scoring.scorer import Scorer
from mgm.settings import PARAMS, GateSettings, ScoreSettings, Settings

SUMMARY, VERDICT = "summary.json", "gate.json"


class NightRefused(ValueError):
    """The gate stops these documents. The message says why, the first line in short."""


def champion() -> Path:
    """The folder of the champion's bundle.

    Raises:
        FileNotFoundError: no model was promoted yet.
    """
    if not CHAMPION.is_file():
        raise FileNotFoundError(
            f"{CHAMPION}: there is no champion; run `mgm promote`, or pass --bundle models/candidate"
        )
    return STORE / read_json(CHAMPION)["bundle"]


def score(
    source: Source,
    output: Path,
    bundle: Path | None = None,
    like: str | None = None,
    settings: ScoreSettings | None = None,
    gates: GateSettings | None = None,
    accept_drift: bool = False,
) -> dict[str, Any]:
    """Judges and scores every document of `source`, part by part, and returns the summary that it wrote.

    Args:
        source: a file, a folder or an s3:// address with the columns doc_id and text; those that `like` names, where
            it is given.
        bundle: the bundle's folder; None: the champion's.
        like: a corpus of the bundle that these documents are like: its columns and text settings are used, and its
            profile is what the gate compares them with.
        accept_drift: drift that would stop the night is only a warning, and the summary says so.

    Raises:
        NightRefused: the gate stops the documents.
        FileNotFoundError, ValueError: before anything is scored, for whatever is wrong with bundle or input.
    """
    # Imported here: it brings the gate, and with it Great Expectations, which nothing else in this process needs.
    from flows.gates.night import REFUSED, judge_night

    settings, gates = settings or ScoreSettings(), gates or GateSettings()
    scorer = Scorer.load(bundle or champion(), settings.tasks, public_key=keys.verify_key())
    scorer.bundle.text_for(like)
    own = None if like is None else scorer.bundle.settings.corpora[like]
    inputs = Inputs(source) if own is None else Inputs(source, own.id, own.text_column)
    verdict, total = judge_night(inputs, scorer, like, output, gates, settings.rows_per_batch, accept_drift)
    if not verdict.passed:
        failures = "".join(f"\n{finding}" for finding in verdict.failures)
        columns = ", ".join(dict.fromkeys(str(finding.column) for finding in verdict.failures))
        raise NightRefused(
            f"the gate stops these documents ({columns}); nothing was scored ({output / REFUSED}){failures}"
        )
    (output / SUMMARY).unlink(missing_ok=True)
    write_json(output / VERDICT, verdict.as_dict())
    counts = Counts()
    with (
        PartsWriter(output / "predictions", scorer.schema) as predictions,
        PartsWriter(output / "rejects", REJECTS) as rejects,
        tqdm(total=total, unit=" documents", disable=not sys.stderr.isatty()) as bar,
    ):
        for frame in inputs.batches(settings.rows_per_batch):
            predicted, rejected = scorer.score(frame, like)
            counts.add(frame, predicted, rejected)
            predictions.write(predicted)
            rejects.write(rejected)
            bar.update(frame.height)
    summary = {
        "bundle": scorer.bundle.id,
        "tasks": [t.name for t in scorer.tasks],
        "rows_in": counts.rows_in,
        "predictions": counts.rows_out,
        "rejected": counts.rejected,
        "reasons": counts.reasons,
        "accepted_drift": accept_drift,
        "warnings": [f"{finding.column}: {finding.observed}" for finding in verdict.warnings],
    }
    write_json(output / SUMMARY, summary)
    return summary


@flow(name="score", validate_parameters=False)
def score_flow(
    source: str, output: str, bundle: str | None = None, like: str | None = None, accept_drift: bool = False
) -> dict[str, Any]:
    """`score` with the settings of params.yaml, as a Prefect flow."""
    return score(
        source, Path(output), Path(bundle) if bundle else None, like, *here(), accept_drift=accept_drift
    )


def here() -> tuple[ScoreSettings, GateSettings]:
    """The settings of this folder's params.yaml; the defaults where there is none."""
    if not PARAMS.is_file():
        return ScoreSettings(), GateSettings()
    settings = Settings.load()
    return settings.score, settings.gates


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.score", description="Scores raw documents.")
    parser.add_argument(
        "--input",
        required=True,
        help="file, folder or s3://bucket/prefix: Parquet, JSONL, CSV or TSV with doc_id and text, or .txt",
    )
    parser.add_argument("--output", required=True, help="folder for predictions/, rejects/ and summary.json")
    parser.add_argument("--bundle", help="folder of a bundle; default: the champion's")
    parser.add_argument(
        "--like", metavar="CORPUS", help="read the documents with this corpus's columns and text settings"
    )
    parser.add_argument(
        "--accept-drift",
        action="store_true",
        help="score documents too that are far from those of training; summary.json says so",
    )
    given = parser.parse_args(arguments)
    start = time.perf_counter()
    server.start_temporary()
    try:
        summary = score_flow(given.input, given.output, given.bundle, given.like, given.accept_drift)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for warning in summary["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    seconds = time.perf_counter() - start
    reasons = "".join(f", {reason} {n}" for reason, n in summary["reasons"].items())
    print(
        f"scored {summary['predictions']:,} of {summary['rows_in']:,} documents in {seconds:.1f} s; "
        f"{summary['rejected']:,} rejected{reasons}; {given.output}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
