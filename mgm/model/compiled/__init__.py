"""The network's parts below the dense layers by compiled kernels, from words to pooled vectors, with integer tables."""

from mgm.model.compiled.documents import DocumentWords
from mgm.model.compiled.network import CompiledNetwork
from mgm.model.compiled.support import why_not_compiled

__all__ = ["CompiledNetwork", "DocumentWords", "why_not_compiled"]
