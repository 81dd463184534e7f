"""The frames of the gate before scoring: raw documents, read once, and a sample of them read as the model reads.

documents, a row a document:
    row, doc_id                 its number in the input (from 0), and its id
    text_characters             length of the raw text; null where there is none
drift: see drift_frames.py; a night's sample against the profile in the bundle, numbers of documents left out
table, one row:
    rows, sampled               documents, and those of the sample
    blank_share                 documents without text, or with nothing but blanks, of all
    compared_with               what drift is measured against; null where the bundle has no profile that compares

The sample are the documents with the lowest hashes of their ids, so that an order by time or place in the input cannot
make it one-sided; the same documents whatever the batches.

Memory: about 0.1 GB a million documents, and a copy for Great Expectations; the sample's texts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import polars as pl

from flows.gates.drift_frames import drift_frame
from flows.gates.runner import SHOWN_ROWS, Frame
from mgm.corpus.profile import VERSION, CorpusProfile, Profile, pool
from mgm.scoring.inputs import Inputs
from mgm.scoring.scorer import Scorer
from mgm.settings import GateSettings
from mgm.text.detected import DETECTED, detected_languages, with_detected

ALL = "all corpora"


class Sample:
    """Keeps the documents with the lowest hashes of their ids: at most so many, and so many bytes of text."""

    def __init__(self, documents: int, size: int) -> None:
        self._documents, self._bytes = documents, size
        self._rows = pl.DataFrame(
            schema={"doc_id": pl.String, "text": pl.String, "hash": pl.UInt64, "row": pl.Int64}
        )
        self._seen = 0
        self._above: int | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Adds a batch: doc_id, text."""
        row = pl.int_range(self._seen, self._seen + frame.height, dtype=pl.Int64)
        self._seen += frame.height
        fresh = frame.select("doc_id", "text", hash=pl.col("doc_id").hash(), row=row)
        if self._above is not None:
            fresh = fresh.filter(pl.col("hash") < self._above)
        rows = pl.concat([self._rows, fresh]).sort("hash", "row")
        size = rows["text"].str.len_bytes().fill_null(0).cum_sum()
        place = pl.int_range(rows.height, eager=True)
        kept = (place < self._documents) & ((size <= self._bytes) | (place == 0))
        # What is left out now would be left out later too, and so would all above it: more can only come below.
        if not kept.all():
            self._above = rows["hash"].filter(~kept)[0]
        self._rows = rows.filter(kept)

    def batches(self, rows: int) -> Iterator[pl.DataFrame]:
        """The sample in the order of the input."""
        return self._rows.sort("row").select("doc_id", "text").iter_slices(rows)

    def __len__(self) -> int:
        return self._rows.height


def night_frames(
    inputs: Inputs, scorer: Scorer, like: str | None, gates: GateSettings, rows: int, may_stop: bool
) -> dict[str, Frame]:
    """The frames of one night.

    Args:
        like: the corpus that the documents are read as, and compared with; None: with all of the bundle's together.
        rows: how many are read at a time.
        may_stop: whether drift may stop the night.

    Raises:
        FileNotFoundError: nothing is there to be scored.
        ValueError: a column is missing or has another type, or a text is not UTF-8.
    """
    sample = Sample(gates.score.sample, gates.score.sample_megabytes << 20)
    documents = [pl.DataFrame(schema={"doc_id": pl.String, "text_characters": pl.UInt32})]
    blank, blanks = 0, pl.Series("doc_id", [], dtype=pl.String)
    for frame in inputs.batches(rows):
        sample.add(frame)
        documents.append(frame.select("doc_id", pl.col("text").str.len_chars().alias("text_characters")))
        empty = frame["doc_id"].filter((frame["text"].str.strip_chars().str.len_bytes() == 0).fill_null(True))
        blank, blanks = blank + len(empty), blanks.extend(empty).head(SHOWN_ROWS)
    whole = pl.concat(documents).with_row_index("row")
    reference = _reference(scorer.bundle.profile, like)
    table = {
        "rows": [whole.height],
        "sampled": [len(sample)],
        "blank_share": [blank / whole.height if whole.height else 0.0],
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
            {"blank_share": ["(no id)" if name is None else name for name in blanks]},
        ),
    }


def _reference(profile: Mapping[str, Mapping[str, Profile]], like: str | None) -> Profile | None:
    """The bundle's profile of a corpus, or of all, with the languages as a night's are told."""
    own = profile.get("corpora", {})
    chosen = list(own.values()) if like is None else [own[like]] if like in own else []
    if not chosen or any(found.get("version") != VERSION for found in chosen):
        return None
    found = [with_detected(profile) for profile in chosen]
    return pool(found) if like is None else found[0]


def _described(reference: Profile | None, like: str | None) -> str | None:
    if reference is None:
        return None
    documents = sum(n for split, n in reference["rows"].items() if reference["split"] in (None, split))
    corpus = "all corpora of the bundle" if like is None else f"the corpus {like!r}"
    return f"{corpus}, {documents:,} training documents"


def _profile(sample: Sample, scorer: Scorer, like: str | None, reference: Profile, rows: int) -> Profile:
    """The profile of the documents of a sample that can be read."""
    settings = scorer.bundle.text_for(like).language
    profile, languages = CorpusProfile([], split=None, like=reference), Counter[str]()
    for frame in sample.batches(rows):
        part, _ = scorer.features(frame, like)
        # Raw documents declare no language.
        documents = part.documents.drop("lang", strict=False)
        profile.add(documents, part.types)
        languages.update(detected_languages(documents, part.types, settings))
    detected = {DETECTED: {"n": languages.total(), "counts": dict(languages)}}
    return with_detected(profile.result() | detected)


def _where(inputs: Inputs, rows: int) -> list[str]:
    """File and row of the first missing or repeated id."""
    try:
        inputs.check(rows)
    except ValueError as error:
        return [str(error)]
    return []
