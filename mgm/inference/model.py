"""A trained model as a user asks it: texts in, a table of predictions out, with the words that count for each.

Texts take the way of a night's documents: the same batches, the same cleaning, the same rejects.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from mgm.bundle.bundle import Bundle
from mgm.bundle.sealing import SealingKey
from mgm.corpus.readers import MEGABYTES
from mgm.corpus.readers.rebatch import rebatch
from mgm.inference.prediction_columns import readable_predictions
from mgm.inference.texts import TEXT, Texts, to_frame
from mgm.scoring.answers import AnswerOptions, Answers
from mgm.scoring.isolation import score_rows
from mgm.scoring.scorer import Scorer
from mgm.settings.names import nearest
from mgm.settings.scoring import ScoreSettings
from mgm.tasks import Task

if TYPE_CHECKING:
    from mgm.evaluation.explanations.single_document import Explanation

REJECTED = "rejected"
"""The column with the reasons for which a text is not predicted."""


class Model:
    """A bundle's model, which predicts and explains texts.

    Several threads may share one: their calls wait for one another. For work side by side, each process loads its own.
    """

    def __init__(self, bundle: Bundle, options: AnswerOptions | None = None) -> None:
        """Take a bundle; `options`: what becomes of its predictions, None: they are given as the network gives them.

        Raises:
            ValueError: the bundle cannot do what the options ask for (see `scoring.answers`).
        """
        self.bundle = bundle
        self._lock = threading.Lock()
        self._word_states = Scorer(bundle).word_states
        self._average_word: Mapping[str, Any] | None = None
        self.answer_by(options or AnswerOptions())

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        public_key: Path | str | None = None,
        encryption_key: Path | str | SealingKey | None = None,
        options: AnswerOptions | None = None,
    ) -> Self:
        """Return the model of a bundle's folder; see `mgm.load`."""
        verifies = None if public_key is None else Path(public_key)
        opens = (
            SealingKey.load(Path(encryption_key))
            if isinstance(encryption_key, Path | str)
            else encryption_key
        )
        return cls(Scorer.load(Path(folder), public_key=verifies, encryption_key=opens).bundle, options)

    def __repr__(self) -> str:
        tasks = ", ".join(f"{name} ({kind})" for name, kind in self.tasks.items())
        return f"Model({self.bundle.id[:12]}; {tasks})"

    def answer_by(self, options: AnswerOptions) -> None:
        """Set what becomes of the predictions from here on.

        Raises:
            ValueError: the bundle cannot do what the options ask for (see `scoring.answers`).
        """
        self.calibrated = Answers(self.bundle, self.bundle.tasks, options=options).calibrated
        """Whether scores are calibrated, by task that can be."""
        self.options = options

    @property
    def tasks(self) -> dict[str, str]:
        """The kind of each task, by the task's name."""
        return {task.name: task.kind for task in self.bundle.tasks}

    @property
    def explainable_tasks(self) -> list[str]:
        """The names of the tasks whose predictions `explain` explains."""
        # imported here, since it brings scipy's statistics, for which a prediction need not wait
        from mgm.evaluation.explanations.kinds import TASK_EXPLANATIONS

        return [task.name for task in self.bundle.tasks if task.kind in TASK_EXPLANATIONS]

    @property
    def corpora(self) -> list[str]:
        """The corpora that the model was trained on."""
        return sorted(self.bundle.settings.corpora)

    def labels(self, task: str) -> list[str]:
        """Return the labels of a task; none of a task that predicts numbers or texts.

        Raises:
            ValueError: there is no such task; the message names the nearest one.
        """
        found = self._task(task)
        return list(found.labels) if found.spec.has_label_space else []

    def predict(
        self,
        texts: Texts,
        *,
        tasks: str | Sequence[str] | None = None,
        proba: bool = False,
        corpus: str | None = None,
    ) -> pl.DataFrame:
        """Return the predictions of texts, a row for each in the order of the input.

        Columns: those of the input, or `text`; then of each task `<task>` and `<task>_score` as in the table of nights, of tasks
        that tag words the spans with label, score and bounds in code points of the raw text, of tasks that generate text also
        `<task>_truncated`; `reconstruction_error` where the model has one; and `rejected`. A text that cannot be predicted has the
        reasons in `rejected` and nulls otherwise; `rejected` is null for all others. Scores have 4 decimals.

        Texts are read in batches, so memory beyond input and result is bounded.

        Args:
            texts: a text, several, or a frame with a column `text`, whose other columns stay.
            tasks: the tasks to predict; None: all, those that generate text only where there are no others.
            proba: whether to add `<task>_proba`, a struct with the probability of each label, for tasks that choose labels.
            corpus: the corpus whose text settings are used; None: the general ones.

        Raises:
            ValueError: no such task or corpus, no column `text`, or a column with the name of a prediction.
            TypeError: `texts` holds something else than texts.
            ModelBroken: the model fails for many of the texts.
        """
        frame = to_frame(texts)
        scorer = self._scorer(tasks, with_probs=proba, options=self.options)
        self.bundle.text_for(corpus)
        _check_columns(frame, scorer)
        documents = frame.select(doc_id=pl.int_range(pl.len()).cast(pl.String), text=TEXT)
        with self._lock:
            predicted = pl.concat(list(self._score(scorer, documents, corpus=corpus)))
        return pl.concat([frame, predicted], how="horizontal")

    def explain(
        self, text: str, task: str, *, label: str | None = None, corpus: str | None = None
    ) -> "Explanation":
        """Return the words of a text that count for a prediction, with their places in the text.

        Args:
            text: the text; one at a time.
            task: a task that does not generate text.
            label: the label to explain, predicted or not; of a task that tags words, the most confident span with it. None: the
                most confident prediction.
            corpus: the corpus whose text settings are used; None: the general ones.

        Raises:
            ValueError: no such task, label or corpus, a task whose predictions are not explained, a text that is rejected, or a
                text without a span to explain.
            TypeError: several texts, or something else than a text.
        """
        # imported here for the reason above
        from mgm.evaluation.explanations.kinds import explanation_of
        from mgm.evaluation.explanations.single_document import average_vocabulary_word, explain_prediction

        if not isinstance(text, str):
            raise TypeError(f"expected one text, found {type(text).__name__}")
        chosen_task = self._task(task)
        if task not in self.explainable_tasks:
            raise ValueError(f"task {task!r}: predictions of kind {chosen_task.kind} are not explained")
        labels = self.labels(task)
        if label is not None and label not in labels:
            raise ValueError(f"task {task!r}: it has no label {label!r}{nearest(label, labels)}")
        if chosen_task.spec.has_label_space and not labels:
            raise ValueError(f"task {task!r}: it has no labels, since training had none for it")
        frame = pl.DataFrame({"doc_id": ["0"], TEXT: to_frame(text)[TEXT]})
        scorer = self._scorer(task, with_probs=True)
        with self._lock:
            part, rejects = scorer.featurize(frame, corpus)
            if rejects.height:
                raise ValueError(f"the text is rejected: {', '.join(rejects['reasons'][0])}")
            row = scorer.predict(frame, corpus)[0].row(0, named=True)
            chosen = explanation_of(chosen_task).choose_prediction(row, chosen_task, label=label)
            if chosen is None:
                of_label = "" if label is None else f" with the label {label!r}"
                raise ValueError(f"task {task!r}: no span{of_label} is predicted in this text")
            if self._average_word is None:
                self._average_word = average_vocabulary_word(self.bundle)
            return explain_prediction(
                self.bundle, part, text=text, task=chosen_task, chosen=chosen, baseline=self._average_word
            )

    def _task(self, name: str) -> Task:
        for task in self.bundle.tasks:
            if task.name == name:
                return task
        raise ValueError(f"task {name!r}: the bundle has no such task{nearest(name, self.tasks)}")

    def _scorer(
        self, tasks: str | Sequence[str] | None, *, with_probs: bool, options: AnswerOptions | None = None
    ) -> Scorer:
        names = [tasks] if isinstance(tasks, str) else tasks
        chosen = "all" if names is None else [self._task(name).name for name in names]
        return Scorer(
            self.bundle, tasks=chosen, with_probs=with_probs, word_states=self._word_states, options=options
        )

    def _score(
        self, scorer: Scorer, documents: pl.DataFrame, *, corpus: str | None
    ) -> Iterator[pl.DataFrame]:
        """Yield the predictions and `rejected` of the documents, in the batches of a night."""
        settings = ScoreSettings()
        shards = (
            rebatch([documents], settings.rows_per_shard, megabytes=MEGABYTES)
            if documents.height
            else [documents]
        )
        for shard in shards:
            scored = score_rows(
                scorer,
                shard,
                as_corpus=corpus,
                rows_per_batch=settings.rows_per_batch,
                max_failed_documents=settings.max_failed_documents,
            )
            predictions = readable_predictions(scored.predictions, scorer.tasks)
            rejected = scored.rejects.select("doc_id", pl.col("reasons").alias(REJECTED))
            rows = shard.select("doc_id")
            for table in (predictions, rejected):
                rows = rows.join(table, on="doc_id", how="left", maintain_order="left")
            yield rows.drop("doc_id")


def _check_columns(frame: pl.DataFrame, scorer: Scorer) -> None:
    """Check that no column of the frame has the name of a prediction."""
    predictions = readable_predictions(pl.DataFrame(schema=scorer.schema), scorer.tasks)
    present = [c for c in (*predictions.drop("doc_id").columns, REJECTED) if c in frame.columns]
    if present:
        raise ValueError(
            f"the frame has columns with the names of predictions: {', '.join(present)}; expected them to be renamed or dropped"
        )
