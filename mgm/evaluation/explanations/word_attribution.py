"""The contribution of each word of a document to a prediction.

Through the deep part it is an approximation by integrated gradients, through the wide part it is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mgm.evaluation.explanations.integrated_gradients import integrated_gradients
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.evaluation.explanations.target import Target
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.settings.evaluation import ExplainSettings
from mgm.tasks import Task


@dataclass(frozen=True, kw_only=True)
class WordAttribution:
    """The contributions of a document's words to a target.

    Attributes:
        target: the explained target.
        words: (N,) the contribution of each word.
        deep: the contribution of all words through the deep part.
        wide: the contribution of all words through the wide part; None where it is off.
        error: the completeness error; see `IntegratedGradients.error`.
        steps: the points of the path.
    """

    target: Target
    words: Tensor
    deep: float
    wide: float | None
    error: float
    steps: int


def attribute_words(
    network: Network,
    batch: Batch,
    *,
    task: Task,
    target: Target,
    baseline: Mapping[str, Tensor],
    settings: ExplainSettings,
) -> WordAttribution:
    """Return the contributions of a document's words, in a batch of one, to a target; `baseline` is the corpus's average word.

    The network's output is the mean of its parts, so each part contributes half of its output.
    """
    gradients = integrated_gradients(
        network,
        batch,
        task=task.name,
        coefficients=target.coefficients,
        baseline=baseline,
        settings=settings,
    )
    wide = explanation_of(task).wide_contributions(network, batch, task=task, target=target)
    deep = gradients.words
    if wide is not None:
        deep, wide = deep / 2, wide / 2
    return WordAttribution(
        target=target,
        words=deep if wide is None else deep + wide,
        deep=float(deep.sum()),
        wide=None if wide is None else float(wide.sum()),
        error=gradients.error,
        steps=gradients.steps,
    )
