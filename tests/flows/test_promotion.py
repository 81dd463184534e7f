import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import keys, pointer_memory, promotion
from flows.champion import checked_out, read_champion
from flows.errors import message
from flows.promotion import Refused, promote, rollback, rotate_key, sign_champion
from mgm.bundle.contents import read_contents
from mgm.bundle.format import bundle_id, verify
from mgm.bundle.sealing import write_key
from mgm.bundle.signing import SIGNATURE, check_signature
from mgm.errors import MissingKey
from tests import keys as key_pairs

MakeBundle = Callable[[Path, str], str]


@pytest.fixture
def judged(tmp_path: Path, make_bundle: MakeBundle) -> Callable[..., str]:
    """Trains and judges: a candidate with this text, and the verdict on it."""

    def judge(
        text: str, verdict: str = "approved", reasons: tuple[str, ...] = (), root: Path = tmp_path
    ) -> str:
        identity = make_bundle(root / "models" / "candidate", text)
        now = read_champion(root)
        against = None if now is None else now.bundle
        content = {"verdict": verdict, "bundle": identity, "champion": against, "reasons": list(reasons)}
        (root / "reports").mkdir(exist_ok=True)
        (root / "reports" / "promotion.json").write_text(json.dumps(content), encoding="utf-8")
        (root / "reports" / "card.md").write_text(f"# Model card of {identity}, {text}\n", encoding="utf-8")
        return identity

    return judge


def test_an_approved_candidate_becomes_the_champion(tmp_path: Path, judged: Callable[..., str]) -> None:
    first = judged("first")
    assert promote(tmp_path) == f"bundle {first[:12]} is the champion"
    pointer = json.loads((tmp_path / "models" / "champion.json").read_text())
    assert (pointer["bundle"], pointer["previous"]) == (first, None)
    assert (tmp_path / "models" / "store" / first / "profile.json").read_text() == "first"
    second = judged("second")
    assert promote(tmp_path) == f"bundle {second[:12]} is the champion, after {first[:12]}"
    now = read_champion(tmp_path)
    assert now is not None
    assert (now.bundle, now.previous) == (second, first)
    assert (tmp_path / "models" / "store" / first / "profile.json").read_text() == "first"


def test_the_bundle_has_the_model_card_with_its_hash(tmp_path: Path, judged: Callable[..., str]) -> None:
    first, second = [(judged(text), promote(tmp_path))[0] for text in ("first", "second")]
    store = tmp_path / "models" / "store"
    for identity, text in ((first, "first"), (second, "second")):
        assert (store / identity / "card.md").read_text(
            encoding="utf-8"
        ) == f"# Model card of {identity}, {text}\n"
        verify(store / identity)
        assert bundle_id(store / identity) == identity
    assert not (tmp_path / "models" / "candidate" / "card.md").exists()
    (store / first / "card.md").write_text(f"# A better card of {first}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"card\.md: altered since it was added"):
        rollback(tmp_path)


def test_without_its_model_card_nothing_is_promoted(tmp_path: Path, judged: Callable[..., str]) -> None:
    identity = judged("first")
    card = tmp_path / "reports" / "card.md"
    card.write_text("# Model card of another bundle\n", encoding="utf-8")
    with pytest.raises(Refused, match=rf"card\.md: not the model card of bundle {identity[:12]}"):
        promote(tmp_path)
    card.unlink()
    with pytest.raises(FileNotFoundError, match=r"card\.md: no model card of the candidate; run `mgm run`"):
        promote(tmp_path)
    assert read_champion(tmp_path) is None
    assert not (tmp_path / "models" / "store").exists()


def test_the_champion_again_changes_nothing(tmp_path: Path, judged: Callable[..., str]) -> None:
    judged("first")
    promote(tmp_path)
    before = (tmp_path / "models" / "champion.json").read_bytes()
    assert promote(tmp_path).endswith("is the champion already")
    assert (tmp_path / "models" / "champion.json").read_bytes() == before


def test_a_refused_candidate_is_not_promoted(tmp_path: Path, judged: Callable[..., str]) -> None:
    judged("worse", "refused", ("polarity: test macro-F1 0.31 is below its floor 0.5",))
    with pytest.raises(Refused, match=r"'refused':\n  polarity: test macro-F1 0.31 is below its floor 0.5"):
        promote(tmp_path)
    assert read_champion(tmp_path) is None
    assert not (tmp_path / "models" / "store").exists()


def test_a_candidate_that_was_not_judged_is_refused(
    tmp_path: Path, judged: Callable[..., str], make_bundle: MakeBundle
) -> None:
    first = judged("judged")
    second = make_bundle(tmp_path / "models" / "candidate", "trained since")
    with pytest.raises(Refused, match=f"judged bundle {first[:12]}.*is {second[:12]}: run `mgm run`"):
        promote(tmp_path)


def test_an_altered_file_is_an_error(tmp_path: Path, judged: Callable[..., str]) -> None:
    judged("first")
    (tmp_path / "models" / "candidate" / "profile.json").write_text("forged")
    with pytest.raises(ValueError, match=r"profile\.json: altered"):
        promote(tmp_path)
    assert read_champion(tmp_path) is None


@pytest.mark.parametrize(
    ("missing", "says"), [("reports/promotion.json", "mgm run"), ("models", "no bundle")]
)
def test_what_is_missing_is_named(
    tmp_path: Path, judged: Callable[..., str], missing: str, says: str
) -> None:
    judged("first")
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=f"{Path(missing).name}.*{says}"):
        promote(tmp_path)


