"""The section about cost."""

import re

import pytest

from mgm.evaluation.run_files import RunFiles
from mgm.report.page import render
from mgm.report.run import read_cost


def section(page: str, name: str) -> str:
    """The text of a section, blanks evened out."""
    found = re.search(rf'<section id="{name}">(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_cost_of_training_and_scoring(finished_run: RunFiles) -> None:
    training = finished_run.root / "reports" / "training.json"
    epochs = [{"cost": {"peak_memory_mib": m}} for m in (500, 700)]
    training.write_text(f'{{"seconds": 12.5, "epochs": {epochs}}}'.replace("'", '"'), encoding="utf-8")
    page = read_cost(finished_run)
    assert page is not None
    assert (page.num_parameters, page.num_epochs, page.peak_mib) == (1000, 2, 700)
    assert page.parts == [("wide", 900, pytest.approx(0.9)), ("word", 100, pytest.approx(0.1))]
    text = section(render(finished_run, {}), "cost")
    assert "parameters 1,000, 3 MiB of bundle" in text
    assert "training 12 s over 2 epochs; at most 700 MiB" in text
    assert "p50 4.2 ms, p95 9.5 ms (12 test documents" in text
    assert "789 documents/s, 12,345 characters/s" in text
    assert "n-grams (wide) 900 90.0%" in text
