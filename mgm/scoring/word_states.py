"""The states of words that the scorers of a bundle keep from one call to the next."""

from mgm.bundle.bundle import Bundle
from mgm.bundle.compiled import compile_network
from mgm.model.compiled import why_not_compiled
from mgm.model.token_cache import TokenCache
from mgm.scoring.compiled import CompiledBundle


class WordStates:
    """The states of words for kernels, or for torch where they do not know the network.

    Scorers of one bundle may share them, one call at a time.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.token_cache = TokenCache(bundle.network.encoder)
        self._compiled: CompiledBundle | None = None

    def compiled(self) -> CompiledBundle | None:
        """Return the tables of the kernels, made at the first call; None: the kernels cannot compute this network."""
        if why_not_compiled(self.bundle.network) is not None:
            return None
        if self._compiled is None:
            network = compile_network(self.bundle)
            self._compiled = None if network is None else CompiledBundle(self.bundle, network)
        return self._compiled

    def copy(self) -> "WordStates":
        """Return those for another thread: without words, and with the same tables of weights, which are large."""
        other, compiled = WordStates(self.bundle), self.compiled()
        if compiled is not None:
            other._compiled = CompiledBundle(self.bundle, compiled.network.copy())
        return other

    def clear(self) -> None:
        """Clear the states whose last bits may depend on the batch that a word was first read in: those for torch.

        After this, results are those of a new scorer to the bit.
        """
        self.token_cache.clear()
