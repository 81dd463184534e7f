"""The profile of several corpora together, from their profiles alone."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mgm.profiling.layout import Profile
from mgm.profiling.profile import TOP_WORDS
from mgm.profiling.streaming_histograms import (
    add_histograms,
    category_counts,
    mean_design_effect,
    require_same,
)
from mgm.profiling.unknown_words import pool_unknown_words, unknown_shares
from mgm.profiling.vocabulary_sketch import sketch_values, to_hex


def pool_profiles(profiles: Sequence[Profile]) -> Profile:
    """Return the profile of the documents of several profiles together, as far as it follows from them.

    Counts and histograms add up, and the sketch is exact. Not so: of words, those that occur in only one of
    the lists of the most frequent have the count of that list (no loss where each has all of its words);
    design effects are means weighted by n, without the differences between the profiles. Left out: quantiles, distinct
    words and their document frequencies, and histograms whose bounds differ. A task's rows are those of the profiles
    that have it.

    Raises:
        ValueError: there are none, or they differ in layout, split, sketch or the kind of a task.
    """
    if not profiles:
        raise ValueError("pool: expected at least one profile, found none")
    for name in ("version", "split"):
        require_same(name, [profile.get(name) for profile in profiles])
    vocabularies = [profile["vocabulary"] for profile in profiles]
    sketches = [vocabulary["sketch"] for vocabulary in vocabularies]
    top = _add_counts([vocabulary["top"] for vocabulary in vocabularies])
    lowest = np.min([sketch_values(sketch) for sketch in sketches], axis=0)
    unknown = _pool_by_name([profile["unknown"] for profile in profiles], pool_unknown_words)
    result = {
        "version": profiles[0]["version"],
        "split": profiles[0]["split"],
        "rows": _add_counts([profile["rows"] for profile in profiles]),
        **unknown_shares(unknown),
        "unknown": unknown,
        "words_per_document": add_histograms([p["words_per_document"] for p in profiles]),
        "characters_per_document": add_histograms([p["characters_per_document"] for p in profiles]),
        "languages": category_counts(_add_counts([profile["languages"]["counts"] for profile in profiles])),
        "vocabulary": {
            "n": sum(vocabulary["n"] for vocabulary in vocabularies),
            "documents": sum(vocabulary["documents"] for vocabulary in vocabularies),
            "top": dict(sorted(top.items(), key=lambda item: (-item[1], item[0]))[:TOP_WORDS]),
            "design_effect": mean_design_effect(vocabularies),
            "sketch": {
                "algorithm": require_same("sketch", [sketch["algorithm"] for sketch in sketches]),
                "values": to_hex(lowest),
            },
        },
        "tasks": _pool_by_name([profile["tasks"] for profile in profiles], _pool_labels),
    }
    predictions = [profile["predictions"] for profile in profiles if "predictions" in profile]
    return result | ({"predictions": _pool_by_name(predictions, _pool_labels)} if predictions else {})


def _add_counts(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(sorted(total.items()))


def _pool_by_name(
    sections: Sequence[Mapping[str, Profile]], pool: Callable[[list[Profile]], Profile]
) -> Profile:
    """Return each name's parts of several sections as one."""
    names = sorted({name for section in sections for name in section})
    return {name: pool([section[name] for section in sections if name in section]) for name in names}


def _pool_labels(sections: list[Profile]) -> Profile:
    kind = require_same("the kind of a task", [section["kind"] for section in sections])
    result: Profile = {"kind": kind}
    result |= {name: sum(section[name] for section in sections) for name in ("rows", "labelled")}
    if "labels" in sections[0]:
        labels = [section["labels"] for section in sections]
        result["labels"] = category_counts(_add_counts([part["counts"] for part in labels]))
        if "design_effect" in labels[0]:
            result["labels"]["design_effect"] = mean_design_effect(labels)
    if "per_document" in sections[0]:
        result["per_document"] = add_histograms([section["per_document"] for section in sections])
    if "values" in sections[0] and all(
        section["values"]["bounds"] == sections[0]["values"]["bounds"] for section in sections
    ):
        result["values"] = add_histograms([section["values"] for section in sections])
    return result
