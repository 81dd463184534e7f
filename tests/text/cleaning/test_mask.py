"""Cleaning step mask."""

import time
from functools import partial
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.text import CleaningSettings
from mgm.text.cleaning import clean_texts
from mgm.text.cleaning.mask import _PATTERNS, mask_identifiers, may_match
from mgm.text.patterns import PLACEHOLDERS
from tests.text.cleaning.checks import after, changes, check_edits, check_spans, rows

EVERY = partial(mask_identifiers, kinds=list(PLACEHOLDERS))

URLS = [
    ("see http://example.org/a_b?c=d&e=f#g.", "see <URL>."),
    ("(https://example.org), HTTPS://EXAMPLE.ORG!", "(<URL>), <URL>!"),
    ("'http://a.b/c' \"http://a.b\" <ftp://a.b/c>", "'<URL>' \"<URL>\" <<URL>>"),
    ("www.example.org/x, www.a.b; wwwx", "<URL>, <URL>; wwwx"),
    ("https://en.wikipedia.org/wiki/Set_(mathematics) and", "<URL> and"),
    ("(https://en.wikipedia.org/wiki/Set_(mathematics))", "(<URL>)"),
    ("网址http://example.com/路径，好", "网址<URL>路径，好"),
    ("访问 https://example.com/a。谢谢", "访问 <URL>。谢谢"),
    ("https://example.com：", "<URL>："),
    ("http://user:secret@host.org:8080/", "<URL>"),
    ("http://[::1]:8080/x http://127.0.0.1/", "<URL> <URL>"),
    ("http://müller.de/über", "<URL>"),
    ("http://a.b/c... and http://a.b/d?!", "<URL>... and <URL>?!"),
    ("**http://a.b/c**", "**<URL>**"),
    ("http:// alone, xhttp://a.b, a://b", "http:// alone, xhttp://a.b, a://b"),
]
EMAILS = [
    ("mail me@example.org.", "mail <EMAIL>."),
    ("<first.last+tag@mail.example.co.uk>", "<<EMAIL>>"),
    ("邮箱me@qq.com，谢谢", "邮箱<EMAIL>，谢谢"),
    ("mailto:a_b@c-d.org; 13800138000@163.com", "mailto:<EMAIL>; <EMAIL>"),
    ("@user a@b user@host a@b.c .@x.org", "@user a@b user@host a@b.c .@x.org"),
]
IPS = [
    ("from 192.168.0.1, 10.0.0.255:80", "from <IP>, <IP>:80"),
    ("地址192.168.1.1是", "地址<IP>是"),
    ("10.0.0.1-10.0.0.5/24", "<IP>-<IP>/24"),
    ("::1 fe80::1: 2001:db8::ff00:42:8329.", "<IP> <IP>: <IP>."),
    ("2001:0db8:85a3:0000:0000:8a2e:0370:7334 ::ffff:192.0.2.1", "<IP> <IP>"),
    ("1.2.3 v1.2.3.4 lib-1.2.3.14 1.2.3.4 256.1.1.11 1.2.3.4.55", "1.2.3 v1.2.3.4 lib-1.2.3.14 1.2.3.4 256.1.1.11 1.2.3.4.55"),
    ("12:30:45 2024-05-01 10:20 00:1a:2b:3c:4d:5e", "12:30:45 2024-05-01 10:20 00:1a:2b:3c:4d:5e"),
    ("std::cout a::b x[1::2] Data::Dumper :: ::", "std::cout a::b x[1::2] Data::Dumper :: ::"),
]  # fmt: skip
PHONES = [
    ("+1 (212) 555-1234, +44 20 7946 0958", "<PHONE>, <PHONE>"),
    ("+86 138 0013 8000 +8613800138000 +86-10-12345678", "<PHONE> <PHONE> <PHONE>"),
    ("call 212-555-1234 or (212) 555-1234 or 1-800-555-1234.", "call <PHONE> or <PHONE> or <PHONE>."),
    ("212.555.1234", "<PHONE>"),
    ("(+86 10 12345678) +86 138 0013 8000 2024", "(<PHONE>) <PHONE> 2024"),
    ("+8613800138000 123", "<PHONE> 123"),
    ("手机13800138000，138-0013-8000，138 0013 8000", "手机<PHONE>，<PHONE>，<PHONE>"),
    ("电话：010-12345678，0311-86911999-801，（021）12345678", "电话：<PHONE>，<PHONE>，<PHONE>"),
    ("400-820-8820 400-8208-820 4008208820 800-820-8820", "<PHONE> <PHONE> <PHONE> <PHONE>"),
    ("+3.14159265 +100 C++11 x+12345678 12-34 555-1234", "+3.14159265 +100 C++11 x+12345678 12-34 555-1234"),
    ("2024-05-01 1999-2024 110101 100-200-300", "2024-05-01 1999-2024 110101 100-200-300"),
]
NUMBERS = [
    ("身份证11010519491231002X，110105194912310021", "身份证<NUMBER>，<NUMBER>"),
    ("card 6222 0212 3456 7890 or 6222-0212-3456-7890-123", "card <NUMBER> or <NUMBER>"),
    ("3782 822463 10005", "<NUMBER>"),
    ("订单号：1457306335。No.123456789", "订单号：<NUMBER>。No.<NUMBER>"),
    ("12345678 is short, 123456789 is not", "12345678 is short, <NUMBER> is not"),
    ("2019 2020 2021 2022, 2024-05-01, 20240501", "2019 2020 2021 2022, 2024-05-01, 20240501"),
    ("1,234,567,890 3.141592653589 123456789.50 -.123456789", "1,234,567,890 3.141592653589 123456789.50 -.123456789"),
    ("abc123456789 0x123456789 123456789abc a_123456789", "abc123456789 0x123456789 123456789abc a_123456789"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "text"), URLS + EMAILS + IPS + PHONES + NUMBERS)