def test_rollback_walks_back_through_the_champions(tmp_path: Path, judged: Callable[..., str]) -> None:
    first, second, third = [(judged(text), promote(tmp_path))[0] for text in ("first", "second", "third")]
    assert rollback(tmp_path) == f"bundle {second[:12]} is the champion again, in place of {third[:12]}"
    now = read_champion(tmp_path)
    assert now is not None
    assert (now.bundle, now.previous) == (second, first)
    rollback(tmp_path)
    with pytest.raises(ValueError, match=f"{first[:12]} has no champion before it"):
        rollback(tmp_path)


def test_rollback_checks_the_stored_bundle(tmp_path: Path, judged: Callable[..., str]) -> None:
    first, second = [(judged(text), promote(tmp_path))[0] for text in ("first", "second")]
    (tmp_path / "models" / "store" / first / "profile.json").write_text("forged")
    with pytest.raises(ValueError, match="altered"):
        rollback(tmp_path)
    (tmp_path / "models" / "store" / first).rename(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="not in the store; try `dvc pull "):
        rollback(tmp_path)
    now = read_champion(tmp_path)
    assert now is not None
    assert now.bundle == second


def test_a_broken_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "champion.json").write_text('{"bundel": "x"}')
    with pytest.raises(ValueError, match=r"champion\.json: not a champion's pointer"):
        read_champion(tmp_path)


