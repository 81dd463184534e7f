"""Words of scripts without blanks by a segmenter that may be installed, and its record from tokens to scoring."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from mgm.bundle.bundle import shaping_settings
from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.errors import MissingExtra, StaleInput
from mgm.scoring.scorer import Scorer
from mgm.settings.settings import Settings
from mgm.settings.text import SegmentationSettings
from mgm.text.segmentation.documents import SOUTHEAST_ASIAN_DOCUMENTS, SegmentDocuments
from mgm.text.segmentation.segmenter import Segmenter, common_segmenter, load_segmenter
from mgm.text.segmentation.southeast_asian import choose_tokens, describe_choice
from mgm.text.segmentation.tokens import tokenize
from tests import tiny_corpora
from tests.text.segmentation.icu_stand_in import install_icu, remove_icu

WORDS = Segmenter(southeast_asian_tokens="words", icu="78.3")
CHARACTERS = Segmenter(southeast_asian_tokens="characters", icu=None)
THAI = "ภาษาไทย ok"


def words_of(text: str, settings: SegmentationSettings) -> list[str]:
    tokens, _ = tokenize(pl.DataFrame({"doc_id": ["d"], "text": [text]}), settings)
    return tokens["words"].item().to_list()


def scored_words(scorer: Scorer) -> list[str]:
    part, _ = scorer.featurize(pl.DataFrame({"doc_id": ["d"], "text": [THAI]}))
    return part.types["text"].to_list()


@pytest.mark.parametrize("setting", ["auto", "words"])
def test_a_segmenter_that_is_installed_cuts_words(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    install_icu(monkeypatch)
    settings = SegmentationSettings.model_validate({"southeast_asian_tokens": setting})
    assert words_of("ภาษาไทย กขคงOKลาว", settings) == ["ภาษ", "าไท", "ย", "กขค", "ง", "OK", "ลาว"]


def test_without_a_segmenter_a_run_is_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    remove_icu(monkeypatch)
    assert words_of("น้ำไทย", SegmentationSettings()) == ["น้ำ", "ไ", "ท", "ย"]


def test_words_without_a_segmenter_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    remove_icu(monkeypatch)
    with pytest.raises(
        MissingExtra, match=r"^text.segmentation.southeast_asian_tokens: words: .* \(icu4py\)"
    ) as error:
        choose_tokens("words")
    assert error.value.extra == "icu"
    assert words_of("English", SegmentationSettings(southeast_asian_tokens="words")) == ["English"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ฉันรักภาษาไทยเพราะเป็นภาษาของฉัน", "ฉัน|รัก|ภาษา|ไทย|เพราะ|เป็น|ภาษา|ของ|ฉัน"),
        ("บริษัทGoogleเปิดตัว", "บริษัท|Google|เปิด|ตัว"),
        ("ខ្ញុំស្រលាញ់ភាសាខ្មែរ", "ខ្ញុំ|ស្រលាញ់|ភាសាខ្មែរ"),
        ("ຂ້ອຍຮັກພາສາລາວ", "ຂ້ອຍ|ຮັກ|ພາສາ|ລາວ"),
        ("ကျွန်တော်မြန်မာစာကိုချစ်တယ်", "ကျွန်တော်|မြန်မာ|စာ|ကို|ချစ်|တယ်"),
    ],
    ids=["Thai", "Thai with Latin", "Khmer", "Lao", "Burmese"],
)
def test_words_of_icu(text: str, words: str) -> None:
    pytest.importorskip("icu4py")
    assert words_of(text, SegmentationSettings()) == words.split("|")


def test_a_choice_by_what_is_installed_is_told() -> None:
    assert describe_choice("characters", 1_200) == (
        "1,200 documents with Thai, Lao, Khmer or Burmese are cut into characters, since ICU (icu4py) is not installed; "
        "text.segmentation.southeast_asian_tokens: characters has the same on every machine"
    )


def test_documents_with_such_a_script_are_counted() -> None:
    transform = SegmentDocuments(
        settings=SegmentationSettings(southeast_asian_tokens="characters"), dictionary=None
    )
    frame = pl.DataFrame({"doc_id": ["a", "b"], "text": [THAI, "English ๑๒"]})
    assert transform(frame).statistics.counts[SOUTHEAST_ASIAN_DOCUMENTS] == 1
    assert SOUTHEAST_ASIAN_DOCUMENTS not in transform(frame.tail(1)).statistics.counts


def test_the_record_of_several_corpora(tmp_path: Path) -> None:
    """Corpora without such a script have none; two that were cut otherwise are an error that names both."""
    thai, lao, english = (tmp_path / name for name in ("thai", "lao", "english"))
    assert common_segmenter([english]) is None
    WORDS.save(thai)
    WORDS.save(lao)
    assert common_segmenter([english, lao, thai]) == load_segmenter(thai) == WORDS
    CHARACTERS.save(thai)
    with pytest.raises(
        StaleInput,
        match=r"thai/segmenter.json: .* cut into characters; expected words by ICU 78.3, as in lao$",
    ) as error:
        common_segmenter([english, lao, thai])
    assert error.value.made_by == "tokenize"


@pytest.mark.parametrize(
    ("segmenter", "tokens"), [(None, "characters"), (CHARACTERS, "characters"), (WORDS, "words")], ids=str
)
def test_a_bundle_leaves_nothing_open(segmenter: Segmenter | None, tokens: str) -> None:
    corpora = {"menus": {"text": {"segmentation": {"southeast_asian_tokens": "auto"}}}, "verses": {}}
    settings = shaping_settings(Settings.parse(tiny_corpora.SETTINGS | {"corpora": corpora}), segmenter)
    for corpus in (None, "menus", "verses"):
        assert settings.text_for(corpus).segmentation.southeast_asian_tokens == tokens


def saved_bundle(folder: Path, segmenter: Segmenter | None) -> Path:
    made = tiny_corpora.bundle()
    settings = shaping_settings(tiny_corpora.settings(), segmenter)
    save_bundle(folder, replace(made, settings=settings, segmenter=segmenter))
    return folder


def test_scoring_cuts_as_training_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A segmenter that was not there at training changes nothing, one that is missing is an error, another version a warning."""
    by_words, by_characters = (
        saved_bundle(tmp_path / "words", WORDS),
        saved_bundle(tmp_path / "characters", CHARACTERS),
    )
    characters = ["ภ", "า", "ษ", "ไ", "ท", "ย", "ok"]
    install_icu(monkeypatch)
    assert load_bundle(by_words).segmenter == WORDS
    assert scored_words(Scorer.load(by_words)) == ["ภาษ", "าไท", "ย", "ok"]
    assert scored_words(Scorer.load(by_characters)) == characters
    assert "ICU" not in caplog.text
    install_icu(monkeypatch, version="79.1")
    Scorer.load(by_words)
    assert "trained with the words of ICU 78.3, and ICU 79.1 is installed" in caplog.text
    remove_icu(monkeypatch)
    assert scored_words(Scorer.load(by_characters)) == characters
    with pytest.raises(MissingExtra, match=r"words of ICU 78.3 \(icu4py\), which is not installed") as error:
        Scorer.load(by_words)
    assert error.value.extra == "icu"


def test_a_bundle_of_an_earlier_version_reads_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_icu(monkeypatch)
    monkeypatch.setattr("mgm.bundle.load.check_contents", lambda contents: None)
    folder = saved_bundle(tmp_path / "bundle", None)
    config = json.loads((folder / "config.json").read_text())
    del config["settings"]["text"]["segmentation"]["southeast_asian_tokens"], config["segmenter"]
    (folder / "config.json").write_text(json.dumps(config))
    assert scored_words(Scorer.load(folder))[0] == "ภ"
