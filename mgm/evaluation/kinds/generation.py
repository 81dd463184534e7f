"""Evaluation of generated text.

chrF and BLEU of a whole split (sacreBLEU), and the means over documents of ROUGE-1, 2 and L (F1, rouge-score) and of exact
matches, all between 0 and 1.

Axes: R resamples, D documents.

Source: Popović 2015 (chrF); Papineni et al. 2002 (BLEU); Lin 2004 (ROUGE); Post 2018, arXiv:1804.08771 (sacreBLEU).
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse

from mgm.evaluation.copy_baselines import lead_and_copy
from mgm.evaluation.kinds.task_evaluation import BaselinePredictor, TaskEvaluation
from mgm.evaluation.sufficient_statistics import Statistics, Sums, ratio
from mgm.evaluation.translation_memory import TranslationMemory
from mgm.tasks import Task
from mgm.text.features import FeaturePart

# Imported where a text is scored: rouge-score alone imports NLTK, and with it half of the time of a report.
if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU, CHRF

ROUGE = ("rouge1", "rouge2", "rougeL")
BASELINES = ("lead", "copy", "memory", "fuzzy")
"""The baselines of a task: the first sentence of the document, the document itself, and the target of the most similar training
document by n-grams and by edit distance."""
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(f"[{_HAN}]|[^\\W_{_HAN}]+")
_MIN_HAN_SHARE = 0.1
"""From this share of references with Chinese characters on, BLEU tokenizes Chinese by character (`zh`), below it words (`13a`)."""
_NUM_BLEU_SUMS, _NUM_CHRF_SUMS = 10, 18


class GenerationEvaluation(TaskEvaluation):
    """chrF, BLEU, ROUGE and exact matches."""

    slice_metric = "chrf"

    def statistics(self, rows: pl.DataFrame, task: Task) -> Statistics:
        """See the base class."""
        from sacrebleu.metrics import BLEU, CHRF

        generated, references = rows[task.columns.prediction].to_list(), rows[task.columns.label].to_list()
        bleu, chrf = BLEU(tokenize=bleu_tokenizer(references), effective_order=False), CHRF()
        scores = document_scores(generated, references)
        documents = np.zeros((len(generated), 2 + len(ROUGE) + _NUM_BLEU_SUMS + _NUM_CHRF_SUMS))
        documents[:, 0] = 1
        documents[:, 1] = [a == b for a, b in zip(generated, references, strict=True)]
        documents[:, 2 : 2 + len(ROUGE)] = scores.select(ROUGE).to_numpy()
        if generated:
            # the library's sums of each document, which it adds up to those of a corpus
            sums = np.array(bleu._extract_corpus_statistics(generated, [references]), np.float64)
            documents[:, -_NUM_BLEU_SUMS - _NUM_CHRF_SUMS : -_NUM_CHRF_SUMS] = sums
            documents[:, -_NUM_CHRF_SUMS:] = chrf._extract_corpus_statistics(generated, [references])
        return Statistics(
            documents=sparse.csr_array(documents), metrics=lambda sums: _metrics(sums, bleu, chrf=chrf)
        )

    def prediction_columns(self, task: Task) -> list[str]:
        """See the base class."""
        columns = super().prediction_columns(task)
        return [*columns, task.columns.truncated, *(baseline_column(task, name) for name in BASELINES)]

    def predict_baselines(
        self, rows: pl.DataFrame, train_labels: pl.Series, *, task: Task
    ) -> dict[str, pl.DataFrame]:
        """Return the rows with the texts of each of `BASELINES`."""
        return {
            name: rows.with_columns(pl.col(baseline_column(task, name)).alias(task.columns.prediction))
            for name in BASELINES
        }

    def baseline_schema(self, task: Task) -> dict[str, pl.DataType]:
        """See the base class."""
        return {baseline_column(task, name): pl.String() for name in BASELINES}

    def fit_baselines(self, parts: Sequence[FeaturePart], task: Task) -> BaselinePredictor:
        """See the base class."""
        memory = TranslationMemory(parts, task)

        def predict(part: FeaturePart) -> dict[str, pl.Series]:
            matches = memory.look_up(part)
            texts = (*lead_and_copy(part.documents, part.types), matches.nearest, matches.fuzzy)
            return {baseline_column(task, name): text for name, text in zip(BASELINES, texts, strict=True)}

        return predict


def baseline_column(task: Task, baseline: str) -> str:
    """Return the column of a predictions table that holds the text of a baseline."""
    return task.columns.of(baseline)


def bleu_tokenizer(references: Sequence[str]) -> str:
    """Return sacreBLEU's name of the tokenizer that fits these references."""
    with_han = sum(bool(re.search(f"[{_HAN}]", text)) for text in references)
    return "zh" if with_han > 0 and with_han >= _MIN_HAN_SHARE * len(references) else "13a"


def document_scores(generated: Sequence[str], references: Sequence[str]) -> pl.DataFrame:
    """Return rouge1, rouge2 and rougeL (F1), and chrf, of each document by itself."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import CHRF

    scorer, chrf = RougeScorer(list(ROUGE), tokenizer=_RougeTokenizer()), CHRF()
    columns: dict[str, list[float]] = {name: [] for name in (*ROUGE, "chrf")}
    for text, reference in zip(generated, references, strict=True):
        for name, score in scorer.score(reference, text).items():
            columns[name].append(score.fmeasure)
        columns["chrf"].append(chrf.sentence_score(text, [reference]).score / 100)
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64()))


class _RougeTokenizer:
    """Words in lower case, and each Chinese character by itself."""

    def tokenize(self, text: str) -> list[str]:
        return _TOKEN.findall(text.lower())


def _metrics(sums: Sums, bleu: "BLEU", *, chrf: "CHRF") -> dict[str, np.ndarray]:
    documents = sums[:, 0]
    chrf_R, bleu_R = np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    for row in np.flatnonzero(documents > 0):
        whole = sums[row].round().astype(np.int64).tolist()
        bleu_sums = whole[-_NUM_BLEU_SUMS - _NUM_CHRF_SUMS : -_NUM_CHRF_SUMS]
        bleu_R[row] = bleu._compute_score_from_stats(bleu_sums).score / 100
        chrf_R[row] = chrf._compute_score_from_stats(whole[-_NUM_CHRF_SUMS:]).score / 100
    metrics = {"chrf": chrf_R, "bleu": bleu_R}
    metrics |= {name: ratio(sums[:, 2 + place], documents) for place, name in enumerate(ROUGE)}
    return metrics | {"exact_match": ratio(sums[:, 1], documents)}
