"""A network whose predictions of documents are computed by kernels, up to the pooled vectors and the wide part's logits.

The dense layers above are those of the network itself.

Axes: B documents, S sentences, N words, T distinct words.
"""

import ctypes
from collections.abc import Sequence
from ctypes import c_int64, c_void_p

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from mgm.model.batch import flatten_lists
from mgm.model.collate import collate_types
from mgm.model.compiled.documents import DocumentWords
from mgm.model.compiled.layer_norm import normalise_side_by_side
from mgm.model.compiled.support import why_not_compiled
from mgm.model.compiled.wide_words import WideWords
from mgm.model.compiled.word_table import MAX_BYTES, WordTable
from mgm.model.fusion import ConcatFusion
from mgm.model.granularity import Lead
from mgm.model.heads import HEADS, Outcome
from mgm.model.kernels import pointer
from mgm.model.network import Network, mean_of_branches
from mgm.model.wide.compiled import QuantizedWide
from mgm.native import check_status, load_kernels
from mgm.tasks import RECONSTRUCTION, Task
from mgm.text.features import FeaturePart
from mgm.text.list_columns import Array, unflatten
from mgm.text.vocabulary import UNKNOWN

_DOCUMENTS_AT_ONCE = 256
"""Documents whose dense layers are computed together, always as many, as the last bits depend on the number of rows."""


class DocumentsOfKernel(ctypes.Structure):
    """`Documents` of documents.c."""

    _fields_ = [
        ("documents", c_int64),
        *((name, c_void_p) for name in ("words", "lead", "word", "records")),
        *((name, c_int64) for name in ("record", "vectors", "windows", "width")),
        ("size", c_void_p),
    ]


