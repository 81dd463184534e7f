import json
from pathlib import Path

import pytest

from mgm.bundle.card import CARD, RECORD, add_card
from mgm.bundle.format import bundle_id
from mgm.bundle.load import load_bundle
from tests import tiny_corpora


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_corpora.saved_bundle(tmp_path)


def test_a_card_changes_neither_the_bundle_nor_its_id(folder: Path) -> None:
    identity = bundle_id(folder)
    assert not (folder / CARD).exists()
    add_card(folder, identity, text="# Model card\n\nGut für Menüs, 好.\n")
    assert load_bundle(folder).id == identity
    assert (folder / CARD).read_text(encoding="utf-8").endswith("好.\n")


def test_a_card_that_nothing_vouches_for_is_refused(folder: Path) -> None:
    identity = bundle_id(folder)
    (folder / CARD).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"card\.md: a model card without its record card\.json"):
        load_bundle(folder)
    add_card(folder, identity, text="the right one")
    (folder / CARD).write_text("altered", encoding="utf-8")
    with pytest.raises(
        ValueError,
        match=r"card\.md: altered since it was added: sha256 [0-9a-f]{64}; expected [0-9a-f]{64} of card\.json",
    ):
        load_bundle(folder)
    (folder / CARD).unlink()
    with pytest.raises(FileNotFoundError, match=r"card\.md: missing, although card\.json is there"):
        load_bundle(folder)


def test_the_card_of_another_bundle_is_refused(folder: Path) -> None:
    add_card(folder, "f" * 64, text="of another")
    with pytest.raises(ValueError, match=rf"card\.json: of bundle {'f' * 64}, expected that of this one"):
        load_bundle(folder)


def test_a_manifest_that_lists_its_card_is_read(folder: Path) -> None:
    """A bundle of an earlier version whose manifest lists its card is read."""
    (folder / CARD).write_text("without metrics", encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    add_card(folder, "", text="without metrics")
    manifest["files"][CARD] = json.loads((folder / RECORD).read_text(encoding="utf-8"))["sha256"]
    (folder / RECORD).unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert load_bundle(folder).id == bundle_id(folder)
