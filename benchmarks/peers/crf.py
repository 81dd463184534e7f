"""The peer of tagging: a linear-chain CRF (CRFsuite) over mgm's own words, which are characters where a corpus is
segmented so."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pycrfsuite

from mgm.model.spans import word_spans
from mgm.tasks import Task
from mgm.text.list_columns import unflatten

from .peer import Setting
from .rows import Rows
from .scores import Outcome

ITERATIONS = 100
_CLASSES = {"d": str.isdigit, "u": str.isupper, "l": str.islower, "a": str.isalpha, "s": str.isspace}


class Crf:
    name = "crf"
    seeded = False

    def grid(self, task: Task) -> Sequence[Setting]:
        if task.kind != "tagging":
            return []
        return [{"c1": 0.0, "c2": 0.1}, {"c1": 0.05, "c2": 0.01}, {"c1": 0.0, "c2": 1.0}]

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        trainer = pycrfsuite.Trainer(verbose=False)
        trainer.select("lbfgs")
        trainer.set_params({**setting, "max_iterations": ITERATIONS, "feature.minfreq": 2})
        chosen = rows.filter(fit_on)
        for words, tags in zip(
            _sentences(chosen, "words"), _sentences(chosen, rows.task.columns.label_ids), strict=True
        ):
            trainer.append(features(words), [str(tag) for tag in tags])
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model")
            trainer.train(path)
            tagger = pycrfsuite.Tagger()
            tagger.open(path)
            target = rows.filter(read)
            tags = [int(t) for words in _sentences(target, "words") for t in tagger.tag(features(words))]
            tagger.close()
        return spans(np.asarray(tags, np.int64), target)


def features(words: Sequence[str]) -> list[list[str]]:
    """What the CRF reads of each word of a sentence: words and pairs around it, its shape, its first and last
    letters."""
    lower = ["<<", "<", *[w.lower() for w in words], ">", ">>"]
    shapes = ["<", *["".join(_kind(c) for c in word[:6]) for word in words], ">"]
    found = []
    for i, word in enumerate(lower[2:-2]):
        a, b, _, d, e = lower[i : i + 5]
        own = [f"-2={a}", f"-1={b}", f"0={word}", f"1={d}", f"2={e}", f"-10={b}|{word}", f"01={word}|{d}"]
        own += [f"-11={b}|{d}", f"-2-1={a}|{b}", f"12={d}|{e}", f"-101={b}|{word}|{d}"]
        own += [f"s={shapes[i + 1]}", f"s3={'|'.join(shapes[i : i + 3])}"]
        if len(word) > 1:
            own += [f"p={word[:3]}", f"q={word[-3:]}"]
        found.append(own)
    return found


def spans(tags: np.ndarray, rows: Rows) -> pl.Series:
    """The spans, in raw offsets, of the tags (N,) of the words of all rows."""
    count = rows.table["words"].list.len().to_numpy()
    start, end, sentence = (
        rows.table[name].explode().drop_nulls().to_numpy() for name in ("start", "end", "sentence")
    )
    found = word_spans(tags, np.zeros(len(tags), np.float32), sentence_length=sentence)
    fields = pl.DataFrame(
        {
            "start": start[found.first].astype(np.int32),
            "end": end[found.last].astype(np.int32),
            "label": pl.Series(rows.space, dtype=pl.String).gather(found.label),
        }
    )
    document = np.repeat(np.arange(len(count)), count)[found.first]
    return unflatten(fields.to_struct(), np.bincount(document, minlength=len(count)), name=rows.task.name)


def _sentences(rows: Rows, column: str) -> Iterator[list]:
    for values, lengths in rows.table.select(column, "sentence").iter_rows():
        position = 0
        for length in lengths:
            if length:
                yield values[position : position + length]
            position += length


def _kind(character: str) -> str:
    return next((name for name, holds in _CLASSES.items() if holds(character)), "o")
