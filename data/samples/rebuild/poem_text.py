"""A poem's own words and its series: no editorial notes, no brackets around conjectures, no series number."""

import re

NOTE_BRACKETS = {"（": "）", "〖": "〗", "〔": "〕"}
COMPOSED = re.compile(r"\{[^{}\n]*\}")  # {革斿}: a character that the source could only describe by its parts
NOTE_NUMBER = re.compile(r"\[[一二三四五六七八九十\d]+\]|[①-⑳]")
NUMBERED_NOTE = re.compile(r"\n〖\d+〗.*", re.DOTALL)  # notes after the poem that stand in no bracket
HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff□]")
NUMERALS = "一二三四五六七八九十百○〇零"
SERIES_NUMBER = re.compile(rf"(?:\s+(?:其|第)?[{NUMERALS}]+|其[{NUMERALS}]+)$")
LOST_CHARACTER = "□"


def without_notes(text: str) -> str:
    """Drop everything in note brackets, nested ones included; a bracket never closed runs to the end."""
    kept: list[str] = []
    closing: list[str] = []
    for character in text:
        if character in NOTE_BRACKETS:
            closing.append(NOTE_BRACKETS[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif not closing:
            kept.append(character)
    return "".join(kept)


def poem_text(paragraphs: list[str]) -> str:
    """The verses, one a line, without editorial notes; empty where nothing is left."""
    text = COMPOSED.sub(LOST_CHARACTER, NUMBERED_NOTE.sub("", "\n".join(paragraphs)))
    text = NOTE_NUMBER.sub("", without_notes(text)).replace("[", "").replace("]", "")
    lines = (line.strip().lstrip("，。、；）") for line in text.split("\n"))
    return "\n".join(line for line in lines if HAN.search(line))


def series_title(title: str) -> str:
    """The title without its place in a series: 初夏六首 其五 and 初夏六首 其六 are one."""
    title = " ".join(without_notes(title).replace("[", "").replace("]", "").split())
    return SERIES_NUMBER.sub("", title)
