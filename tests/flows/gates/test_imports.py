"""Great Expectations costs seconds to import: only a process that judges pays for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
import sys
import flows.backfill
assert "flows.gates.runner" not in sys.modules, "scoring imports the gates"
import flows.stages.gate
assert "great_expectations" not in sys.modules, "the gates import Great Expectations"
"""


@pytest.mark.slow
def test_importing_flows_and_gates_imports_no_great_expectations() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", CODE], env=environment, timeout=300, check=True)
