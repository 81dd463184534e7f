"""Texts that a model wrote, to be looked at: the worst by chrF, and others, with what was copied and where attention went."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch

from mgm.evaluation.generation_metrics import document_scores
from mgm.evaluation.numbers import rounded
from mgm.model.batch import NO_LABEL
from mgm.model.collate import collate
from mgm.model.generation.decoder import CopyAttention
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.text.subwords import piece_bytes

WORST, OTHERS = 20, 6
COPIED = 0.5
"""A piece counts as copied where it is at least as likely to have been copied as written."""
LEVELS = 4


def examples(
    network: Network,
    corpora: Mapping[str, Iterable[FeaturePart]],
    rows: pl.DataFrame,
    task: Task,
    pieces: Sequence[str],
) -> list[dict[str, Any]]:
    """The WORST documents of `rows` (labelled predictions with a column corpus) by chrF, worst first, and OTHERS evenly over the
    rest, from the worst to the best: doc_id, corpus, lang, worst, chrf, rougeL, score, truncated, reference, output (pieces: text,
    copied, from: the word looked at most) and source (words: text, and level, 0 to LEVELS, of the attention it got).

    corpora: the features of these corpora.
    """
    scores = document_scores(rows[task.name].to_list(), rows[f"{task.name}_true"].to_list())
    ranked = rows.with_columns(scores.select("chrf", "rougeL")).sort(["chrf", "corpus", "doc_id"])
    rest = ranked.slice(WORST)
    others = rest.gather(np.linspace(0, max(rest.height - 1, 0), min(OTHERS, rest.height)).astype(int))
    chosen = pl.concat([ranked.head(WORST), others])
    shown: dict[tuple[str, str], dict[str, Any]] = {}
    for corpus in chosen["corpus"].unique().sort():
        wanted = chosen.filter(corpus=corpus)["doc_id"].implode()
        for part in corpora[corpus]:
            at = part.documents["doc_id"].is_in(wanted).arg_true().to_numpy().astype(np.int64)
            for row in at:
                shown[corpus, part.documents["doc_id"][int(row)]] = _shown(
                    network, part, int(row), task, pieces
                )
    found = []
    for number, entry in enumerate(chosen.to_dicts()):
        found.append(
            {
                "doc_id": entry["doc_id"],
                "corpus": entry["corpus"],
                "lang": entry["lang"],
                "worst": number < WORST,
                "chrf": rounded(entry["chrf"]),
                "rougeL": rounded(entry["rougeL"]),
                "score": rounded(entry[f"{task.name}_score"]),
                "truncated": entry[f"{task.name}_truncated"],
                "reference": entry[f"{task.name}_true"],
                **shown[entry["corpus"], entry["doc_id"]],
            }
        )
    return found


@torch.inference_mode()
def _shown(
    network: Network, part: FeaturePart, row: int, task: Task, pieces: Sequence[str]
) -> dict[str, Any]:
    """One document's output and source."""
    batch = collate(part, np.array([row]))
    batch = batch.to(next(network.parameters()).device)
    encoded = network.encode(batch)
    memory, start_D = network.memory(task.name, batch, encoded)
    found = network.generate(batch, [task.name], encoded=encoded)[task.name]
    ids = found.ids[:, : int(found.count)]
    assert network.text_decoder is not None and NO_LABEL not in ids
    looked = network.text_decoder.copy_attention(memory, start_D, ids)
    words, texts = memory.word_BL[0].cpu().numpy(), _words(part, row)
    attention = _by_word(looked, words, len(texts))
    strongest = attention.sum(0)
    level = np.ceil(LEVELS * strongest / max(strongest.max(initial=0), 1e-9)).astype(int)
    read = int(words.max(initial=-1)) + 1
    copied = (looked.copied[0] >= COPIED).tolist()
    return {
        "output": [
            {"text": text, "copied": was, "from": texts[place].strip()}
            for text, was, place in zip(
                _texts(ids[0].tolist(), pieces), copied, attention.argmax(1).tolist(), strict=True
            )
        ],
        "source": [{"text": t, "level": n} for t, n in zip(texts[:read], level[:read].tolist(), strict=True)],
    }


def _by_word(looked: CopyAttention, words: np.ndarray, count: int) -> np.ndarray:
    """(T, words of the document) the attention of each place of the output."""
    attention = looked.attention[0].float().cpu().numpy()
    found = np.zeros((count, attention.shape[0]))
    np.add.at(found, words, attention[:, : len(words)].T)
    return found.T


def _texts(ids: list[int], pieces: Sequence[str]) -> list[str]:
    """What each piece writes; a character spelt by bytes is written by the last of them."""
    spelt, found, pending = piece_bytes(pieces), [], b""
    for number in ids:
        pending += spelt[number]
        try:
            text, pending = pending.decode("utf-8"), b""
        except UnicodeDecodeError:
            text = ""
        found.append(text)
    return found


def _words(part: FeaturePart, row: int) -> list[str]:
    """The words of a document, each with the blank before it."""
    document = part.documents[row]
    texts = part.types["text"].gather(document["word"].explode())
    start, end = document["start"].explode(), document["end"].explode()
    apart = (start > end.shift(1)).fill_null(False)
    return [f" {text}" if blank else text for text, blank in zip(texts, apart, strict=True)]
