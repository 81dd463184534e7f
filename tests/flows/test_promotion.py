import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import keys, promotion
from flows.champion import checked_out, read_champion
from flows.promotion import Refused, promote, rollback
from mgm.bundle import bundle_id, verify
from mgm.bundle.signing import SIGNATURE, check_signature
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
    check_signature(folder, key_pairs.public(private))
    assert not (tmp_path / "models" / "candidate" / SIGNATURE).exists()
    before = (folder / SIGNATURE).read_bytes()
    promote(tmp_path)
    assert (folder / SIGNATURE).read_bytes() == before


def test_an_unsigned_champion_is_signed_by_a_promotion(
    tmp_path: Path, judged: Callable[..., str], private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = judged("first")
    with monkeypatch.context() as patch:
        patch.delenv(keys.SIGNING_KEY)
        promote(tmp_path)
    folder = tmp_path / "models" / "store" / identity
    assert not (folder / SIGNATURE).exists()
    assert promote(tmp_path).endswith("is the champion already")
    check_signature(folder, key_pairs.public(private))


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
