"""The drift of documents from a profile: effect sizes, each with its numbers and its noise.

`measure_drift` compares two profiles (mgm/profiling/layout.py) and never reads documents. It decides nothing: whoever
does sets thresholds on effect sizes.

An effect size is never 0, even without drift. `noise` is its expected value without any, if both
profiles were of documents drawn independently from one population; `excess` is the effect without
it, on which thresholds should be set: without drift it is about 0 for any number of documents. Documents of
one group (pages of one book) are not independent, so the true noise of grouped corpora is larger.
"""

from collections.abc import Mapping

import polars as pl

from mgm.profiling.layout import VERSION, Profile, num_profiled_documents
from mgm.profiling.measures import (
    SCHEMA,
    Measure,
    compare_categories,
    compare_histograms,
    compare_shares,
    larger_design_effect,
    measure_jensen_shannon,
    no_measure,
)
from mgm.profiling.paired_counts import REST, pair_categories
from mgm.profiling.unknown_words import held_out_unknown_words
from mgm.profiling.vocabulary_sketch import expected_jaccard, sketch_jaccard, sketch_values

COMPARED_WORDS = 200
"""The number of most frequent words of either profile that are compared; profiles list five times as many, so that a word
that fell in rank is still counted."""
DIGITS = 6


def measure_drift(reference: Profile, current: Profile) -> pl.DataFrame:
    """Return every measure that both profiles allow, one a row (measures.SCHEMA), in a fixed order.

    Where one side has nothing to compare, value, noise and excess are null. Aspects:

    rows                      ratio: documents of the current profile to those of the reference
    words_per_document, characters_per_document, unknown_per_document (shares of unknown words)    psi, ks
    unknown_words             difference of the shares of all words; of the reference's held-out documents
                              where it has some, since training words are known by construction
    languages                 psi, js, cramers_v
    vocabulary                js of the most frequent words and the rest; jaccard of the sets of all words
    labelled: <task>          difference of the shares of labelled documents
    labels: <task>            psi, js, cramers_v
    values: <task>            psi, ks: numbers, where the current profile was binned like the reference
    labels_per_document: <task>    psi, ks
    predictions: ...          the last three of predicted labels, against the reference's predicted labels, or
                              where it has none against the known ones, from which a model's differ somewhat

    For PSI of a histogram, neighbouring bins are joined to at most ten; among categories, those too rare to
    compare are one. n counts the units of the shares: documents, words, or labels where a document has several.

    noise: of jaccard it is the value expected without drift, and excess the part of it that is missing.

    Raises:
        ValueError: a profile has another layout, or the two have a task of different kinds.
    """
    for profile in (reference, current):
        if profile.get("version") != VERSION:
            raise ValueError(f"profile of version {profile.get('version')}; expected {VERSION}")
    rows = [_compare_num_documents(reference, current)]
    for aspect in ("words_per_document", "characters_per_document"):
        rows += compare_histograms(aspect, reference[aspect], current=current[aspect])
    before, after = held_out_unknown_words(reference), held_out_unknown_words(current)
    rows += compare_histograms("unknown_per_document", before["per_document"], current=after["per_document"])
    rows.append(
        compare_shares(
            "unknown_words",
            (before["unknown"], before["n"]),
            current=(after["unknown"], after["n"]),
            design_effect=larger_design_effect(before, after),
        )
    )
    rows += compare_categories("languages", reference["languages"], current=current["languages"])
    rows += _compare_vocabularies(reference["vocabulary"], current["vocabulary"])
    for name in sorted(set(reference["tasks"]) & set(current["tasks"])):
        one, other = reference["tasks"][name], current["tasks"][name]
        labelled, labelled_now = ((side["labelled"], side["rows"]) for side in (one, other))
        rows.append(compare_shares(f"labelled: {name}", labelled, current=labelled_now))
        rows += _compare_labels(name, one, current=other)
    expected = {**reference["tasks"], **reference.get("predictions", {})}
    predicted = current.get("predictions", {})
    for name in sorted(set(expected) & set(predicted)):
        rows += _compare_labels(name, expected[name], current=predicted[name], prefix="predictions: ")
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(
        pl.col("value", "noise", "excess").round(DIGITS)
    )


def _compare_num_documents(reference: Profile, current: Profile) -> Measure:
    before, after = num_profiled_documents(reference), num_profiled_documents(current)
    return Measure(
        aspect="rows",
        statistic="ratio",
        value=after / before if before and after else None,
        noise=None,
        excess=None,
        n=after,
        reference_n=before,
        detail=f"{before:,} -> {after:,}",
    )


def _compare_vocabularies(reference: Profile, current: Profile) -> list[Measure]:
    numbers = {"n": current["n"], "reference_n": reference["n"]}
    if not current["n"] or not reference["n"]:
        return [no_measure("vocabulary", statistic, **numbers) for statistic in ("js", "jaccard")]
    words = {word for side in (reference, current) for word in _most_frequent(side["top"])}
    counts = [
        {word: side["top"].get(word, 0) for word in words}
        | {REST: side["n"] - sum(side["top"].get(word, 0) for word in words)}
        for side in (reference, current)
    ]
    pair = pair_categories(
        counts[0], counts[1], design_effect=max(larger_design_effect(reference, current), 1e-3)
    )
    rows = [measure_jensen_shannon("vocabulary", pair, **numbers)]
    if reference["sketch"]["algorithm"] != current["sketch"]["algorithm"]:
        return [*rows, no_measure("vocabulary", "jaccard", **numbers, detail="the sketches differ")]
    jaccard = sketch_jaccard(sketch_values(reference["sketch"]), sketch_values(current["sketch"]))
    expected = expected_jaccard(reference, current)
    measure = Measure(
        aspect="vocabulary",
        statistic="jaccard",
        value=jaccard,
        noise=expected,
        excess=max(1 - jaccard / expected, 0.0) if expected else None,
        **numbers,
        detail="" if expected is None else f"{jaccard:.3f}, expected {expected:.3f}",
    )
    return [*rows, measure]


def _most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Return words by falling count; a profile that was read from a file lists them by name."""
    return sorted(counts, key=lambda word: (-counts[word], word))[:COMPARED_WORDS]


def _compare_labels(name: str, reference: Profile, *, current: Profile, prefix: str = "") -> list[Measure]:
    """Return the measures of the sections that a task's kind has."""
    if reference["kind"] != current["kind"]:
        raise ValueError(f"task {name}: kind {current['kind']!r}; the reference has {reference['kind']!r}")
    rows: list[Measure] = []
    if "values" in reference and "values" in current:
        rows += compare_histograms(f"{prefix}values: {name}", reference["values"], current=current["values"])
    if "labels" in reference:
        rows += compare_categories(f"{prefix}labels: {name}", reference["labels"], current=current["labels"])
    if "per_document" in reference:
        rows += compare_histograms(
            f"{prefix}labels_per_document: {name}", reference["per_document"], current=current["per_document"]
        )
    return rows