class CompiledNetwork:
    """A network that predicts documents by kernels, with integer tables made of its present weights.

    The words of documents are added to `words` first; their states are kept from one run of documents to the next.
    """

    def __init__(
        self,
        network: Network,
        typical: pl.DataFrame,
        *,
        max_bytes: int = MAX_BYTES,
        wide: QuantizedWide | None = None,
    ) -> None:
        """Make the tables.

        Args:
            network: a network that the kernels can compute (`why_not_compiled`), in evaluation mode.
            typical: words (`FeaturePart.types`) that occur often; the precision of the tables is that which suits them.
            max_bytes: the most memory of the words' states.
            wide: the integers of the network's wide part, where another compiled network has them; None: they are made.
        """
        assert why_not_compiled(network) is None
        self.network, self._typical, self._max_bytes = network, typical, max_bytes
        self.words = WordTable(network.encoder, typical, max_bytes=max_bytes)
        if wide is None and network.wide is not None:
            wide = QuantizedWide(network.wide)
        self._wide_words = None if wide is None else WideWords(wide, self.words.capacity)
        self._sizes = np.array([window.size for window in self.words.windows], np.int64)
        self._no_document = collate_types(typical.clear())

    def copy(self) -> "CompiledNetwork":
        """Return another one, for another thread, which shares the weights and has no words yet."""
        wide = None if self._wide_words is None else self._wide_words.wide
        return CompiledNetwork(self.network, self._typical, max_bytes=self._max_bytes, wide=wide)

    def add_words(self, types: pl.DataFrame) -> Array:
        """Add words (`FeaturePart.types`), for which there must be room, and return their rows in the table (T,).

        Those of the vocabulary come first, with the sums of their n-grams; others are too seldom for it.
        """
        row = np.empty(types.height, np.int64)
        is_known = (types["id"] > UNKNOWN).to_numpy()
        for in_vocabulary, chosen in ((True, is_known), (False, ~is_known)):
            batch = collate_types(types.filter(chosen))
            first = self.words.size
            self.words.add(batch)
            if self._wide_words is not None:
                self._wide_words.add(batch, with_sums=in_vocabulary)
            row[chosen] = np.arange(first, self.words.size)
        return row

    def truncate_words(self, size: int) -> None:
        """Keep the first `size` words alone."""
        self.words.truncate(size)
        if self._wide_words is not None:
            self._wide_words.truncate(size)

    @torch.inference_mode()
    def predict(self, documents: DocumentWords, tasks: Sequence[Task]) -> dict[str, Outcome]:
        """Return the outcome of each task, and under RECONSTRUCTION the reconstruction errors where the network has them."""
        count = len(documents.sentences)
        outcomes = {t.name: HEADS[t.kind].empty_outcome(t, num_rows=count, num_words=0) for t in tasks}
        errors = np.zeros(count, np.float32)
        first = 0
        for block in documents.blocks(_DOCUMENTS_AT_ONCE):
            rows = np.arange(first, first + len(block.sentences))
            outputs, error = self._outputs(block)
            for task in tasks:
                decoded = self.network.heads[task.name].decode(outputs[task.name], self._no_document)
                assert isinstance(decoded, Tensor)
                HEADS[task.kind].store(
                    outcomes[task.name], decoded[: len(rows)], task=task, rows=rows, words=rows[:0]
                )
            if error is not None:
                errors[rows] = error[: len(rows)].numpy()
            first += len(rows)
        return outcomes | ({RECONSTRUCTION: errors} if self.network.reconstructs else {})

    def predict_part(self, part: FeaturePart, tasks: Sequence[Task]) -> dict[str, Outcome]:
        """Return what `predict` does for all documents of a part of features; the table's words are replaced by the part's."""
        part = _only_used_types(part)
        if part.types.height > self.words.capacity and part.documents.height > 1:
            middle = part.documents.height // 2
            halves = [
                self.predict_part(FeaturePart(documents, part.types), tasks)
                for documents in (part.documents[:middle], part.documents[middle:])
            ]
            return {name: np.concatenate([half[name] for half in halves]) for name in halves[0]}
        self.truncate_words(0)
        row = self.add_words(part.types)
        word, _ = flatten_lists(part.documents["word"])
        sentence, _ = flatten_lists(part.documents["sentence"])
        paragraph, count = flatten_lists(part.documents["paragraph"])
        ends = np.append(0, np.cumsum(paragraph))[np.append(0, np.cumsum(count))]
        return self.predict(
            DocumentWords(row[word], sentence.astype(np.int64), np.diff(ends).astype(np.int64)), tasks
        )

    def _outputs(self, documents: DocumentWords) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return the outputs of each task, and the reconstruction error, for _DOCUMENTS_AT_ONCE documents, the last ones empty."""
        network = self.network
        pooled = self._pooled(documents)
        branches = [network.apply_heads_to_fused(self._fuse(pooled), None)]
        if network.wide is not None and self._wide_words is not None:
            logits = self._wide_words.logits(documents)
            missing = _DOCUMENTS_AT_ONCE - len(logits)
            by_task = network.wide.by_task(F.pad(logits, (0, 0, 0, missing)))
            branches.append(
                {task: network.heads[task].reshape_wide(of_task) for task, of_task in by_task.items()}
            )
        return mean_of_branches(branches), network.reconstruction_error(pooled)

    def _pooled(self, documents: DocumentWords) -> dict[str, Tensor]:
        """Return the pooled vectors of each granularity of _DOCUMENTS_AT_ONCE documents."""
        table = self.words
        first = np.cumsum(documents.sentences) - documents.sentences
        is_empty = documents.sentences == 0
        lead = np.append(documents.sentence_length, 0)[first]
        lead[is_empty] = 0
        length = np.append(0, np.cumsum(documents.sentence_length))
        words = length[first + documents.sentences] - length[first]
        word = np.ascontiguousarray(documents.word)
        pooled = torch.zeros(_DOCUMENTS_AT_ONCE, 2, table.units.numel())
        arguments = DocumentsOfKernel(
            len(documents.sentences),
            *(array.ctypes.data for array in (words, lead, word)),
            table.records_begin,
            table.record,
            table.vectors,
            len(table.windows),
            table.window_width,
            self._sizes.ctypes.data,
        )
        kernels = load_kernels()
        assert kernels is not None
        check_status(kernels.mgm_pool_documents(ctypes.byref(arguments), pointer(pooled)))
        pooled *= table.units
        return self._by_granularity(pooled[:, 0], pooled[:, 1])

    def _by_granularity(self, document: Tensor, lead: Tensor) -> dict[str, Tensor]:
        """Return the pooled vectors by name, of the means and maxima over the document and over its lead."""
        encoder, table = self.network.encoder, self.words
        names = [level.name for level in encoder.type_levels]
        sizes = [table.width] * len(names) + [table.window_width] * len(table.windows)
        parts, lead_parts = document.split(sizes, dim=1), lead.split(sizes, dim=1)
        of_windows = slice(len(names), None)
        vectors = dict(zip(names, parts, strict=False))
        vectors |= {
            f"window_{window.size}": maxima[:, : window.width]
            for window, maxima in zip(table.windows, parts[of_windows], strict=True)
        }
        if (level := encoder.level(Lead)) is not None:
            mean = torch.stack(lead_parts[: len(names)]).sum(0)
            maxima = zip(table.windows, lead_parts[of_windows], strict=True)
            parts = [mean, *(most[:, : window.width] for window, most in maxima)]
            vectors["lead"] = normalise_side_by_side(level.normalise, parts)
        return {name: vectors[name] for name in encoder.widths}

    def _fuse(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the fused vectors (B,D) of each task."""
        fusion = self.network.fusion
        if not isinstance(fusion, ConcatFusion):
            return fusion(pooled)
        return fusion.fuse(
            normalise_side_by_side(fusion.normalise, [pooled[g] for g in fusion.granularities])
        )


def _only_used_types(part: FeaturePart) -> FeaturePart:
    """Return the part with the types that its documents have."""
    word, count = flatten_lists(part.documents["word"])
    used, index = np.unique(word, return_inverse=True)
    words = unflatten(pl.Series(index.astype(np.int32)), count, name="word")
    return FeaturePart(part.documents.with_columns(words), part.types[used])
