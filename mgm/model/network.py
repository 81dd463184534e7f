"""The network: one encoder, a fusion of its granularities, and a head for each task.

Axes: B documents, N words, K labels, L span labels.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.encoder import Encoder
from mgm.model.fusion import FUSIONS, Fusion
from mgm.model.heads.classification import Classification
from mgm.model.heads.head import Decoded, Head
from mgm.model.heads.multilabel import Multilabel
from mgm.model.heads.regression import Regression
from mgm.model.heads.tagging import Tagging
from mgm.model.sharing import HardSharing
from mgm.settings import ModelSettings
from mgm.tasks import Task

HEADS: dict[str, type[Classification] | type[Multilabel] | type[Regression] | type[Tagging]] = {
    "classification": Classification,
    "multilabel": Multilabel,
    "regression": Regression,
    "tagging": Tagging,
}


class Heads(nn.Module):
    """Heads by task; a mapping of its own, since nn.ModuleDict refuses names such as `type` or `a.b`."""

    def __init__(self, heads: dict[str, Head]) -> None:
        super().__init__()
        self.names = list(heads)
        self.modules_in_order = nn.ModuleList(heads.values())

    def __getitem__(self, task: str) -> Head:
        head = self.modules_in_order[self.names.index(task)]
        assert isinstance(head, Head)
        return head

    def __contains__(self, task: object) -> bool:
        return task in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def items(self) -> Iterator[tuple[str, Head]]:
        """Each task and its head, in the order of the tasks."""
        return ((name, self[name]) for name in self.names)


class Network(nn.Module):
    """Documents to the outputs of every task.

    `labels`: the label space of each classification, multilabel and tagging task. `vocabulary_size`: the
    largest word id. `word_dropout`, which training sets: the probability that a word counts as unknown in a
    batch.

    Raises ValueError when a task's kind has no head or its label space is empty, when no granularity is
    enabled, and when a tagging task has no granularity that gives a vector a word.
    """

    word_dropout = 0.0

    def __init__(
        self,
        settings: ModelSettings,
        tasks: list[Task],
        labels: dict[str, list[str]],
        vocabulary_size: int,
        ngram_buckets: int,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(settings, vocabulary_size, ngram_buckets)
        for task in tasks:
            _check(task, labels, self.encoder.word_width)
        names = [task.name for task in tasks]
        self.fusion: Fusion = FUSIONS[settings.fusion](
            self.encoder.widths, names, settings.width, settings.dropout
        )
        self.sharing = HardSharing(tasks, settings.width, self.encoder.word_width, settings.dropout)
        self.heads = Heads(
            {
                task.name: HEADS[task.kind](self.sharing.widths[task.name], labels.get(task.name, []))
                for task in tasks
            }
        )
        self.has_tagging = any(task.kind == "tagging" for task in tasks)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Logits (B,K), standardised values (B,) or emissions (N, 2L+1) of each task."""
        pooled, words = self.encoder(batch, self.word_dropout if self.training else 0.0, self.has_tagging)
        inputs = self.sharing(self.fusion(pooled), words)
        return {task: head(inputs[task]) for task, head in self.heads.items()}

    def losses(self, outputs: dict[str, Tensor], batch: Batch, smoothing: float) -> dict[str, Tensor]:
        """The mean loss, a scalar, of each task with a label in the batch: a document's or a word's."""
        losses = {}
        for task, target in batch.targets.items():
            loss = self.heads[task].loss(outputs[task], target, batch, smoothing) if task in outputs else None
            if loss is not None:
                losses[task] = loss
        return losses

    def decode(self, outputs: dict[str, Tensor], batch: Batch) -> dict[str, Decoded]:
        """What the outputs mean, task by task; see `Decoded`."""
        return {task: self.heads[task].decode(output, batch) for task, output in outputs.items()}


def _check(task: Task, labels: dict[str, list[str]], word_width: int) -> None:
    if task.kind not in HEADS:
        raise ValueError(
            f"task {task.name!r}: no head for the kind {task.kind!r} (there are: {', '.join(HEADS)})"
        )
    if task.kind != "regression" and not labels.get(task.name):
        raise ValueError(
            f"task {task.name!r}: its label space is empty; no document of the training split has a label"
        )
    if task.kind == "tagging" and not word_width:
        raise ValueError(
            f"task {task.name!r}: tagging needs a vector a word; "
            "enable model.character, model.word, model.window or model.sentence"
        )
