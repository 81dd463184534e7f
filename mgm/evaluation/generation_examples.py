"""Generated texts as examples: the worst by chrF and others, with their copied subwords and their attention to the source."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
import torch

from mgm.evaluation.kinds.generation import baseline_column, document_scores
from mgm.evaluation.sufficient_statistics import rounded
from mgm.model.batch import NO_LABEL
from mgm.model.collate import collate
from mgm.model.generation.decoder import CopyAttention
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.text.subwords import piece_bytes

NUM_WORST, NUM_OTHERS = 20, 6
MIN_COPY_PROBABILITY = 0.5
"""A subword counts as copied where it is at least as likely to have been copied as generated."""
NUM_LEVELS = 4


def examples(
    network: Network, corpora: Mapping[str, Iterable[FeaturePart]], *, rows: pl.DataFrame, task: Task
) -> list[dict[str, Any]]:
    """Return the `NUM_WORST` documents by chrF, the worst first, and `NUM_OTHERS` evenly over the rest.

    Args:
        network: the network, in evaluation mode.
        corpora: the features of each corpus of the task.
        rows: labelled predictions with a column corpus.
        task: with its subwords as label space.

    Returns:
        Of each document: doc_id, corpus, lang, worst, chrf, rougeL, score, truncated, reference, memory (the translation
        memory's text), output (subwords: text, copied, from: the word with the most attention) and source (words: text, and
        level, 0 to `NUM_LEVELS`, of their
        attention).
    """
    chosen = _choose(rows, task)
    texts: dict[tuple[str, str], dict[str, Any]] = {}
    for corpus in chosen["corpus"].unique().sort():
        doc_ids = chosen.filter(corpus=corpus)["doc_id"].implode()
        for part in corpora[corpus]:
            for row in part.documents["doc_id"].is_in(doc_ids).arg_true().to_list():
                texts[corpus, part.documents["doc_id"][row]] = _output_and_source(
                    network, part, row=row, task=task
                )
    return [
        {
            "doc_id": entry["doc_id"],
            "corpus": entry["corpus"],
            "lang": entry["lang"],
            "worst": number < NUM_WORST,
            "chrf": rounded(entry["chrf"]),
            "rougeL": rounded(entry["rougeL"]),
            "score": rounded(entry[task.columns.score]),
            "truncated": entry[task.columns.truncated],
            "reference": entry[task.columns.label],
            "memory": entry[baseline_column(task, "memory")],
            **texts[entry["corpus"], entry["doc_id"]],
        }
        for number, entry in enumerate(chosen.to_dicts())
    ]


def _choose(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Return the rows of the examples in order, with the columns chrf and rougeL."""
    scores = document_scores(rows[task.columns.prediction].to_list(), rows[task.columns.label].to_list())
    ranked = rows.with_columns(scores.select("chrf", "rougeL")).sort(["chrf", "corpus", "doc_id"])
    rest = ranked.slice(NUM_WORST)
    others = np.linspace(0, max(rest.height - 1, 0), min(NUM_OTHERS, rest.height)).astype(int)
    return pl.concat([ranked.head(NUM_WORST), rest.gather(others)])


@torch.inference_mode()
def _output_and_source(network: Network, part: FeaturePart, *, row: int, task: Task) -> dict[str, Any]:
    batch = collate(part, np.array([row]))
    batch = batch.to(next(network.parameters()).device)
    encoded = network.encode(batch)
    memory, start_D = network.memory(task.name, batch, encoded=encoded)
    output = network.generate(batch, [task.name], encoded=encoded)[task.name]
    ids = output.ids[:, : int(output.count)]
    assert network.text_decoder is not None and NO_LABEL not in ids
    copy_attention = network.text_decoder.copy_attention(memory, start_D, output_BT=ids)
    word_of_subword, words = memory.word_BL[0].cpu().numpy(), _words(part, row)
    attention_TW = _attention_by_word(copy_attention, word_of_subword, num_words=len(words))
    total = attention_TW.sum(0)
    level = np.ceil(NUM_LEVELS * total / max(total.max(initial=0), 1e-9)).astype(int)
    num_read = int(word_of_subword.max(initial=-1)) + 1
    is_copied = (copy_attention.copy_probability[0] >= MIN_COPY_PROBABILITY).tolist()
    most_attended = attention_TW.argmax(1).tolist()
    return {
        "output": [
            {"text": text, "copied": copied, "from": words[word].strip()}
            for text, copied, word in zip(
                _subword_texts(ids[0].tolist(), task), is_copied, most_attended, strict=True
            )
        ],
        "source": [
            {"text": text, "level": n}
            for text, n in zip(words[:num_read], level[:num_read].tolist(), strict=True)
        ],
    }


def _attention_by_word(
    copy_attention: CopyAttention, word_of_subword: np.ndarray, *, num_words: int
) -> np.ndarray:
    """Return the attention of each output position to each word of the document, (T, W)."""
    attention_TL = copy_attention.attention[0].float().cpu().numpy()
    attention_WT = np.zeros((num_words, attention_TL.shape[0]))
    np.add.at(attention_WT, word_of_subword, attention_TL[:, : len(word_of_subword)].T)
    return attention_WT.T


def _subword_texts(ids: list[int], task: Task) -> list[str]:
    """Return the text of each subword; a character spelt by bytes is that of the last of them."""
    spelling, texts, pending = piece_bytes(list(task.labels)), [], b""
    for number in ids:
        pending += spelling[number]
        try:
            text, pending = pending.decode("utf-8"), b""
        except UnicodeDecodeError:
            text = ""
        texts.append(text)
    return texts


def _words(part: FeaturePart, row: int) -> list[str]:
    """Return the words of a document, each with the blank before it."""
    document = part.documents[row]
    texts = part.types["text"].gather(document["word"].explode())
    start, end = document["start"].explode(), document["end"].explode()
    has_blank_before = (start > end.shift(1)).fill_null(False)
    return [f" {text}" if blank else text for text, blank in zip(texts, has_blank_before, strict=True)]
