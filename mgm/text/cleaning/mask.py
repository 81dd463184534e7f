"""Cleaning step `mask`: addresses and numbers that identify someone, and mean nothing else, become typed placeholders.

The kinds in the order in which they are searched for, each in the text that the earlier ones left:

- url: http, https, ftp, ftps and sftp addresses, and addresses that begin with www.; without trailing punctuation, and up to the
  first Chinese character;
- email: addresses with a domain;
- ip: IPv4 of four numbers up to 255, and IPv6 as the module ipaddress reads it; not versions of another length or of single digits,
  not times, not C++ or Python names with colons;
- phone: international numbers with +, North American ones with separators, Chinese mobile and fixed-line numbers, service numbers
  400 and 800;
- number: Chinese identity numbers, card numbers in groups of four, and any other run of at least nine digits (account and order
  numbers, time stamps); not years, dates, prices or decimals, and nothing within a word.

Only ASCII digits are matched: full-width ones are where the step `width` folds them.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import reduce
from ipaddress import AddressValueError, IPv6Address
from operator import or_

import numpy as np
import polars as pl

from mgm.settings.text import Mask
from mgm.text.cleaning.rewrite import Rewritten, replace_rows
from mgm.text.cleaning.urls import mask_urls, masking_edits
from mgm.text.list_columns import Array
from mgm.text.offsets import Edits, compose
from mgm.text.patterns import PLACEHOLDERS

_Match = re.Match[str]


def _always(match: _Match) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """The expressions that find a kind of address or number."""

    candidates: tuple[str, ...]
    """Cheap expressions for Polars, one of which matches every text with a match, and few others. Separate ones are several
    times as fast as their alternation."""
    exact: re.Pattern[str]
    accept: Callable[[_Match], bool] = _always


# Characters of a URL: ASCII, Latin, Greek and Cyrillic letters. Punctuation is not among them: it belongs to a URL only if more of
# the URL follows.
_URL = r"A-Za-z0-9_~/#@$&+=%\-\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u052f"
_BODY = rf"(?:[{_URL}]|[.,:;!?'|*]+(?=[{_URL}])|\([{_URL}.,:;!?'*]*\))"
_URLS = re.compile(
    rf"""
    (?<![A-Za-z0-9_])
    (?:
        (?:https?|ftps?|sftp)://
        (?:[^\s/?\#@<>"'()\u3000-\uffef]{{1,64}}@)?      # user:password
        (?:\[[0-9A-Fa-f:.]+\]|[{_URL}])
      |
        www\.[A-Za-z0-9]
    )
    {_BODY}*
    """,
    re.VERBOSE | re.IGNORECASE,
)

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_EMAILS = re.compile(
    rf"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9_][A-Za-z0-9._%+\-]{{0,63}}@(?:{_LABEL}\.)+[A-Za-z]{{2,24}}(?![A-Za-z0-9_])"
)

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_NOT_IN_NAME = r"(?<![A-Za-z0-9_.:])(?<![A-Za-z]-)"  # package-1.2.3.4 is a version
_IPS = re.compile(
    rf"{_NOT_IN_NAME}(?:"
    rf"(?P<v6>(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}(?:{_IPV4}|[0-9A-Fa-f]{{1,4}}|(?<=::)))(?![A-Za-z0-9_]|:[0-9A-Fa-f:])"
    rf"|{_IPV4}(?![A-Za-z0-9_]|\.[0-9]))"
)


def _is_ip(match: _Match) -> bool:
    address = match["v6"]
    if address is None:  # 8.2.2.1 is a version or a section
        return any(len(octet) > 1 for octet in match[0].split("."))
    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    groups = [group for group in address.split(":") if group]
    # 1::2 is a slice of Python, a::b a name of C++.
    return len(groups) > 2 or address == "::1" or (len(groups[:1]) > 0 and len(groups[0]) > 2)


# Not within a word, a decimal or a number with separators. A dot after a letter ends a word, as in No.123.
_ALONE = r"(?<![A-Za-z0-9_])(?<![0-9],)(?<![^A-Za-z]\.)(?<!^\.)"
_ENDS = r"(?![A-Za-z0-9_]|[.,][0-9])"
_PHONES = re.compile(
    rf"""
    (?<![A-Za-z0-9_+])\+(?![0-9]+\.[0-9]+(?![0-9]|[.\-\ ][0-9]))   # not +3.14159265
        [1-9](?:[ .\-]?(?:[0-9]|\([0-9]{{1,5}}\))){{5,14}}{_ENDS}
    | {_ALONE}(?:
        (?:(?:00)?86[ \-]?)?1[3-9][0-9](?P<s>[ \-]?)[0-9]{{4}}(?P=s)[0-9]{{4}}
      | 0[1-9][0-9]{{1,2}}-[0-9]{{7,8}}(?:-[0-9]{{1,6}})?
      | [48]00-?[0-9]{{3}}-?[0-9]{{4}} | [48]00-?[0-9]{{4}}-?[0-9]{{3}}
      | (?:1[ .\-])?[2-9][0-9]{{2}}(?P<n>[.\-])[2-9][0-9]{{2}}(?P=n)[0-9]{{4}}
    ){_ENDS}
    | (?:(?<![A-Za-z0-9_])1[ \-])?\([2-9][0-9]{{2}}\)[ ]?[2-9][0-9]{{2}}[ .\-][0-9]{{4}}{_ENDS}
    | [(（]0[1-9][0-9]{{1,2}}[)）][ \-]?[0-9]{{7,8}}{_ENDS}
    """,
    re.VERBOSE,
)


def _is_phone(match: _Match) -> bool:
    return not match[0].startswith("+") or 8 <= sum(c.isdigit() for c in match[0]) <= 15  # ITU-T E.164


_YEAR = r"(?:1[5-9]|20)[0-9]{2}"
_NUMBERS = re.compile(
    rf"{_ALONE}(?:[0-9]{{17}}[Xx]"
    rf"|(?!{_YEAR}[ -]{_YEAR}[ -]{_YEAR}[ -]{_YEAR})[0-9]{{4}}(?P<s>[ -])[0-9]{{4}}(?P=s)[0-9]{{4}}(?P=s)[0-9]{{4}}(?:(?P=s)[0-9]{{3}})?"
    r"|3[47][0-9]{2}(?P<a>[ -])[0-9]{6}(?P=a)[0-9]{5}"
    rf"|[0-9]{{9,}}){_ENDS}"
)

_PATTERNS: dict[Mask, Pattern] = {
    "url": Pattern(candidates=(r"(?i)(?:https?|ftps?|sftp)://|www\.",), exact=_URLS),
    "email": Pattern(candidates=(r"[A-Za-z0-9._%+\-]@[A-Za-z0-9]",), exact=_EMAILS),
    "ip": Pattern(
        # the second begins where an address may: Foo::Bar is none
        candidates=(
            r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
            r"(?:^|[^A-Za-z0-9_.:])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:",
        ),
        exact=_IPS,
        accept=_is_ip,
    ),
    "phone": Pattern(
        candidates=(r"\+[1-9](?:[ .()\-]*[0-9]){7}|[0-9]{7}|[0-9]{3}[.\- ][0-9]{3}|[0-9]\)[ \-]?[0-9]{3}",),
        exact=_PHONES,
        accept=_is_phone,
    ),
    "number": Pattern(
        candidates=(r"[0-9]{9}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|[0-9]{4}[ -][0-9]{6}[ -][0-9]",),
        exact=_NUMBERS,
    ),
}


def mask_identifiers(texts: pl.Series, kinds: Collection[Mask]) -> Rewritten:
    """Replace addresses and numbers of these kinds by their placeholders."""
    edits = Edits.none()
    for kind, placeholder in PLACEHOLDERS.items():
        if kind in kinds:
            if kind == "url":
                texts, edits, rows = mask_urls(texts, placeholder)
                texts, more = _replace(texts, _PATTERNS[kind], placeholder=placeholder, rows=rows)
                edits = Edits.union(edits, more)
                continue
            texts, edits_of_kind = _replace(texts, _PATTERNS[kind], placeholder=placeholder)
            edits = compose(edits, edits_of_kind)
    return texts, edits


def may_match(pattern: Pattern, texts: pl.Series) -> pl.Series:
    """Return which texts a candidate of the pattern matches."""
    return reduce(or_, (texts.str.contains(candidate) for candidate in pattern.candidates))


def _replace(texts: pl.Series, pattern: Pattern, *, placeholder: str, rows: Array | None = None) -> Rewritten:
    """Replace the matches of a pattern, in these rows alone where they are given."""
    if rows is None:
        rows = np.flatnonzero(may_match(pattern, texts).to_numpy())
    else:
        rows = rows[may_match(pattern, texts.gather(rows)).to_numpy()]
    changed, new, spans = [], [], []
    for row, text in zip(rows.tolist(), texts.gather(rows), strict=True):
        matches = [m.span() for m in pattern.exact.finditer(text) if pattern.accept(m)]
        if not matches:
            continue
        parts, at = [], 0
        for start, end in matches:
            parts += [text[at:start], placeholder]
            at = end
        changed.append(row)
        new.append("".join(parts) + text[at:])
        spans += [(row, start, end) for start, end in matches]
    if not changed:
        return texts, Edits.none()
    row_of, start, end = np.array(spans, dtype=np.int64).T
    edits = masking_edits(row_of, start, end=end, placeholder=placeholder)
    return replace_rows(texts, np.array(changed), changed=pl.Series(new, dtype=pl.String)), edits
