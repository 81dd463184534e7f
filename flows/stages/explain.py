"""Stage: models/candidate + data/features -> data/explanations and reports/cost.json (the cost of scoring).

Where the candidate was fitted again (train.refit), its first fit is explained, models/first_fit: a network hides errors of labels that
it has learned.
"""

import shutil
from dataclasses import asdict
from pathlib import Path

import polars as pl

from flows.project import CANDIDATE, DOCUMENTS, ENCODED, EXPLANATIONS, FEATURES, PREDICTIONS, REPORTS
from flows.stages.command_line import run_stage
from flows.unseen_fit import load_fits
from mgm.compute.processes import run_in_subprocess
from mgm.evaluation.explanations.explain import explain
from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT
from mgm.files import write_json
from mgm.pretrained.store import read_encoded_parts
from mgm.scoring.cost import measure_cost
from mgm.scoring.held_out import read_held_out_ids, read_raw_documents, sample_evenly
from mgm.settings.views.explanation import ExplanationSettings


def main() -> None:
    """Explain the candidate's predictions, and measure the cost of scoring."""
    settings = ExplanationSettings.load()
    bundle = load_fits().first
    corpora = [c for c in settings.enabled if any(c in task.corpora for task in bundle.tasks)]
    shutil.rmtree(EXPLANATIONS, ignore_errors=True)
    features = {
        corpus: read_encoded_parts(FEATURES / corpus, ENCODED, settings=bundle.settings.model.pretrained)
        for corpus in corpora
    }
    texts = RunFiles(Path(), settings).texts
    explanations = explain(bundle, features, texts=texts, settings=settings.explain, seed=settings.seed)
    for name, content in explanations.items():
        write_json(EXPLANATIONS / f"{name}.json", content)
    samples = {}
    for corpus in corpora:
        ids = sample_evenly(read_held_out_ids(PREDICTIONS / corpus, SPLIT), settings.explain.cost_documents)
        if documents := list(read_raw_documents(DOCUMENTS / corpus, ids)):
            samples[corpus] = pl.concat(documents)
    # in a subprocess, so that the memory is that of scoring alone
    write_json(REPORTS / "cost.json", asdict(run_in_subprocess(measure_cost, CANDIDATE, samples)))


if __name__ == "__main__":
    run_stage(main)
