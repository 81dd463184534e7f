"""What of the outputs is explained for one answer, as coefficients of a sum, and the score that deleting words moves.

classification: the logit of the answer less that of the class in question beside it, the labelled one where the answer is
wrong, else the runner-up: logits alone mean nothing, since softmax sees only differences; the score is the answer's
probability. multilabel: the label's logit; its probability. regression: the value in the task's units, which is the score
too. tagging: the emissions of the span's tags less those of "outside", summed over its words (the transitions between tags
do not read the text); the mean marginal probability of these tags.

Axes: K outputs, N words of the document, C tags.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.heads import RegressionHead, TaggingHead
from mgm.model.heads.crf import marginals
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.tasks import Task


@dataclass(frozen=True)
class Target:
    """Of one answer on one document: `coefficients`, shaped as the output; `index` of the label among the outputs; of a
    span its `words` and their `tags`; `what` the coefficients sum, in words."""

    coefficients: Tensor
    what: str
    index: int = 0
    words: Tensor | None = None
    tags: Tensor | None = None


def target_of(
    network: Network,
    batch: Batch,
    task: Task,
    space: list[str],
    label: str | None,
    true: str,
    span: Tensor | None,
) -> Target:
    """The target of an answer to a batch of one document.

    label: the answer's, None for a value; true: the labelled class of a classification; span (n,): the words of a tagging
    answer.
    """
    with torch.no_grad():
        output = network(batch)[task.name]
    coefficients = torch.zeros_like(output)
    if task.kind == "regression":
        head = network.heads[task.name]
        assert isinstance(head, RegressionHead)
        return Target(coefficients + head.deviation, "the value")
    assert label is not None
    index = space.index(label)
    if task.kind == "tagging":
        assert span is not None
        tags = torch.full_like(span, 2 * index + 2)
        tags[0] = 2 * index + 1
        coefficients[span, tags] = 1
        coefficients[span, 0] = -1
        return Target(coefficients, f"{label} rather than outside any span", index, span, tags)
    coefficients[0, index] = 1
    if task.kind == "multilabel":
        return Target(coefficients, label, index)
    if len(space) < 2:
        return Target(coefficients, label, index)
    other = space.index(true) if true in space and true != label else _runner_up(output[0], index)
    coefficients[0, other] = -1
    return Target(coefficients, f"{label} rather than {space[other]}", index)


@torch.no_grad()
def score(network: Network, batch: Batch, task: Task, target: Target, span: Tensor | None = None) -> Tensor:
    """(B,) the score of the answer in each of the batch's documents, which are versions of one.

    span (B,n): where the words of a tagging answer stand now.
    """
    output = network(batch)[task.name]
    head = network.heads[task.name]
    if isinstance(head, TaggingHead):
        assert span is not None and target.tags is not None
        tag = marginals(Ragged(output, batch.sentence_length), *head.scores()).tag
        return tag[span, target.tags.expand_as(span)].mean(1).float()
    decoded = head.decode(output, batch)
    assert isinstance(decoded, Tensor)
    return decoded if task.kind == "regression" else decoded[:, target.index]


def _runner_up(logits_K: Tensor, index: int) -> int:
    others = logits_K.clone()
    others[index] = -torch.inf
    return int(others.argmax())
