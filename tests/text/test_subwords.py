from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.subwords import END, UNKNOWN, Subwords, _thin_out, decode_pieces, visible_pieces

TARGETS = ["Open the file menu", "Save the file", "打开文件菜单", "保存文件", "Access2Base 的文件"] * 3
SUBWORDS = Subwords.train(TARGETS, 400)
TEXT = st.text(st.sampled_from("abc XYZ019.,()文件菜单龘é漢🙂"), min_size=1).filter(
    lambda s: s.strip() == s != ""
)


def back(texts: list[str]) -> list[str]:
    """Texts to subwords and back."""
    rows = SUBWORDS.encode_targets(pl.Series("y", texts))
    ids = rows.explode().to_numpy().astype(np.int64)
    return decode_pieces(ids, rows.list.len().to_numpy().astype(np.int64), pieces=SUBWORDS.pieces).to_list()


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_texts_survive_encoding_and_decoding(texts: list[str]) -> None:
    """Even with characters that training never saw."""
    assert back(texts) == texts


@pytest.mark.parametrize("num_lines", [0, 3, 4, 5, 17])
def test_more_targets_than_fit_are_thinned_out_evenly(
    num_lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mgm.text.subwords.MAX_TARGETS", 4)
    lines = [str(i) for i in range(num_lines)]
    stride = {0: 1, 3: 1, 4: 1, 5: 2, 17: 8}[num_lines]
    assert _thin_out(iter(lines)) == lines[::stride]


def test_a_target_ends_and_a_missing_one_stays_missing() -> None:
    rows = SUBWORDS.encode_targets(pl.Series("y", ["Save", None, ""], dtype=pl.String)).to_list()
    assert rows[0][-1] == END and END not in rows[0][:-1]
    assert rows[1:] == [None, [END]]


@pytest.mark.parametrize("word", ["file", "menu", "文件", "菜单"])
def test_a_word_of_a_source_is_the_ids_that_it_has_in_a_target(word: str) -> None:
    alone = SUBWORDS.encode_words(pl.Series("w", [word])).to_list()[0]
    target = SUBWORDS.encode_targets(
        pl.Series("y", ["Open the " + word if word.isascii() else "打开" + word])
    ).to_list()[0]
    assert target[-1 - len(alone) : -1] == alone


def test_every_word_has_a_subword_and_none_is_unknown() -> None:
    rows = SUBWORDS.encode_words(pl.Series("w", ["file", "龘", "🙂", "("])).to_list()
    assert all(rows) and not any(UNKNOWN in row for row in rows)


def test_the_same_texts_give_the_same_bytes(tmp_path: Path) -> None:
    again = Subwords.train(TARGETS, 400)
    assert again.model == SUBWORDS.model
    again.save(tmp_path / "subwords.model")
    assert Subwords.load(tmp_path / "subwords.model").pieces == SUBWORDS.pieces


def test_blanks_and_parts_of_a_character_show_nothing() -> None:
    shown = dict(zip(SUBWORDS.pieces, visible_pieces(SUBWORDS.pieces).tolist(), strict=True))
    assert not any(shown[p] for p in ("▁", "<0x0A>", "<0x20>", "<0x1C>", "<0xC2>", "</s>", "<unk>"))
    assert shown["<0x41>"] and shown["文件"]


def test_bytes_that_are_no_character_do_not_stop_the_writing() -> None:
    byte = SUBWORDS.pieces.index("<0xE4>")
    assert decode_pieces(np.array([byte]), np.array([1]), pieces=SUBWORDS.pieces).to_list() == ["\ufffd"]


def test_without_a_target_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="expected a target of a generation task in the training rows"):
        Subwords.train(["", "  "], 400)


def test_another_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "subwords.model").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"subwords\.model: expected a SentencePiece model"):
        Subwords.load(tmp_path / "subwords.model")
