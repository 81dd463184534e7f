"""The network of a bundle, computed by kernels where they know it."""

from mgm.bundle.bundle import Bundle
from mgm.model.compiled import CompiledNetwork, why_not_compiled
from mgm.text.features import describe_types

_TYPICAL_WORDS = 1_024


def compile_network(bundle: Bundle) -> CompiledNetwork | None:
    """Return the bundle's network with tables for the kernels; None: they cannot compute it (`why_not_compiled`).

    The tables depend on the bundle alone, so that evaluation and scoring have the same predictions.
    """
    if why_not_compiled(bundle.network) is not None:
        return None
    typical = describe_types(
        bundle.vocabulary.table["word"].head(_TYPICAL_WORDS),
        bundle.vocabulary,
        settings=bundle.settings.text.features,
    )
    return CompiledNetwork(bundle.network, typical)
