"""The documents that have a label, and the doubt about it.

A model agrees with wrong labels that it was trained on, and whether it was trained on a document is not known here. So the doubt is that
of linear models, each fitted on the other folds of the labelled documents alone; with fewer than `MIN_HELD_OUT` documents, which teach
such models little, their predictions are averaged with the network's.

Axes: D documents, F n-grams, K outputs.
"""

from functools import partial

import numpy as np
import polars as pl
import torch
from scipy import sparse

from mgm.active_learning.kinds import LABEL, TASK_ACQUISITIONS
from mgm.active_learning.measures import Measured, MeasuredModel, batches
from mgm.model.batch import Batch
from mgm.model.collate import gather_targets
from mgm.model.heads import HEADS
from mgm.text.features import FeaturePart
from mgm.text.labels import LABEL_ENCODERS
from mgm.training.kinds import TASK_TRAINING
from mgm.training.sparse_rows import drop_empty_columns
from mgm.training.wide_tuning import MIN_DOCUMENTS, SOLVED, WideMethod, held_out_outputs

NUM_FOLDS = 5
MIN_HELD_OUT = 1_000
"""The number of labelled documents from which the network's own predictions are not needed."""


class LabelledDocuments:
    """The labelled documents of an input, collected part by part.

    Memory: the predictions of all labels and the n-grams of each labelled document, about 4 KB.
    """

    def __init__(self, model: MeasuredModel) -> None:
        self.model = model
        self._tables: list[pl.DataFrame] = []
        self._outcomes: list[np.ndarray] = []
        self._features: list[sparse.csr_array] = []
        self._batch: Batch | None = None

    def add(self, part: FeaturePart, measured: Measured, *, labels: pl.Series) -> None:
        """Add the documents of a part that have a label.

        Args:
            part: features.
            measured: the result of `MeasuredModel.measure`.
            labels: the given labels, row by row, null where a document has none.
        """
        rows = labels.is_not_null().arg_true().to_numpy()
        table = measured.table.with_columns(labels.alias(LABEL))[rows]
        if isinstance(measured.outcome, np.ndarray):
            self._outcomes.append(measured.outcome[rows])
            if self._has_wide:
                self._features.append(self._tfidf(part, rows))
        self._tables.append(table)

    def doubts(self) -> pl.DataFrame | None:
        """Return the documents by the doubt about their label (`TaskAcquisition.doubts`); None where there are no documents."""
        tables = [table for table in self._tables if table.height]
        if not tables:
            return None
        task, table = self.model.task, pl.concat(tables)
        if self._outcomes:
            outcome = self._predictions(table)
            with_probs = TASK_ACQUISITIONS[task.kind].with_probs
            table = table.with_columns(**self.model.prediction_columns(outcome, table, probs=with_probs))
        return TASK_ACQUISITIONS[task.kind].doubts(table, task)

    @property
    def _has_wide(self) -> bool:
        wide = self.model.network.wide
        return wide is not None and self.model.task.name in wide.widths

    @torch.inference_mode()
    def _tfidf(self, part: FeaturePart, rows: np.ndarray) -> sparse.csr_array:
        """Return the TF-IDF values (rows, all n-grams) of rows of a part."""
        wide = self.model.network.wide
        assert wide is not None
        chosen = FeaturePart(part.documents[rows], part.types)
        found = []
        for places, _, batch in batches(chosen):
            found.append((places, wide.tfidf_matrix(batch)))
            self._batch = batch
        if not found:
            return sparse.csr_array((0, 1))
        order = np.argsort(np.concatenate([places for places, _ in found]))
        return sparse.vstack([values for _, values in found], format="csr")[order]

    def _predictions(self, table: pl.DataFrame) -> np.ndarray:
        """Return predictions that were made, wholly or in part, without the document's label."""
        outcome = np.concatenate(self._outcomes)
        task = self.model.task
        encoded = LABEL_ENCODERS[task.kind].encode(
            table.select(pl.col(LABEL).alias(task.columns.label)), task, subwords=None
        )
        assert encoded is not None
        known = TASK_TRAINING[task.kind].is_known(encoded).arg_true().to_numpy()
        if not self._has_wide or len(known) < MIN_DOCUMENTS:
            return outcome
        features = sparse.vstack([part for part in self._features if part.shape[0]], format="csr")[known]
        held_out = self._held_out(features, encoded.gather(known))
        outcome[known] = held_out if len(known) >= MIN_HELD_OUT else (outcome[known] + held_out) / 2
        return outcome

    def _held_out(self, features: sparse.csr_array, encoded: pl.Series) -> np.ndarray:
        """Return the predictions for each document by linear models of the other folds."""
        network, task = self.model.network, self.model.task
        assert network.wide is not None
        head, kind = network.heads[task.name], HEADS[task.kind]
        targets = gather_targets(encoded, task, word_count=np.ones(len(encoded), np.int64)).numpy()
        _, present = drop_empty_columns(sparse.csr_matrix(features))
        solve = partial(
            TASK_TRAINING[task.kind].solve_wide, head=head, num_outputs=network.wide.widths[task.name]
        )
        method = WideMethod(c=network.wide.settings.c or WideMethod().c)
        outputs = np.mean(
            [
                held_out_outputs(
                    present,
                    targets,
                    folds=np.arange(len(targets)) % NUM_FOLDS,
                    solve=solve,
                    c=method.c,
                    is_scaled=is_scaled,
                )
                for is_scaled in SOLVED[method.scaling]
            ],
            axis=0,
        )
        outcome = kind.empty_outcome(task, num_rows=len(targets), num_words=0)
        logits = head.reshape_wide(torch.from_numpy(outputs.astype(np.float32)))
        assert self._batch is not None
        rows = np.arange(len(targets))
        # of documents, which take only outputs to decode: any batch will do
        kind.store(outcome, head.decode(logits, self._batch), task=task, rows=rows, words=rows[:0])
        assert isinstance(outcome, np.ndarray)
        return outcome
