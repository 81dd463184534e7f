import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import lock

SECOND = "import sys; from pathlib import Path; from flows import lock; lock.workspace(Path(sys.argv[1])).__enter__()"


def test_a_second_run_names_the_first(tmp_path: Path) -> None:
    with lock.workspace(tmp_path):
        second = subprocess.run([sys.executable, "-c", SECOND, str(tmp_path)], capture_output=True, text=True)
        with pytest.raises(BlockingIOError, match=f"process {os.getpid()}"), lock.workspace(tmp_path):
            pass
    assert second.returncode != 0
    assert f"another run (process {os.getpid()}) is at work in this folder" in second.stderr


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SECOND, str(tmp_path)], check=True)
    with lock.workspace(tmp_path):
        assert (tmp_path / lock.HOLDER).read_text() == str(os.getpid())


STAGE = "import sys; from pathlib import Path; from flows import lock; lock.stage('ingest 诗', Path(sys.argv[1])).__enter__()"


def test_a_second_run_of_a_stage_names_the_first(tmp_path: Path) -> None:
    with lock.stage("ingest 诗", tmp_path):
        second = subprocess.run([sys.executable, "-c", STAGE, str(tmp_path)], capture_output=True, text=True)
        with lock.stage("ingest a/../../b", tmp_path), lock.workspace(tmp_path):
            pass
    assert second.returncode != 0
    assert f"another run of the stage ingest 诗 (process {os.getpid()}) is at work; wait" in second.stderr
    assert len(list((tmp_path / ".mgm/locks").glob("*.lock"))) == 2