def test_a_copy_cut_short_is_no_stored_bundle(
    tmp_path: Path, judged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = judged("first")
    with monkeypatch.context() as patch:
        patch.setattr(promotion.shutil, "copytree", _cut_short)
        with pytest.raises(OSError, match="disk full"):
            promote(tmp_path)
    assert read_champion(tmp_path) is None
    assert not (tmp_path / "models" / "store" / identity).exists()
    promote(tmp_path)
    assert [p.name for p in (tmp_path / "models" / "store").iterdir()] == [identity]


def _cut_short(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "manifest.json").write_bytes((source / "manifest.json").read_bytes())
    raise OSError("disk full")


def test_dvc_versions_the_store(repository: Path, judged: Callable[..., str]) -> None:
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text(encoding="utf-8")
    (repository / ".gitignore").write_text(ignored, encoding="utf-8")
    identity = judged("first", root=repository)
    promote(repository)
    store = repository / "models" / "store"
    assert (store / f"{identity}.dvc").is_file()
    assert f"/{identity}" in (store / ".gitignore").read_text()
    status = subprocess.run(
        ["git", "status", "--porcelain", "-uall", "models"], cwd=repository, capture_output=True, text=True
    ).stdout
    assert set(status.split()[1::2]) == {
        "models/champion.json",
        "models/store/.gitignore",
        f"models/store/{identity}.dvc",
    }
    for path in (store / identity).iterdir():
        path.unlink()
    (store / identity).rmdir()
    assert (
        checked_out(identity, repository) == store / identity
    )  # from DVC's cache, as in a workspace of its own
    assert (store / identity / "profile.json").read_text() == "first"


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine has both keys."""
    pytest.importorskip("model_signing", reason="needs the extra sign")
    private = key_pairs.pair(tmp_path / "keys")
    monkeypatch.setenv(keys.SIGNING_KEY, str(private))
    monkeypatch.setenv(keys.VERIFY_KEY, str(key_pairs.public(private)))
    return private


def test_with_a_key_what_is_stored_is_signed(
    tmp_path: Path, judged: Callable[..., str], private: Path
) -> None:
    identity = judged("first")
    promote(tmp_path)
    folder = tmp_path / "models" / "store" / identity
    check_signature(read_contents(folder), key_pairs.public(private))
    assert not (tmp_path / "models" / "candidate" / SIGNATURE).exists()
    before = (folder / SIGNATURE).read_bytes()
    promote(tmp_path)
    assert (folder / SIGNATURE).read_bytes() == before


def test_an_unsigned_champion_is_refused_until_it_is_signed(
    tmp_path: Path, judged: Callable[..., str], private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for variable in (keys.SIGNING_KEY, keys.VERIFY_KEY):
            patch.delenv(variable)
        identity = judged("first")
        promote(tmp_path)
        with pytest.raises(ValueError, match=f"{keys.SIGNING_KEY}: not set; expected the key to sign with"):
            sign_champion(tmp_path)
    for read in (read_champion, promote, rollback):
        with pytest.raises(ValueError, match=r"champion\.json: not signed, .* runs `mgm champion --sign`"):
            read(tmp_path)
    assert "are signed" in sign_champion(tmp_path)
    check_signature(read_contents(tmp_path / "models" / "store" / identity), key_pairs.public(private))
    now = read_champion(tmp_path)
    assert now is not None and (now.bundle, now.counter) == (identity, 2)
    assert promote(tmp_path).endswith("is the champion already")


def test_without_the_signing_key_no_signed_pointer_is_moved(
    tmp_path: Path, judged: Callable[..., str], private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("first", "second"):
        judged(text)
        promote(tmp_path)
    before = (tmp_path / "models" / "champion.json").read_bytes()
    monkeypatch.delenv(keys.SIGNING_KEY)
    for command in (promote, rollback, sign_champion):
        with pytest.raises(ValueError, match="MGM_SIGNING_KEY: not set, while MGM_VERIFY_KEY is"):
            command(tmp_path)
    assert (tmp_path / "models" / "champion.json").read_bytes() == before


def test_an_altered_pointer_is_refused(tmp_path: Path, judged: Callable[..., str], private: Path) -> None:
    """Nor does the signature of one change hold for another."""
    for text in ("first", "second"):
        identity = judged(text)
        promote(tmp_path)
    path = tmp_path / "models" / "champion.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["counter"] == 2
    alterations = [
        {"bundle": content["previous"], "previous": identity},
        {"previous": None},
        {"counter": 3},
        {"promoted_at": ""},
        {"earlier": ["0" * 64]},
        {"signature": "AAAA"},
        {"signature": "no Base64"},
        {"signature": content["signature"][:-8]},
    ]
    for alteration in alterations:
        path.write_text(json.dumps(content | alteration), encoding="utf-8")
        with pytest.raises(ValueError, match=r"champion\.json: its signature does not hold"):
            read_champion(tmp_path)
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_champion(tmp_path) is not None


def test_an_older_pointer_cannot_be_brought_back(
    tmp_path: Path, judged: Callable[..., str], private: Path
) -> None:
    """It is rightly signed, and so is its bundle; rollback, which signs anew, is the way back."""
    path, first = tmp_path / "models" / "champion.json", judged("first")
    promote(tmp_path)
    older = path.read_bytes()
    judged("second")
    promote(tmp_path)
    assert read_champion(tmp_path) is not None
    path.write_bytes(older)
    with pytest.raises(ValueError, match=r"counter 1: older than 2, which this machine has seen .*rollback"):
        read_champion(tmp_path)
    memory = pointer_memory.memory_path(tmp_path, public_key=key_pairs.public(private))
    assert not memory.is_relative_to(tmp_path)
    memory.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="not the memory of a champion's counter"):
        read_champion(tmp_path)
    memory.unlink()
    assert sign_champion(tmp_path) and (now := read_champion(tmp_path)) is not None
    assert (now.bundle, now.counter) == (first, 2)


def test_rollback_signs_the_next_pointer(tmp_path: Path, judged: Callable[..., str], private: Path) -> None:
    first, _ = [(judged(text), promote(tmp_path))[0] for text in ("first", "second")]
    rollback(tmp_path)
    now = read_champion(tmp_path)
    assert now is not None and (now.bundle, now.counter) == (first, 3)


def test_where_nothing_can_be_remembered_the_log_says_so(
    tmp_path: Path,
    judged: Callable[..., str],
    private: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    judged("first")
    promote(tmp_path)
    (tmp_path / "a file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a file"))
    assert read_champion(tmp_path) is not None
    assert "cannot be written, so that an older champion would not be noticed" in caplog.text


def test_rollback_asks_for_the_signature(
    tmp_path: Path, judged: Callable[..., str], private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [(judged(text), promote(tmp_path))[0] for text in ("first", "second")]
    (tmp_path / "models" / "store" / first / SIGNATURE).unlink()
    with pytest.raises(ValueError, match="the bundle is not signed"):
        rollback(tmp_path)
    now = read_champion(tmp_path)
    assert now is not None
    assert now.bundle == second


@pytest.fixture
def sealing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine has a key that seals bundles."""
    pytest.importorskip("pyrage", reason="needs the extra encrypt")
    path = tmp_path / "keys" / "encryption.key"
    write_key(path)
    monkeypatch.setenv(keys.ENCRYPTION_KEY, str(path))
    return path


def test_with_a_key_what_is_stored_is_sealed(
    tmp_path: Path, judged: Callable[..., str], sealing_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id stays, the card stays readable, and a rollback opens what it returns to."""
    first, second = [(judged(text), promote(tmp_path))[0] for text in ("first", "second")]
    for identity in (first, second):
        folder = tmp_path / "models" / "store" / identity
        names = {path.name for path in folder.iterdir()}
        assert names == {"manifest.json", "config.json.age", "profile.json.age", "card.md", "card.json"}
        assert bundle_id(folder) == identity
    with monkeypatch.context() as patch:
        patch.delenv(keys.ENCRYPTION_KEY)
        with pytest.raises(MissingKey) as error:
            rollback(tmp_path)
    assert message(error.value).endswith("set MGM_ENCRYPTION_KEY to its file")
    assert "is the champion again" in rollback(tmp_path)
    assert promote(tmp_path).endswith(f"is the champion, after {first[:12]}")


def test_bundles_are_sealed_with_another_key(
    tmp_path: Path,
    judged: Callable[..., str],
    private: Path,
    sealing_key: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that was in the clear; ids and champion stay, and what was signed is signed again."""
    with monkeypatch.context() as patch:
        patch.delenv(keys.ENCRYPTION_KEY)
        with pytest.raises(ValueError, match="MGM_ENCRYPTION_KEY: not set; expected the key to seal with"):
            rotate_key(root=tmp_path)
        clear = judged("first")
        promote(tmp_path)
    identity = judged("second")
    promote(tmp_path)
    pointer = (tmp_path / "models" / "champion.json").read_bytes()
    old = keys.encryption_key()
    write_key(newer := tmp_path / "keys" / "newer.key")
    monkeypatch.setenv(keys.ENCRYPTION_KEY, str(newer))
    with pytest.raises(ValueError, match=r"config\.json\.age: sealed with another key than that of .*newer"):
        rotate_key(root=tmp_path)
    with monkeypatch.context() as patch:
        patch.delenv(keys.SIGNING_KEY)
        with pytest.raises(ValueError, match="signed, and environment variable MGM_SIGNING_KEY is not set"):
            rotate_key(old, tmp_path)
    store = tmp_path / "models" / "store"
    (store / identity).rename(store / f"{identity}.old")  # as a kill leaves it
    assert rotate_key(old, tmp_path).startswith("2 bundles are sealed with the first key of ")
    assert sorted(path.name for path in store.iterdir()) == sorted([clear, identity])
    for name in (clear, identity):
        verify(store / name, key=keys.encryption_key())
        check_signature(read_contents(store / name), key_pairs.public(private))
        with pytest.raises(ValueError, match="sealed with another key"):
            verify(store / name, key=old)
    assert (tmp_path / "models" / "champion.json").read_bytes() == pointer


def test_a_key_that_is_not_there_promotes_nothing(
    tmp_path: Path, judged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged("first")
    monkeypatch.setenv(keys.SIGNING_KEY, str(tmp_path / "nowhere.pem"))
    with pytest.raises(FileNotFoundError, match=r"MGM_SIGNING_KEY: .*nowhere\.pem: no such file"):
        promote(tmp_path)
    assert read_champion(tmp_path) is None


def test_a_verdict_without_its_champion_is_none(tmp_path: Path, judged: Callable[..., str]) -> None:
    judged("first")
    path = tmp_path / "reports" / "promotion.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["champion"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"promotion\.json: no champion in it; run `mgm run`"):
        promote(tmp_path)