def test_masks(raw: str, text: str) -> None:
    assert after(EVERY, raw) == text


def test_a_placeholder_in_the_raw_text_stays() -> None:
    texts = pl.Series(["<URL> and <NUMBER>, see <URL:x>"])
    assert EVERY(texts)[0] is texts


@pytest.mark.parametrize("kind", list(PLACEHOLDERS))
def test_only_the_kinds_of_the_settings_are_masked(kind: str) -> None:
    raw = "http://a.b me@a.org 192.168.0.1 212-555-1234 123456789"
    masked = dict(zip(PLACEHOLDERS, raw.split(), strict=True))
    expected = raw.replace(masked[kind], PLACEHOLDERS[kind])
    settings = CleaningSettings(mask=[kind])
    assert clean_texts(pl.Series([raw]), settings)[0].to_list() == [expected]
    assert clean_texts(pl.Series([raw]), CleaningSettings(mask=[]))[0].to_list() == [raw]


def test_edits_of_several_masks_in_one_text() -> None:
    raw = "a http://x.y, b@c.org http://x.z 123456789"
    assert changes(EVERY, raw) == [
        ("http://x.y", "<URL>"),
        ("b@c.org", "<EMAIL>"),
        ("http://x.z", "<URL>"),
        ("123456789", "<NUMBER>"),
    ]


PIECE = st.sampled_from(
    [piece for a, _ in URLS + EMAILS + IPS + PHONES + NUMBERS for piece in (a, *a.split())]
    + [" ", "，", "中", "x", "-", ".", "<URL>", ":", "+", "@"]
)


@given(st.lists(PIECE, max_size=6).map("".join))
def test_placeholders_never_overlap_and_edits_lead_back(raw: str) -> None:
    new, edits = EVERY(pl.Series([raw]))
    check_edits([raw], new.to_list(), edits)
    check_spans(raw, new[0], edits)
    for (_, _, b, _, d), (_, a, _, c, _) in pairwise(rows(edits)):
        assert b <= a and d <= c
    for _, a, b, c, d in rows(edits):
        assert new[0][c:d] in PLACEHOLDERS.values() and b > a


@given(st.lists(PIECE, max_size=6).map("".join))
def test_the_prefilter_changes_no_result(text: str) -> None:
    for pattern in _PATTERNS.values():
        if any(pattern.accept(match) for match in pattern.exact.finditer(text)):
            assert may_match(pattern, pl.Series([text])).all()


@given(st.text(alphabet="0123456789+-.() :fa@w/", max_size=24))
def test_the_prefilter_changes_no_result_for_numbers(text: str) -> None:
    for pattern in _PATTERNS.values():
        if any(pattern.accept(match) for match in pattern.exact.finditer(text)):
            assert may_match(pattern, pl.Series([text])).all()


def test_names_with_colons_are_no_candidates() -> None:
    """The exact expression is slow, and names of C++ and Perl are frequent in texts about software."""
    texts = pl.Series(["Foo::Bar", "std::cout", "Class::IP::Match", "at 10.0.0.255", "(fe80::1)", "::1"])
    assert may_match(_PATTERNS["ip"], texts).to_list() == [False, False, False, True, True, True]


@pytest.mark.parametrize("text", ["1" * 100_000, "1 " * 50_000, "a." * 50_000, ":" * 100_000, "+1-" * 33_000,
                                  "http://" + "a." * 50_000, "http://(" * 12_000, "a@" * 50_000, "(0" * 50_000],
                         ids=["digits", "digits_and_blanks", "dots", "colons", "pluses", "url", "urls", "ats", "brackets"])  # fmt: skip
def test_long_texts_take_no_time(text: str) -> None:
    start = time.process_time()
    EVERY(pl.Series([text]))
    assert time.process_time() - start < 2
