"""Training of generation: chrF of greedily generated texts."""

from mgm.model.heads import Outcome, Texts
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.kinds.base import Pair, TaskTraining


class GenerationTraining(TaskTraining):
    """Predictions and truth are texts (n,)."""

    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return chrF between 0 and 1."""
        from sacrebleu.metrics import CHRF  # half a second, and few models generate

        return float(CHRF().corpus_score(pair.predicted.tolist(), [pair.truth.tolist()]).score) / 100

    def pair(self, outcome: Outcome, rows: PartRows, *, task: Task) -> Pair:
        """Return the generated texts and the references; all of `rows` have one."""
        assert isinstance(outcome, Texts)
        return Pair(
            predicted=outcome.text, truth=rows.part.documents[task.columns.label][rows.rows].to_numpy()
        )
