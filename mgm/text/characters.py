"""Classes of characters that cleaning, segmentation and features must agree on: invisible ones, joiners, emoji, scripts.

Each class is the inside of a class of a Polars expression; `members` gives the same class as a table for numpy. They follow the Unicode
Character Database: Unicode Standard Annex 29 (grapheme clusters), Technical Standard 51 (emoji), and RFC 5892, appendix A (joiners).
"""

import unicodedata
from functools import cache

import numpy as np

from mgm.text.list_columns import Flags, decode_code_points

MAX_POINT = 0x10FFFF

ZWNJ, ZWJ = 0x200C, 0x200D
MONGOLIAN_VOWEL_SEPARATOR = 0x180E
JOINERS = r"\x{200C}\x{200D}\x{180E}"
"""The zero-width non-joiner and joiner and the Mongolian vowel separator, which choose the form of letters beside them."""
TAGS, TAG_END = r"\x{E0020}-\x{E007E}", 0xE007F
"""The tags that spell a region after a flag, and the one that ends them."""

INVISIBLE_RANGES = [
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), (0xFDD0, 0xFDEF), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE007F),
    *((plane | 0xFFFE, plane | 0xFFFF) for plane in range(0, MAX_POINT, 0x10000)),
]  # fmt: skip
"""Characters that are nothing by themselves: controls other than blanks, soft hyphens, zero-width characters, marks of direction,
format controls, tags and noncharacters."""
INVISIBLE = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in INVISIBLE_RANGES)

EMOJI = r"\p{Extended_Pictographic}"
EMOJI_MARKS = r"\p{M}\p{EMod}"
"""What follows an emoji and belongs to it: marks, variation selectors, skin tones."""

_SOUTHEAST_ASIAN_SCRIPTS = "Thai Lao Khmer Myanmar Tai_Tham New_Tai_Lue Tai_Le Tai_Viet Ahom".split()
SOUTHEAST_ASIAN = r"[" + "".join(rf"\p{{{s}}}" for s in _SOUTHEAST_ASIAN_SCRIPTS) + r"]&&[\p{L}\p{M}]"
"""Letters and marks of scripts that put no blank between words (line breaking class SA)."""

_JOINING_SCRIPTS = """
    Arabic Syriac Nko Mongolian Mandaic Adlam Hanifi_Rohingya Manichaean Psalter_Pahlavi Sogdian Phags_Pa Chorasmian Old_Uyghur
    Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Tibetan Myanmar Khmer Balinese Javanese
    Sundanese Kaithi Chakma Sharada Khojki Grantha Newa Tirhuta Siddham Modi Takri Nandinagari Meetei_Mayek Tai_Tham Limbu Lepcha
    Saurashtra Syloti_Nagri Brahmi Batak Buginese Cham Masaram_Gondi Gunjala_Gondi Dogra Khudawadi Bhaiksuki Zanabazar_Square Soyombo
""".split()
JOINING = r"[" + "".join(rf"\p{{scx:{s}}}" for s in _JOINING_SCRIPTS) + r"]&&[\p{L}\p{M}]"
"""Letters and marks of scripts in which a joiner between two of them changes how they are written."""
_VIRAMA_CLASS = 9
# Emoji, letters that join and viramas lie below.
_TABLE_END = 0x20000
SURROGATES = slice(0xD800, 0xE000)


def invisible_table() -> Flags:
    """Return for each code point whether it is of `INVISIBLE`."""
    table = np.zeros(MAX_POINT + 1, dtype=bool)
    for first, last in INVISIBLE_RANGES:
        table[first : last + 1] = True
    return table


@cache
def members(inside: str) -> Flags:
    """Return for each code point whether it is of a class, of which only members of the first two planes count."""
    points = np.arange(_TABLE_END, dtype=np.uint32)
    points[SURROGATES] = 0
    characters = decode_code_points(points, np.ones(len(points), dtype=np.int64))
    table = np.zeros(MAX_POINT + 1, dtype=bool)
    table[:_TABLE_END] = characters.str.contains(f"[{inside}]").to_numpy()
    table[SURROGATES] = False
    return table


@cache
def viramas() -> Flags:
    """Return for each code point whether it is a virama, which RFC 5892 defines by its canonical combining class."""
    table = np.zeros(MAX_POINT + 1, dtype=bool)
    table[:_TABLE_END] = [unicodedata.combining(chr(point)) == _VIRAMA_CLASS for point in range(_TABLE_END)]
    return table
