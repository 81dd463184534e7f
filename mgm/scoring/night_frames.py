"""The frames of the gate before scoring: raw documents (night_rows.py), and the features of a sample of them.

documents, a row a document:
    row, doc_id                 its number in the input (from 0), and its id
    text_characters             length of the raw text; null where there is none
drift: see mgm/quality/drift.py; a night's sample against the profile in the bundle, numbers of documents left out
table, one row:
    rows, sampled               documents, and those of the sample
    blank_share                 documents without text, or with nothing but blanks, of all
    compared_with               the reference of drift; null where the bundle has no comparable profile

Memory: that of night_rows.py, and of `IdHashes` while repeated ids are searched for; the frame `documents` is read in blocks.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mgm.corpus.repeated_ids import IdHashes
from mgm.profiling.detected_languages import DETECTED, detected_languages, use_detected_languages
from mgm.profiling.layout import VERSION, Profile, num_profiled_documents
from mgm.profiling.pooling import pool_profiles
from mgm.profiling.profile import CorpusProfile
from mgm.quality.drift import drift_frame
from mgm.quality.frame import Frame
from mgm.quality.night_rows import HashSample, NightRows
from mgm.quality.spilled_rows import SpilledRows
from mgm.scoring.inputs import Inputs
from mgm.scoring.scorer import Scorer
from mgm.settings.gates import GateSettings

ALL_CORPORA = "all corpora"


@dataclass(frozen=True, kw_only=True)
class NightReader:
    """A night's documents, and the scorer that reads them."""

    inputs: Inputs
    scorer: Scorer
    as_corpus: str | None
    """The corpus whose settings the documents are read with, and with which they are compared; None: the general text settings,
    and all corpora of the bundle together."""
    rows_per_batch: int
    """Documents that are read at a time."""


def night_frames(
    night: NightRows, reader: NightReader, *, gates: GateSettings, may_stop: bool
) -> dict[str, Frame]:
    """Return the frames of one night by name.

    Args:
        night: all of its documents; the reader's inputs are read again only where ids are at fault.
        may_stop: whether drift may stop the night.
    """
    sample, documents = night.sample, night.documents
    reference = _reference(reader.scorer.bundle.profile, reader.as_corpus)
    table = {
        "rows": [documents.height],
        "sampled": [len(sample)],
        "blank_share": [night.num_blank / documents.height if documents.height else 0.0],
        "compared_with": [_describe(reference, reader.as_corpus)],
    }
    compared = {}
    if reference is not None:
        compared = {
            reader.as_corpus or ALL_CORPORA: (reference, _profile(sample, reader, reference=reference))
        }
    return {
        "documents": Frame(
            rows=documents,
            id_column="doc_id",
            examples={"doc_id": _locate_bad_id(reader) if _may_have_bad_ids(documents) else []},
        ),
        "drift": drift_frame(compared, gate=gates.drift, may_stop=may_stop, compare_num_documents=False),
        "table": Frame(
            rows=pl.DataFrame(table, schema_overrides={"compared_with": pl.String}),
            id_column=None,
            examples={"blank_share": ["(no id)" if doc_id is None else doc_id for doc_id in night.blank_ids]},
        ),
    }


def _reference(profile: Mapping[str, Mapping[str, Profile]], as_corpus: str | None) -> Profile | None:
    """Return the bundle's profile of a corpus, or of all, with the languages detected as a night's are."""
    corpora = profile.get("corpora", {})
    if as_corpus is None:
        profiles = list(corpora.values())
    else:
        profiles = [corpora[as_corpus]] if as_corpus in corpora else []
    if not profiles or any(p.get("version") != VERSION for p in profiles):
        return None
    detected = [use_detected_languages(p) for p in profiles]
    return pool_profiles(detected) if as_corpus is None else detected[0]


def _describe(reference: Profile | None, as_corpus: str | None) -> str | None:
    if reference is None:
        return None
    corpus = "all corpora of the bundle" if as_corpus is None else f"the corpus {as_corpus!r}"
    return f"{corpus}, {num_profiled_documents(reference):,} training documents"


def _profile(sample: HashSample, reader: NightReader, *, reference: Profile) -> Profile:
    """Return the profile of the documents of a sample that can be read."""
    settings = reader.scorer.bundle.text_for(reader.as_corpus).language
    profile, languages = CorpusProfile([], split=None, reference=reference), Counter[str]()
    for frame in sample.batches(reader.rows_per_batch):
        part = reader.scorer.find_words(frame, reader.as_corpus)
        # raw documents declare no language
        documents = part.documents.drop("lang", strict=False)
        profile.add(documents, part.types)
        languages.update(detected_languages(documents, part.types, settings=settings))
    detected = {DETECTED: {"n": languages.total(), "counts": dict(languages)}}
    return use_detected_languages(profile.result() | detected)


def _may_have_bad_ids(documents: SpilledRows) -> bool:
    """Return whether an id is missing, or two ids have one hash."""
    hashes = IdHashes()
    for block in documents.blocks(["doc_id"]):
        if block["doc_id"].null_count():
            return True
        hashes.add(block["doc_id"])
    return bool(len(hashes.repeated()))


def _locate_bad_id(reader: NightReader) -> list[str]:
    """Return file and row of the first missing or repeated id."""
    try:
        reader.inputs.check(reader.rows_per_batch)
    except ValueError as error:
        return [str(error)]
    return []
