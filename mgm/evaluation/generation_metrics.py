"""Metrics of generation tasks, all between 0 and 1: chrF and BLEU of a whole split (sacreBLEU), and the means over documents of
ROUGE-1, 2 and L (F1, rouge-score) and of exact matches.

Axes: R resamples, D documents. Sources: Popović 2015 (chrF), Papineni et al. 2002 (BLEU), Lin 2004 (ROUGE), Post 2018,
arXiv:1804.08771 (sacreBLEU).
"""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from scipy import sparse

from mgm.evaluation.sufficient_statistics import Statistics, Sums, ratio
from mgm.tasks import Task

ROUGE = ("rouge1", "rouge2", "rougeL")
BASELINES = ("lead", "copy")
"""What a task is compared with: the first sentence of the document, and the document itself."""
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(f"[{_HAN}]|[^\\W_{_HAN}]+")
_HAN_SHARE = 0.1
"""With this share of references that hold Chinese characters BLEU reads Chinese by character (`zh`), else words (`13a`)."""
_N_BLEU, _N_CHRF = 10, 18


class Tokens:
    """What ROUGE counts: words in lower case, and each Chinese character by itself."""

    def tokenize(self, text: str) -> list[str]:
        return _TOKEN.findall(text.lower())


def baseline_column(task: Task, baseline: str) -> str:
    """The column of a predictions table that holds what a baseline says."""
    return f"{task.name}_{baseline}"


def text_statistics(rows: pl.DataFrame, task: Task) -> Statistics:
    """The statistics of a generation task over labelled rows."""
    said, true = rows[task.name].to_list(), rows[f"{task.name}_true"].to_list()
    bleu, chrf = BLEU(tokenize=bleu_tokenizer(true), effective_order=False), CHRF()
    scores = document_scores(said, true)
    documents = np.zeros((len(said), 2 + len(ROUGE) + _N_BLEU + _N_CHRF))
    documents[:, 0] = 1
    documents[:, 1] = [a == b for a, b in zip(said, true, strict=True)]
    documents[:, 2 : 2 + len(ROUGE)] = scores.select(ROUGE).to_numpy()
    if said:
        # the library's sums of each document, which it adds up to those of a corpus
        documents[:, -_N_BLEU - _N_CHRF : -_N_CHRF] = _bleu_sums(bleu, said, true)
        documents[:, -_N_CHRF:] = chrf._extract_corpus_statistics(said, [true])
    return Statistics(sparse.csr_array(documents), lambda sums: _metrics(sums, bleu, chrf))


def bleu_tokenizer(references: Sequence[str]) -> str:
    """sacreBLEU's name of the tokenizer that fits these references."""
    with_han = sum(bool(re.search(f"[{_HAN}]", text)) for text in references)
    return "zh" if with_han > 0 and with_han >= _HAN_SHARE * len(references) else "13a"


def document_scores(said: Sequence[str], true: Sequence[str]) -> pl.DataFrame:
    """rouge1, rouge2 and rougeL (F1), and chrf, of each document by itself."""
    scorer, chrf = RougeScorer(list(ROUGE), tokenizer=Tokens()), CHRF()
    columns: dict[str, list[float]] = {name: [] for name in (*ROUGE, "chrf")}
    for mine, theirs in zip(said, true, strict=True):
        for name, score in scorer.score(theirs, mine).items():
            columns[name].append(score.fmeasure)
        columns["chrf"].append(chrf.sentence_score(mine, [theirs]).score / 100)
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64()))


def _bleu_sums(bleu: BLEU, said: Sequence[str], true: Sequence[str]) -> np.ndarray:
    """(D, 10): lengths of output and reference, then hits and totals of 1 to 4 words."""
    return np.array(bleu._extract_corpus_statistics(said, [true]), np.float64)


def _metrics(sums: Sums, bleu: BLEU, chrf: CHRF) -> dict[str, np.ndarray]:
    documents = sums[:, 0]
    known = documents > 0
    of_chrf, of_bleu = np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    for row in np.flatnonzero(known):
        whole = sums[row].round().astype(np.int64).tolist()
        of_bleu[row] = bleu._compute_score_from_stats(whole[-_N_BLEU - _N_CHRF : -_N_CHRF]).score / 100
        of_chrf[row] = chrf._compute_score_from_stats(whole[-_N_CHRF:]).score / 100
    found = {"chrf": of_chrf, "bleu": of_bleu}
    found |= {name: ratio(sums[:, 2 + place], documents) for place, name in enumerate(ROUGE)}
    return found | {"exact_match": ratio(sums[:, 1], documents)}
