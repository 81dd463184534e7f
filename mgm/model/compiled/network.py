"""A network whose predictions of documents are computed by kernels, up to the fused vectors of documents and the wide part's logits.

Fusions other than the concatenating one, and the layers above, are those of the network itself.

Axes: B documents, S sentences, N words, T distinct words.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from mgm.model.batch import flatten_lists
from mgm.model.collate import collate_types
from mgm.model.compiled.dense import QuantizedDense
from mgm.model.compiled.documents import DocumentWords
from mgm.model.compiled.heads import StackedHeads
from mgm.model.compiled.pooling import Pooling
from mgm.model.compiled.support import why_not_compiled
from mgm.model.compiled.wide_words import WideWords
from mgm.model.compiled.word_table import MAX_BYTES, WordTable
from mgm.model.fusion import AutoencoderFusion, ConcatFusion
from mgm.model.heads import HEADS, Outcome
from mgm.model.network import Network, mean_of_branches
from mgm.model.wide.compiled import WideRows
from mgm.tasks import RECONSTRUCTION, Task
from mgm.text.features import FeaturePart
from mgm.text.list_columns import Array, unflatten
from mgm.text.vocabulary import UNKNOWN

_DOCUMENTS_AT_ONCE = 256
"""Documents whose dense layers are computed together, always as many, as the last bits depend on the number of rows."""


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
        wide: WideRows | None = None,
    ) -> None:
        """Make the tables.

        Args:
            network: a network that the kernels can compute (`why_not_compiled`), in evaluation mode.
            typical: words (`FeaturePart.types`) that occur often; the precision of the tables is that which suits them.
            max_bytes: the most memory of the words' states.
            wide: the rows of the network's wide part in integers, where another compiled network has them; None: they are made.
        """
        assert why_not_compiled(network) is None
        self.network, self._typical, self._max_bytes = network, typical, max_bytes
        self.words = WordTable(network.encoder, typical, max_bytes=max_bytes)
        if wide is None and network.wide is not None:
            wide = WideRows(network.wide, in_integers=True)
        self._wide_words = None if wide is None else WideWords(wide, self.words.capacity)
        self._dense = QuantizedDense(network.fusion) if isinstance(network.fusion, ConcatFusion) else None
        self._pooling = Pooling(self.words, network.fusion, scaled=self._dense is None)
        self._no_document = collate_types(typical.clear())

    def copy(self) -> "CompiledNetwork":
        """Return another one, for another thread, which shares the weights and has no words yet."""
        wide = None if self._wide_words is None else self._wide_words.rows
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
        rows = np.arange(len(documents.sentences))
        outcomes = {t.name: HEADS[t.kind].empty_outcome(t, num_rows=len(rows), num_words=0) for t in tasks}
        outputs, error = self._outputs(documents) if len(rows) else ({}, None)
        for task in tasks if len(rows) else ():
            decoded = self.network.heads[task.name].decode(outputs[task.name], self._no_document)
            assert isinstance(decoded, Tensor)
            HEADS[task.kind].store(
                outcomes[task.name], decoded[: len(rows)], task=task, rows=rows, words=rows[:0]
            )
        if self.network.reconstructs:
            outcomes[RECONSTRUCTION] = (
                np.zeros(0, np.float32) if error is None else error[: len(rows)].numpy()
            )
        return outcomes

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
        """Return the outputs of each task, and the reconstruction error; behind those of documents are some of empty ones."""
        network, fusion = self.network, self.network.fusion
        heads, blocks, errors = StackedHeads(network.heads), [], []
        for block in documents.blocks(_DOCUMENTS_AT_ONCE):
            normalised = self._pooling(block, _DOCUMENTS_AT_ONCE)
            blocks.append(heads(network.sharing(self._fuse(normalised, len(block.sentences)), None)))
            if isinstance(fusion, AutoencoderFusion):
                errors.append(fusion.error(normalised))
        branches = [{task: torch.cat([block[task] for block in blocks]) for task in blocks[0]}]
        if network.wide is not None and self._wide_words is not None:
            logits = self._wide_words.logits(documents)
            missing = len(blocks) * _DOCUMENTS_AT_ONCE - len(logits)
            by_task = network.wide.by_task(F.pad(logits, (0, 0, 0, missing)))
            branches.append(
                {task: network.heads[task].reshape_wide(of_task) for task, of_task in by_task.items()}
            )
        return mean_of_branches(branches), torch.cat(errors) if errors else None

    def _fuse(self, normalised: Tensor, rows: int) -> dict[str, Tensor]:
        """Return the fused vectors (B,D) of each task; those behind the first rows are of no document."""
        if self._dense is None:
            return self.network.fusion.fuse(normalised)
        return dict.fromkeys(self.network.fusion.tasks, self._dense(normalised, rows))


def _only_used_types(part: FeaturePart) -> FeaturePart:
    """Return the part with the types that its documents have."""
    word, count = flatten_lists(part.documents["word"])
    used, index = np.unique(word, return_inverse=True)
    words = unflatten(pl.Series(index.astype(np.int32)), count, name="word")
    return FeaturePart(part.documents.with_columns(words), part.types[used])
