"""Calls of this machine's processes, as the section `compute` asks for them."""

import os
from pathlib import Path

import pytest

from flows.stages.command_line import open_executor
from mgm.compute import cluster, ray_executor, remote_calls
from mgm.compute.processes import LocalExecutor
from mgm.errors import MissingExtra
from mgm.settings.compute import ComputeSettings, RaySettings

PARAMS = """
enabled: {news: news.jsonl}
tasks: {topic: {kind: classification, corpora: [news]}}
"""


def number(begin: int, *, limit: int = 100) -> int:
    assert begin < limit, "no number"
    return begin + 1


def test_one_process_takes_its_arguments_one_by_one() -> None:
    taken = []

    def arguments() -> object:
        for n in range(3):
            taken.append(n)
            yield (n,)

    results = LocalExecutor().map(number, arguments())
    assert next(results) == 1 and taken == [0]
    assert list(results) == [2, 3]
    assert list(LocalExecutor().map(os.getpid, [()] * 2)) == [os.getpid()] * 2


@pytest.mark.parametrize(
    ("section", "processes"), [("", 1), ("compute: {processes: 3}", 3)], ids=["default", "three"]
)
def test_stages_use_as_many_processes_as_set(
    section: str, processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS + section)
    with open_executor() as executor:
        assert executor == LocalExecutor(processes)


def test_the_variable_of_before_is_an_error_that_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MGM_PROCESSES", "2")
    with pytest.raises(ValueError, match=r"MGM_PROCESSES: .*expected compute.processes: 2 in params.yaml"):
        open_executor()


def test_ray_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="compute.ray.address asks for Ray"):
        ray_executor.open_executor(ComputeSettings(ray=RaySettings(address="local")))


def test_a_stage_without_tasks_starts_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_calls, "connect", None)
    with ray_executor.open_executor(ComputeSettings(ray=RaySettings(address="local"))) as executor:
        assert list(executor.map(number, [])) == []


def test_a_node_that_lacks_the_folder_is_named(tmp_path: Path) -> None:
    call = ray_executor._CallInFolder(str(tmp_path / "gone"))
    with pytest.raises(
        ray_executor.FolderNotShared, match=r"gone: node .* does not see it .*at the same path"
    ):
        call(number, 1)
