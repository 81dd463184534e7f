"""What each word of a document adds to an answer, over both parts of the network: the deep one by integrated gradients, the
wide one exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mgm.evaluation.explanations.integrated import integrated_gradients
from mgm.evaluation.explanations.target import Target
from mgm.evaluation.explanations.wide_words import tagging_contributions, wide_contributions
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.settings.evaluation import ExplainSettings
from mgm.tasks import Task


@dataclass(frozen=True)
class Explained:
    """Of one document: `words` (N,), what each adds to the target; `deep` and `wide`, what the parts add in all; how far the
    sum is off (`error`, see Attribution) after `steps` points of the path."""

    words: Tensor
    deep: float
    wide: float | None
    error: float
    steps: int


def explain_words(
    network: Network,
    batch: Batch,
    task: Task,
    target: Target,
    baseline: Mapping[str, Tensor],
    settings: ExplainSettings,
) -> Explained:
    """Explains a target of a batch of one document; `baseline`: the corpus's average word.

    The network's output is the mean of its parts, so each adds its share.
    """
    found = integrated_gradients(
        network,
        batch,
        task.name,
        target.coefficients,
        baseline,
        settings.steps,
        settings.max_steps,
        settings.tolerance,
        settings.tokens_per_batch,
    )
    if task.kind == "tagging" and network.wide_tagging is not None:
        exact = tagging_contributions(network.wide_tagging, batch, task.name, target.coefficients) / 2
    elif task.kind != "tagging" and network.wide is not None:
        exact = wide_contributions(network.wide, batch, task.name, target.coefficients.view(1, -1)) / 2
    else:
        return Explained(found.words, float(found.words.sum()), None, found.error, found.steps)
    deep = found.words / 2
    return Explained(deep + exact, float(deep.sum()), float(exact.sum()), found.error, found.steps)
