"""The frames of the gate before scoring: raw documents (night_rows.py), and a sample of them read as the model reads.

documents, a row a document:
    row, doc_id                 its number in the input (from 0), and its id
    text_characters             length of the raw text; null where there is none
drift: see drift_frames.py; a night's sample against the profile in the bundle, numbers of documents left out
table, one row:
    rows, sampled               documents, and those of the sample
    blank_share                 documents without text, or with nothing but blanks, of all
    compared_with               what drift is measured against; null where the bundle has no profile that compares

Memory: that of night_rows.py, and a copy for Great Expectations.
"""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from mgm.profiling.detected_languages import DETECTED, detected_languages, use_detected_languages
from mgm.profiling.layout import VERSION, Profile, num_profiled_documents
from mgm.profiling.pooling import pool_profiles
from mgm.profiling.profile import CorpusProfile
from mgm.quality.drift import drift_frame
from mgm.quality.frame import Frame
from mgm.quality.night_rows import NightRows, Sample
from mgm.scoring.inputs import Inputs
from mgm.scoring.scorer import Scorer
from mgm.settings.gates import GateSettings

ALL = "all corpora"


def night_frames(
    night: NightRows,
    inputs: Inputs,
    scorer: Scorer,
    like: str | None,
    gates: GateSettings,
    rows: int,
    may_stop: bool,
) -> dict[str, Frame]:
    """The frames of one night.

    Args:
        night: all of its documents; `inputs` is read again only where ids are at fault.
        like: the corpus that the documents are read as, and compared with; None: with all of the bundle's together.
        rows: how many of the sample are read at a time.
        may_stop: whether drift may stop the night.
    """
    sample, whole = night.sample, night.documents()
    reference = _reference(scorer.bundle.profile, like)
    table = {
        "rows": [whole.height],
        "sampled": [len(sample)],
        "blank_share": [night.blank / whole.height if whole.height else 0.0],
        "compared_with": [_described(reference, like)],
    }
    compared = {}
    if reference is not None:
        compared = {like or ALL: (reference, _profile(sample, scorer, like, reference, rows))}
    ids = whole["doc_id"]
    examples = _where(inputs, rows) if ids.null_count() or ids.n_unique() < len(ids) else []
    return {
        "documents": Frame(whole, "doc_id", {"doc_id": examples}),
        "drift": drift_frame(compared, gates.drift, may_stop, rows=False),
        "table": Frame(
            pl.DataFrame(table, schema_overrides={"compared_with": pl.String}),
            None,
            {"blank_share": ["(no id)" if name is None else name for name in night.blanks]},
        ),
    }


def _reference(profile: Mapping[str, Mapping[str, Profile]], like: str | None) -> Profile | None:
    """The bundle's profile of a corpus, or of all, with the languages as a night's are told."""
    own = profile.get("corpora", {})
    chosen = list(own.values()) if like is None else [own[like]] if like in own else []
    if not chosen or any(found.get("version") != VERSION for found in chosen):
        return None
    found = [use_detected_languages(profile) for profile in chosen]
    return pool_profiles(found) if like is None else found[0]


def _described(reference: Profile | None, like: str | None) -> str | None:
    if reference is None:
        return None
    documents = num_profiled_documents(reference)
    corpus = "all corpora of the bundle" if like is None else f"the corpus {like!r}"
    return f"{corpus}, {documents:,} training documents"


def _profile(sample: Sample, scorer: Scorer, like: str | None, reference: Profile, rows: int) -> Profile:
    """The profile of the documents of a sample that can be read."""
    settings = scorer.bundle.text_for(like).language
    profile, languages = CorpusProfile([], split=None, reference=reference), Counter[str]()
    for frame in sample.batches(rows):
        part, _ = scorer.features(frame, like)
        # Raw documents declare no language.
        documents = part.documents.drop("lang", strict=False)
        profile.add(documents, part.types)
        languages.update(detected_languages(documents, part.types, settings))
    detected = {DETECTED: {"n": languages.total(), "counts": dict(languages)}}
    return use_detected_languages(profile.result() | detected)


def _where(inputs: Inputs, rows: int) -> list[str]:
    """File and row of the first missing or repeated id."""
    try:
        inputs.check(rows)
    except ValueError as error:
        return [str(error)]
    return []
