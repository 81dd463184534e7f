"""The champion's profile, and what is said where there is none to compare with."""

import json
import subprocess
from pathlib import Path

import pytest

from flows.champion import champion_folder, champion_profile, champion_profiles
from mgm.files import write_json
from mgm.profiling.layout import VERSION

GOOD = {"version": VERSION, "split": "train"}
OLD = {"version": VERSION - 1}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_champion(profile: object, bundle: str = "abc") -> None:
    write_json(Path("models/champion.json"), {"bundle": bundle, "promoted_at": "", "previous": None})
    write_json(Path("models/store", bundle, "profile.json"), profile)


def test_it_is_that_of_the_bundle_that_the_pointer_names():
    write_champion({"corpora": {"notes": OLD}}, "before")
    write_champion({"corpora": {"poems": GOOD | {"rows": {"train": 2}}, "notes": GOOD}})
    assert champion_profile("notes") == GOOD
    assert champion_profiles() == {"notes": GOOD, "poems": GOOD | {"rows": {"train": 2}}}
    assert list(champion_profiles() or {}) == ["notes", "poems"]


def test_without_one_that_compares_there_is_none():
    assert champion_profile("notes") is None and champion_profiles() is None
    write_champion({"corpora": {"notes": OLD, "poems": GOOD}})
    assert champion_profile("notes") is None and champion_profile("letters") is None
    assert champion_profiles() == {"poems": GOOD}
    write_champion({"corpora": {"notes": OLD}})
    assert champion_profiles() == {}
    Path("models/store/abc/profile.json").unlink()
    assert champion_profile("notes") is None


@pytest.mark.parametrize(
    "pointer",
    ["{", "[]", json.dumps({"previous": None}), "[" * 100_000],
    ids=["no JSON", "a list", "no bundle", "deep JSON"],
)
def test_a_pointer_that_is_none_is_named(pointer: str):
    write_champion({"corpora": {}})
    Path("models/champion.json").write_text(pointer)
    with pytest.raises(ValueError, match="models/champion.json: not a champion's pointer"):
        champion_profile("notes")


@pytest.mark.parametrize("name", ["../../secret", "/etc", "", ".", "..", "a/b", "a\n", 7, None], ids=str)
def test_a_pointer_that_leaves_the_store_is_refused(name: object):
    for fields in (
        {"bundle": name},
        {"bundle": "abc", "earlier": [name]},
        {"bundle": "abc", "previous": name},
    ):
        if fields == {"bundle": "abc", "previous": None}:
            continue
        write_json(Path("models/champion.json"), {"promoted_at": "", "previous": None} | fields)
        with pytest.raises(
            ValueError, match=r"champion\.json: .*: expected the name of a folder of models/store"
        ):
            champion_folder()


def test_a_link_out_of_the_store_is_refused(monkeypatch: pytest.MonkeyPatch):
    write_champion({"corpora": {}})
    Path("models/store/abc").rename("elsewhere")
    Path("models/store/abc").symlink_to(Path("elsewhere").resolve())
    with pytest.raises(ValueError, match=r"models/store/abc: a link to .*elsewhere, which leaves the store"):
        champion_folder()
    Path("models/store/abc").unlink()
    Path("models/store/abc").mkdir()
    Path("models/store/abc/profile.json").symlink_to(Path("elsewhere/profile.json").resolve())
    for cache, accepts in (("cache", False), ("elsewhere", True)):
        answer = subprocess.CompletedProcess([], 0, stdout=f"{cache}\n")
        monkeypatch.setattr("flows.champion.subprocess.run", lambda *_, answer=answer, **__: answer)
        if accepts:
            assert champion_folder() == Path("models/store/abc")
            continue
        with pytest.raises(ValueError, match=r"abc/profile\.json: a link to .*, which leaves the store"):
            champion_folder()


@pytest.mark.parametrize("profile", [{}, [], {"corpora": {"notes": 3}}], ids=["empty", "a list", "a number"])
def test_a_profile_that_is_none_is_named(profile: object):
    write_champion(profile)
    with pytest.raises(ValueError, match="models/store/abc/profile.json: no profiles of corpora"):
        champion_profile("notes")
