"""Texts that contain all sentences of another one, and besides nothing but headings."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mgm.text.deduplication import containment
from mgm.text.deduplication.containment import sentence_lists

EN = [
    "The printer on the second floor burns again, and nobody knows why.",
    "We have called the company 3 times this week.",
    "Each time a friendly voice promised that somebody would come by tomorrow.",
]
ZH = [
    "二楼的打印机今天又着火了，整个办公室里没有一个人知道究竟是为什么。",
    "我们这个星期已经给那家公司打了三次电话！",
    "每一次都有一个很客气的声音答应明天一定会派人过来。",
]
TABLE = ["Key", "F5", "runs the macro from its beginning to its end.", "F8", "steps."]


def wrap(text: str, width: int = 40) -> str:
    """The text with a line break for the first blank after each so many characters."""
    lines = [""]
    for word in text.split(" "):
        lines[-1] += f" {word}"
        if len(lines[-1]) > width:
            lines.append("")
    return "\n".join(line.strip() for line in lines)


@pytest.mark.parametrize(
    ("text", "part", "contained"),
    [
        (" ".join(EN), " ".join(EN), True),
        ("On printers\n" + " ".join(EN), " ".join(EN), True),
        ("".join(ZH) + "\n关于「打印机」", "".join(ZH), True),
        (" ".join(EN), "“" + "  ".join(EN).upper().replace(".", "!"), True),
        (" ".join(EN), " ".join(reversed(EN)), True),
        (" ".join(EN), " ".join([*EN, EN[1]]), True),
        ("On printers\n\n" + wrap(" ".join(EN)), wrap(" ".join(EN), 30), True),
        (" ".join(EN), " ".join(EN) + "\n--- \n* * *", True),
        (" ".join(EN), " ".join(EN).replace("3", "4"), False),
        ("".join(ZH), "".join(ZH).replace("三", "四"), False),
        (" ".join(EN), " ".join(EN).replace("again, ", ""), False),
        (wrap(" ".join(EN)), wrap(" ".join(EN).replace("friendly", "tired")), False),
        (" ".join(EN), " ".join(EN[:2]), False),
        ("".join(ZH), ZH[0] + ZH[2], False),
        (" ".join(EN[:2]), " ".join(EN), False),
        (" ".join(EN) + "\nGood.", " ".join(EN), False),
        (" ".join(EN) + "\nThe printers of our whole office", " ".join(EN), False),
        ("On printers\n" + " ".join(EN), "On kettles\n" + " ".join(EN), False),
        (" ".join(EN) + "\n* Kettles", " ".join(EN), False),
        ("".join(ZH) + "\n城市：广州", "".join(ZH), False),
        ("\n".join(TABLE), "\n".join(TABLE[1:3] + TABLE[4:]), True),
        ("\n".join(TABLE), "\n".join(TABLE[i] for i in (0, 3, 2, 1, 4)), False),
    ],
    ids=[
        "equal", "without the heading", "without the chinese heading", "case blanks and marks", "another order", "repeated", "hard-wrapped",
        "lines of marks", "a digit", "a chinese character", "words left out", "a word of hard-wrapped text", "sentence left out",
        "chinese sentence left out", "sentence added", "short sentence left out", "long line left out", "another heading",
        "item of a list", "what a colon names",
        "cells left out", "cells in another order",
    ],
)  # fmt: skip
def test_a_text_contains_what_has_no_other_sentence(text: str, part: str, contained: bool) -> None:
    assert sentence_lists([pl.Series([text, part])]).contains(0, 1) is contained


def test_parts_blocks_and_files_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series([" ".join(EN), "...", "", "".join(ZH), EN[1]])
    whole = sentence_lists([texts])
    monkeypatch.setattr(containment, "_CHARACTERS_AT_ONCE", 50)
    parts = sentence_lists([texts[:2], texts[:0], texts[2:]], tmp_path)
    assert parts.hashes.tolist() == whole.hashes.tolist() and parts.bounds.tolist() == whole.bounds.tolist()
    assert parts.movable.tolist() == whole.movable.tolist() and list(tmp_path.iterdir()) == []
    assert parts.headings.tolist() == whole.headings.tolist()
    assert whole.contained(np.array([0, 1, 4]), parts=np.array([0, 4, 4])).tolist() == [True, False, True]
    assert sentence_lists([]).bounds.tolist() == [0]
