"""How far documents have moved from a profile: effect sizes, each with its numbers and its noise.

`drift` compares two profiles (mgm/profiling/profile.py) and never reads documents. It decides nothing: whoever
does sets thresholds on effect sizes. P-values are left out on purpose: with enough documents every difference
is significant, with few none is.

An effect size is never 0, even without drift. `noise` is what it is expected to be without any, if both
profiles were of documents drawn independently from one population; `excess` is the effect with that taken
out, which is what thresholds should be set on: it is about 0 without drift whatever the numbers. Documents of
one group (pages of one book) are not independent, so the true noise of grouped corpora is larger.

Of small changes of shares the three measures of categories say the same: PSI = 4 V^2 = 8 ln(2) JS^2. They
differ on large ones: PSI grows without limit where a category appears or vanishes, the others end at 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.spatial.distance import jensenshannon
from scipy.stats.contingency import chi2_contingency

from mgm.profiling.profile import VERSION, Profile, held_out_unknown, sketch_values

SCHEMA = pl.Schema(
    {
        "aspect": pl.String,
        "statistic": pl.String,
        "value": pl.Float64,
        "noise": pl.Float64,
        "excess": pl.Float64,
        "n": pl.Int64,
        "reference_n": pl.Int64,
        "detail": pl.String,
    }
)
# The most frequent of either; profiles list five times as many, so that a word that fell in rank is found.
COMPARED_WORDS = 200
DIGITS = 6
RANGES = 10  # bins of a histogram for PSI, as its thresholds suppose
LEAST = 2.5  # a category's mean share times the smaller n; below, it joins the rest
SHOWN = 3
REST = "(rest)"

Counts = npt.ArrayLike
Shares = npt.NDArray[np.float64]


def population_stability_index(expected: Counts, observed: Counts) -> float:
    """Population stability index: sum_i (q_i - p_i) ln(q_i / p_i) of shares p (expected) and q; 0 and above.

    It is Jeffreys' divergence, KL(p, q) + KL(q, p) (Jeffreys 1946; in credit scoring, Lewis 1994). By custom
    0.1 is a moderate shift and 0.25 a large one, of ten bins. Smoothing: one document is added to each
    sample, spread over the bins by the mean w of both shares: p_i = (a_i + w_i) / (n + 1). So empty bins are
    finite, and equal shares give 0 whatever the numbers. Without drift it is on average (B - 1)(1/n + 1/m)
    for B bins (Yurdakul 2018).
    """
    a, b, p, q = _compared(expected, observed)
    mean = (p + q) / 2
    p, q = (a + mean) / (a.sum() + 1), (b + mean) / (b.sum() + 1)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon_distance(one: Counts, other: Counts) -> float:
    """Square root of the Jensen-Shannon divergence to base 2: 0 for equal shares, 1 for disjoint ones.

    A metric (Endres and Schindelin 2003). Its square is without drift about (B - 1)(1/n + 1/m) / (8 ln 2).
    """
    _, _, p, q = _compared(one, other)
    return float(np.nan_to_num(jensenshannon(p, q, base=2)))


def cramers_v(one: Counts, other: Counts) -> float:
    """Cramer's V (1946) of two rows of shares, sqrt(chi^2 / 2): 0 for equal shares, 1 for disjoint ones.

    Of shares rather than counts, so that both samples weigh the same: from 50% to 90% is 0.44 of the shares,
    but of the counts 0.03 where 100 documents meet 100,000. V^2 = 1/2 sum_i (p_i - q_i)^2 / (p_i + q_i). Not
    corrected for its bias (Bergsma 2013): without drift V^2 is about (B - 1)(1/n + 1/m) / 4, stated apart.
    """
    _, _, p, q = _compared(one, other)
    return float(np.sqrt(chi2_contingency(np.array([p, q]), correction=False).statistic / 2))


def kolmogorov_smirnov(one: Counts, other: Counts) -> float:
    """Kolmogorov-Smirnov D of two histograms of the same bins: the largest difference of cumulative shares.

    A lower bound of D between the values, which may part further inside a bin. Without drift D is on average
    sqrt(pi/2) ln 2 sqrt(1/n + 1/m) for continuous values (the mean of Kolmogorov's distribution), and less
    for few bins.
    """
    p, q = _shares(one), _shares(other)
    return float(np.abs(np.cumsum(p) - np.cumsum(q)).max())


def sketch_jaccard(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Estimate of |A and B| / |A or B| from two MinHash sketches (Broder 1997); sd sqrt(J (1-J) / values)."""
    return float((one == other).mean())


def expected_jaccard(one: Profile, other: Profile) -> float | None:
    """The Jaccard index of the words of two samples of one population; small where one sample is small.

    Of a sample with V_k words that occur in k of its documents, a share s of the documents has on average
    D(s) = sum_k V_k (1 - (1-s)^k) words (rarefaction; Heck et al. 1975). What more documents bring is read
    off by going on with D from s = 1/4, 1/2, 1 on logarithmic axes, where it is nearly straight (Heaps 1978).
    On halves of the project's corpora drawn by document this is within 0.03 of the true index; drawn by group
    it is up to 0.27 above, since documents of one group share words. The larger sample tells; None where it
    does not know its V_k, as pooled profiles do not.

    Args:
        one: a profile's `vocabulary`.
        other: another's.
    """
    smaller, larger = sorted((one, other), key=lambda vocabulary: vocabulary["documents"])
    if not smaller["n"] or "document_frequencies" not in larger:
        return None
    known = larger["document_frequencies"]
    words = np.array(known["counts"], dtype=np.float64)
    lower = np.array([1, *known["bounds"]], dtype=np.float64)
    middle = np.sqrt(lower * np.append(lower[1:] - 1, lower[-1]))  # of the bin's whole numbers

    def distinct(share: float) -> float:
        return float((words * (1 - (1 - share) ** middle)).sum())

    share = smaller["documents"] / larger["documents"]
    ahead = np.log2(1 + share)
    whole, half, quarter = (np.log2(distinct(part)) for part in (1.0, 0.5, 0.25))
    # Newton's backward formula through the three points.
    union = 2 ** (whole + ahead * (whole - half) + ahead * (ahead + 1) / 2 * (whole - 2 * half + quarter))
    both = distinct(1.0) + distinct(share) - union
    return float(min(max(both, 0.0) / union, 1.0))


def drift(reference: Profile, now: Profile) -> pl.DataFrame:
    """Every measure that both profiles allow, one a row (SCHEMA), in a fixed order.

    Where one side has nothing to compare, value, noise and excess are null. Aspects:

    rows                      ratio: documents now to those of the reference
    words_per_document, characters_per_document, unknown_per_document (shares of unknown words)    psi, ks
    unknown_words             difference of the shares of all words; of the reference's held-out documents
                              where it has some, since training words are known by construction
    languages                 psi, js, cramers_v
    vocabulary                js of the most frequent words and the rest; jaccard of the sets of all words
    labelled: <task>          difference of the shares of labelled documents
    labels: <task>            psi, js, cramers_v
    values: <task>            psi, ks: regression, where `now` was binned like the reference
    labels_per_document: <task>    psi, ks
    predictions: ...          the last three of predicted labels, against the reference's predicted labels, or
                              where it has none against the given ones, from which a model's differ somewhat

    For PSI of a histogram, neighbouring bins are joined to at most ten; among categories, those too rare to
    tell are one. n counts what shares are of: documents, words, or labels where a document has several.

    noise: of jaccard it is the value expected without drift, and excess the part of it that is missing.

    Raises:
        ValueError: a profile has another layout, or the two have a task of different kinds.
    """
    for profile in (reference, now):
        if profile.get("version") != VERSION:
            version = profile.get("version")
            raise ValueError(
                f"profile of version {version}; expected {VERSION}: run the stage features again"
            )
    found = [_rows(reference, now)]
    for aspect in ("words_per_document", "characters_per_document"):
        found += _ranges(aspect, reference[aspect], now[aspect])
    before, after = held_out_unknown(reference), held_out_unknown(now)
    found += _ranges("unknown_per_document", before["per_document"], after["per_document"])
    found.append(
        _difference(
            "unknown_words",
            (before["unknown"], before["n"]),
            (after["unknown"], after["n"]),
            _effect(before, after),
        )
    )
    found += _categories("languages", reference["languages"], now["languages"])
    found += _vocabulary(reference["vocabulary"], now["vocabulary"])
    for name in sorted(set(reference["tasks"]) & set(now["tasks"])):
        one, other = reference["tasks"][name], now["tasks"][name]
        given, given_now = ((side["labelled"], side["rows"]) for side in (one, other))
        found.append(_difference(f"labelled: {name}", given, given_now))
        found += _labels(name, one, other)
    expected = {**reference["tasks"], **reference.get("predictions", {})}
    predicted = now.get("predictions", {})
    for name in sorted(set(expected) & set(predicted)):
        found += _labels(name, expected[name], predicted[name], "predictions: ")
    return pl.DataFrame(found, schema=SCHEMA, orient="row").with_columns(
        pl.col("value", "noise", "excess").round(DIGITS)
    )


Row = tuple[str, str, float | None, float | None, float | None, int, int, str]


@dataclass(frozen=True)
class _Table:
    """Two rows of counts of the same named bins; n and m: how many independent draws they are worth."""

    names: list[str]
    one: Shares
    other: Shares
    n: float
    m: float
    least: int = 0

    @property
    def draws(self) -> float:
        """1/n + 1/m."""
        return 1 / self.n + 1 / self.m

    @property
    def freedom(self) -> int:
        return max(int(np.count_nonzero(self.one + self.other)) - 1, self.least)

    def merged(self, bins: npt.NDArray[np.int64], names: list[str]) -> "_Table":
        """The same with bin i counted in bins[i].

        Where several become one, which says nothing, the noise stays that of two.
        """
        one, other = np.zeros(len(names)), np.zeros(len(names))
        np.add.at(one, bins, self.one)
        np.add.at(other, bins, self.other)
        return _Table(names, one, other, self.n, self.m, min(self.freedom, 1))

    @property
    def means(self) -> Shares:
        return (_shares(self.one) + _shares(self.other)) / 2

    def moved(self) -> str:
        """The bins whose shares moved most."""
        p, q = _shares(self.one), _shares(self.other)
        order = sorted(range(len(p)), key=lambda i: (-abs(p[i] - q[i]), i))[:SHOWN]
        return ", ".join(
            f"{self.names[i]} {_percent(p[i])} -> {_percent(q[i])}" for i in order if p[i] != q[i]
        )


def _rows(reference: Profile, now: Profile) -> Row:
    before, after = (
        sum(n for s, n in p["rows"].items() if p["split"] in (None, s)) for p in (reference, now)
    )
    ratio = after / before if before and after else None
    return "rows", "ratio", ratio, None, None, after, before, f"{before:,} -> {after:,}"


def _ranges(aspect: str, reference: Mapping[str, Any], now: Mapping[str, Any]) -> list[Row]:
    """Two histograms: PSI of about ten ranges of equal mean share, and D of all bins."""
    n, m = now["n"], reference["n"]
    if not n or not m:
        return [_null(aspect, statistic, n, m) for statistic in ("psi", "ks")]
    if reference["bounds"] != now["bounds"]:
        return [_null(aspect, statistic, n, m, "the bins differ") for statistic in ("psi", "ks")]
    bounds = reference["bounds"]
    table = _Table([], np.array(reference["counts"], float), np.array(now["counts"], float), m, n)
    least = max(1 / RANGES, LEAST / min(n, m)) - 1e-9  # a hair of tolerance: shares are rounded
    bins, last, mass, left = np.zeros(len(table.one), np.int64), 0, 0.0, 1.0
    for i, share in enumerate(table.means):
        bins[i] = last
        mass, left = mass + share, left - share
        if mass >= least and left >= least:
            last, mass = last + 1, 0.0
    firsts = np.flatnonzero(np.diff(bins, prepend=-1))
    edges = [None, *(bounds[i - 1] for i in firsts[1:]), None]
    names = [_range(low, high) for low, high in pairwise(edges)]
    merged = table.merged(bins, names)
    psi = population_stability_index(merged.one, merged.other)
    noise = merged.freedom * merged.draws
    d = kolmogorov_smirnov(table.one, table.other)
    d_noise = float(np.sqrt(np.pi / 2) * np.log(2) * np.sqrt(table.draws))
    below = [np.cumsum(_shares(counts))[:-1] for counts in (table.one, table.other)]
    at = int(np.abs(below[0] - below[1]).argmax())
    where = f"below {bounds[at]:g}: {_percent(below[0][at])} -> {_percent(below[1][at])}" if d > 0 else ""
    return [
        (aspect, "psi", psi, noise, max(psi - noise, 0.0), n, m, merged.moved()),
        (aspect, "ks", d, d_noise, max(d - d_noise, 0.0), n, m, where),
    ]


def _categories(aspect: str, reference: Mapping[str, Any], now: Mapping[str, Any]) -> list[Row]:
    """Two mixes of categories."""
    n, m = now["n"], reference["n"]
    if not n or not m:
        return [_null(aspect, statistic, n, m) for statistic in ("psi", "js", "cramers_v")]
    table = _mixed(reference["counts"], now["counts"], reference, now)
    psi = population_stability_index(table.one, table.other)
    js, v = jensen_shannon_distance(table.one, table.other), cramers_v(table.one, table.other)
    noise = table.freedom * table.draws
    js_noise, v_noise = float(np.sqrt(noise / (8 * np.log(2)))), float(np.sqrt(noise / 4))
    moved = table.moved()
    return [
        (aspect, "psi", psi, noise, max(psi - noise, 0.0), n, m, moved),
        (aspect, "js", js, js_noise, _without(js, js_noise), n, m, moved),
        (aspect, "cramers_v", v, v_noise, _without(v, v_noise), n, m, moved),
    ]


def _vocabulary(reference: Profile, now: Profile) -> list[Row]:
    n, m = now["n"], reference["n"]
    if not n or not m:
        return [_null("vocabulary", statistic, n, m) for statistic in ("js", "jaccard")]
    compared = {word for side in (reference, now) for word in _frequent(side["top"])[:COMPARED_WORDS]}
    counts = [
        {w: side["top"].get(w, 0) for w in compared}
        | {REST: side["n"] - sum(side["top"].get(w, 0) for w in compared)}
        for side in (reference, now)
    ]
    table = _mixed(counts[0], counts[1], reference, now)
    js = jensen_shannon_distance(table.one, table.other)
    noise = float(np.sqrt(table.freedom * table.draws / (8 * np.log(2))))
    rows: list[Row] = [("vocabulary", "js", js, noise, _without(js, noise), n, m, table.moved())]
    if reference["sketch"]["algorithm"] != now["sketch"]["algorithm"]:
        return [*rows, _null("vocabulary", "jaccard", n, m, "the sketches differ")]
    jaccard = sketch_jaccard(sketch_values(reference["sketch"]), sketch_values(now["sketch"]))
    expected = expected_jaccard(reference, now)
    missing = max(1 - jaccard / expected, 0.0) if expected else None
    detail = "" if expected is None else f"{jaccard:.3f}, expected {expected:.3f}"
    return [*rows, ("vocabulary", "jaccard", jaccard, expected, missing, n, m, detail)]


def _labels(name: str, reference: Profile, now: Profile, prefix: str = "") -> list[Row]:
    if reference["kind"] != now["kind"]:
        raise ValueError(f"task {name}: kind {now['kind']!r}; the reference has {reference['kind']!r}")
    rows = []
    if reference["kind"] == "regression":
        if "values" in reference and "values" in now:
            rows += _ranges(f"{prefix}values: {name}", reference["values"], now["values"])
    else:
        rows += _categories(f"{prefix}labels: {name}", reference["labels"], now["labels"])
    if "per_document" in reference:
        rows += _ranges(
            f"{prefix}labels_per_document: {name}", reference["per_document"], now["per_document"]
        )
    return rows


def _difference(
    aspect: str, reference: tuple[int, int], now: tuple[int, int], design_effect: float = 1.0
) -> Row:
    """The difference of two shares, each given as (how many, of how many)."""
    (before, m), (after, n) = reference, now
    if not n or not m:
        return _null(aspect, "difference", n, m)
    p, q, pooled = before / m, after / n, (before + after) / (m + n)
    # The mean absolute value of a normal deviate is sqrt(2 / pi) of its standard deviation.
    noise = float(np.sqrt(2 / np.pi * pooled * (1 - pooled) * design_effect * (1 / n + 1 / m)))
    excess = max(abs(q - p) - noise, 0.0)
    return aspect, "difference", q - p, noise, excess, n, m, f"{_percent(p)} -> {_percent(q)}"


def _mixed(
    one: Mapping[str, int], other: Mapping[str, int], reference: Mapping[str, Any], now: Mapping[str, Any]
) -> _Table:
    """A table of categories, those too rare to compare as one, with n and m divided by the design effect."""
    effect = max(_effect(reference, now), 1e-3)
    names = sorted({*one, *other} - {REST})
    table = _Table(
        [*names, REST],
        np.array([one.get(name, 0) for name in [*names, REST]], float),
        np.array([other.get(name, 0) for name in [*names, REST]], float),
        reference["n"] / effect,
        now["n"] / effect,
    )
    kept = table.means * min(table.n, table.m) >= LEAST
    kept[-1] = False
    places = np.where(kept, np.cumsum(kept) - 1, kept.sum())
    return table.merged(places, [*(name for name, keep in zip(names, kept, strict=False) if keep), REST])


def _effect(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The design effect as the larger sample tells it."""
    return float(max((one, other), key=lambda side: side["n"]).get("design_effect", 1.0))


def _frequent(counts: Mapping[str, int]) -> list[str]:
    """Words by falling count. A profile read from a file lists them by name."""
    return sorted(counts, key=lambda word: (-counts[word], word))


def _compared(one: Counts, other: Counts) -> tuple[Shares, Shares, Shares, Shares]:
    """Counts and shares of the bins that are not empty in both."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    used = a + b > 0
    a, b = a[used], b[used]
    return a, b, _shares(a), _shares(b)


def _shares(counts: Counts) -> Shares:
    values = np.asarray(counts, dtype=np.float64)
    if not values.sum() > 0:
        raise ValueError(f"counts that sum to {values.sum():g}; expected at least one")
    return values / values.sum()


def _without(value: float, noise: float) -> float:
    """A root of a sum of squares without what noise adds to the sum."""
    return float(np.sqrt(max(value**2 - noise**2, 0.0)))


def _null(aspect: str, statistic: str, n: int, m: int, detail: str = "") -> Row:
    return aspect, statistic, None, None, None, n, m, detail or "nothing to compare"


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "all"
    if low is None:
        return f"< {high:g}"
    return f">= {low:g}" if high is None else f"{low:g} to < {high:g}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
