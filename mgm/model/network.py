"""The network: one encoder, a fusion of its granularities, what tasks share of it, and a head for each; beside it the wide part.

Axes: B documents, N words, K labels, L span labels.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.encoder import Encoder, TokenTypeStates
from mgm.model.fusion import AutoencoderFusion, Fusion, fusion_of
from mgm.model.generation.beam_search import BeamOutput, search
from mgm.model.generation.decoder import PointerGeneratorDecoder
from mgm.model.generation.source_memory import Memory
from mgm.model.heads.classification import Classification
from mgm.model.heads.generation import Generation
from mgm.model.heads.head import Decoded, Head
from mgm.model.heads.multilabel import Multilabel
from mgm.model.heads.regression import Regression
from mgm.model.heads.tagging import Tagging
from mgm.model.mixup import Mixup
from mgm.model.ragged import Words
from mgm.model.sharing import registry
from mgm.model.wide.documents import Wide
from mgm.model.wide.tagging import WideTagging
from mgm.settings.model import ModelSettings
from mgm.tasks import Task

HEADS: dict[str, type[Classification] | type[Multilabel] | type[Regression] | type[Tagging]] = {
    "classification": Classification,
    "multilabel": Multilabel,
    "regression": Regression,
    "tagging": Tagging,
}


Encoded = tuple[dict[str, Tensor], Words | None]
"""Pooled vectors by granularity, and the words' vectors."""


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

    `tasks` carry their label spaces: of generation tasks the pieces of their subwords, the same for all. `vocabulary_size`: the largest word id. `word_dropout`, which training sets: the probability
    that a word counts as unknown in a batch.

    Generation tasks read the encoder itself, words and sentences, through one `writer`; `forward` has no
    output of them. `generate` searches; with targets in the batch `branch_outputs` gives what their loss is made of.

    Where `settings.wide` is on, every task has outputs from two parts, deep and wide (`wide` of document-level tasks, whose
    weights are solved for before training; `wide_tagging` of the others, which descends its own loss). What they predict is
    the mean of their outputs, which `set_wide_weight` weighs: trained on the sum, one would learn only what the other leaves.

    Raises ValueError when a task's kind has no head or its label space is empty, when no granularity is
    enabled, and when a tagging or generation task has no granularity that gives a vector a word.
    """

    word_dropout = 0.0

    def __init__(
        self,
        settings: ModelSettings,
        tasks: Sequence[Task],
        vocabulary_size: int,
        ngram_buckets: int,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(settings, vocabulary_size, ngram_buckets)
        for task in tasks:
            _check(task, self.encoder.word_width)
        names = [task.name for task in tasks]
        self.fusion: Fusion = fusion_of(settings, self.encoder.widths, names)
        self.generating = [t.name for t in tasks if t.kind == "generation"]
        labelling = [t for t in tasks if t.kind != "generation"]
        self.sharing = registry.make(labelling, self.encoder.word_width, settings)
        self.heads = Heads({task.name: self._head(task, settings) for task in tasks})
        self.text_decoder = None
        if self.generating:
            pieces, *others = (t.labels for t in tasks if t.kind == "generation")
            assert all(other == pieces for other in others), "one writer has one set of pieces"
            self.text_decoder = PointerGeneratorDecoder(settings.generation, self.encoder.word_width, pieces)
        widths = {t.name: len(t.labels) or 1 for t in labelling if t.kind != "tagging"}
        self.wide = None
        if settings.wide.enabled and widths:
            self.wide = Wide(settings.wide, ngram_buckets, widths)
        tags = {t.name: 2 * len(t.labels) + 1 for t in tasks if t.kind == "tagging"}
        self.wide_tagging = None
        if settings.wide.enabled and tags:
            self.wide_tagging = WideTagging(settings.wide.tagging, tags)
        self.has_tagging = bool(tags)

    def _head(self, task: Task, settings: ModelSettings) -> Head:
        if task.kind == "generation":
            return Generation(settings.generation.width)
        return HEADS[task.kind](self.sharing.widths[task.name], list(task.labels))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Logits (B,K), standardised values (B,) or emissions (N, 2L+1) of each task: the mean of its parts."""
        return mean_of(self.branch_outputs(batch))

    def forward_with_reconstruction_error(
        self, batch: Batch, encoded: Encoded | None = None
    ) -> tuple[dict[str, Tensor], Tensor | None]:
        """As `forward`, and (B,) the reconstruction error of each document where the fusion has one."""
        encoded = self.encode(batch) if encoded is None else encoded
        error = self.fusion.error(encoded[0]) if isinstance(self.fusion, AutoencoderFusion) else None
        return mean_of(self.branch_outputs(batch, encoded)), error

    @property
    def reconstructs(self) -> bool:
        """Whether documents have a reconstruction error."""
        return isinstance(self.fusion, AutoencoderFusion)

    def branch_outputs(self, batch: Batch, encoded: Encoded | None = None) -> list[dict[str, Tensor]]:
        """The outputs of each part, the deep one first. `encoded`: what the encoder gave."""
        parts = [self.deep(batch, encoded=encoded), self.wide_outputs(batch)]
        return [part for part in parts if part]

    def gradient_trained_outputs(self, batch: Batch, mixing: Mixup | None = None) -> list[dict[str, Tensor]]:
        """As `branch_outputs`, of what learns by descent: of the wide part tagging alone. It has nothing mixed."""
        parts = [self.deep(batch, mixing), self.wide_tagging(batch) if self.wide_tagging is not None else {}]
        return [part for part in parts if part]

    def wide_outputs(self, batch: Batch) -> dict[str, Tensor]:
        """The outputs of the wide part, shaped as those of the heads; empty where it is off."""
        logits = self.wide(batch) if self.wide is not None else {}
        found = {t: out[:, 0] if isinstance(self.heads[t], Regression) else out for t, out in logits.items()}
        return found | (self.wide_tagging(batch) if self.wide_tagging is not None else {})

    def deep(
        self, batch: Batch, mixing: Mixup | None = None, encoded: Encoded | None = None
    ) -> dict[str, Tensor]:
        """The outputs of the heads; of generation tasks, where the batch has their targets, what their loss is made of."""
        encoded = self.encode(batch) if encoded is None else encoded
        outputs = self.apply_heads(*encoded, mixing)
        for task in self.generating:
            if task in batch.targets:
                memory, start_D = self.memory(task, batch, encoded)
                assert self.text_decoder is not None
                outputs[task] = self.text_decoder.teacher_forced_log_probs(
                    memory, start_D, batch.targets[task]
                )
        return outputs

    def memory(self, task: str, batch: Batch, encoded: Encoded) -> tuple[Memory, Tensor]:
        """What the writer looks at for a generation task, and (D,) what its outputs begin with."""
        (_, words), head = encoded, self.heads[task]
        assert self.text_decoder is not None and words is not None and isinstance(head, Generation)
        return self.text_decoder.read(batch, words), head.start

    def generate(
        self, batch: Batch, tasks: list[str], encoded: Encoded | None = None, beam: int | None = None
    ) -> dict[str, BeamOutput]:
        """The outputs of generation tasks; `beam`: None, as the settings say."""
        if not tasks:
            return {}
        encoded = self.encode(batch) if encoded is None else encoded
        assert self.text_decoder is not None
        kept = self.text_decoder.settings.beam_size if beam is None else beam
        return {task: search(self.text_decoder, *self.memory(task, batch, encoded), kept) for task in tasks}

    def encode(self, batch: Batch, types: TokenTypeStates | None = None) -> Encoded:
        """What the encoder gives; `types`: what it has made of the distinct words of this batch, if it has."""
        dropout = self.word_dropout if self.training else 0.0
        with_words = self.has_tagging or (
            self.text_decoder is not None and batch.type_subword_length.numel() > 0
        )
        encoded: Encoded = self.encoder(batch, dropout, with_words, types)
        return encoded

    def apply_heads(
        self, pooled: dict[str, Tensor], words: Words | None, mixing: Mixup | None = None
    ) -> dict[str, Tensor]:
        """The outputs of the heads for what the encoder gives, documents mixed where `mixing` says how."""
        inputs = self.sharing(self.fusion(pooled), words if self.has_tagging else None)
        if mixing is not None:
            inputs |= {
                t: mixing.vectors(inputs[t]) for t, words in self.sharing.reads_words.items() if not words
            }
        return {task: self.heads[task](vectors) for task, vectors in inputs.items()}

    @torch.no_grad()
    def add_logit_bias(self, task: str, logits_K: Tensor) -> None:
        """Adds `logits_K` (K,) to the logits of a classification task, whatever the document."""
        head = self.heads[task]
        assert isinstance(head, Classification)
        head.logits.bias.add_(logits_K)
        if self.wide is not None:
            self.wide.add_logit_bias(task, logits_K)

    @torch.no_grad()
    def set_wide_weight(self, task: str, share: float) -> None:
        """Gives the wide part this share (0..1) of the outputs of a document-level task, in place of half: its weights and
        those of the head are scaled, so that what is predicted stays the mean of both."""
        head = self.heads[task]
        assert isinstance(head, Classification | Multilabel | Regression) and self.wide is not None
        for parameter in head.parameters():
            parameter.mul_(2 * (1 - share))
        self.wide.scale_logits(task, 2 * share)

    def dense_parameters(self) -> list[nn.Parameter]:
        """Those of the deep part: the wide one is solved for, or has a descent of its own."""
        return [p for name, p in self.named_parameters() if not name.startswith(("wide.", "wide_tagging."))]

    def sparse_parameters(self) -> list[nn.Parameter]:
        """Those of the wide part of tagging, whose gradients are sparse."""
        return [] if self.wide_tagging is None else list(self.wide_tagging.parameters())

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Those of the deep part that the loss of this task alone reaches."""
        shared = [] if task in self.generating else self.sharing.task_specific_parameters(task)
        return [*self.heads[task].parameters(), *shared]

    def shared_parameters(self) -> list[nn.Parameter]:
        """Those of the deep part that are no task's own."""
        own = {id(p) for task in self.heads for p in self.task_specific_parameters(task)}
        return [p for p in self.dense_parameters() if id(p) not in own]

    def losses(
        self,
        outputs: dict[str, Tensor],
        batch: Batch,
        smoothing: float,
        label_weight: float = 1.0,
        mixing: Mixup | None = None,
    ) -> dict[str, Tensor]:
        """Of one part's outputs the mean loss, a scalar, of each task with a label in the batch (a document's or a
        word's). `label_weight`: the share of a label in the target where a teacher has answered, too. With `mixing` these outputs
        are of mixed documents."""
        losses = {}
        for task in batch.targets:
            if task not in outputs:
                continue
            loss = self._loss(task, outputs[task], batch, smoothing, label_weight)
            mixed = mixing is not None and not self.sharing.reads_words.get(task, True)
            if loss is not None and mixing is not None and mixed:
                partners = self._loss(task, outputs[task], batch, smoothing, label_weight, mixing.partner)
                assert partners is not None, "the same targets in another order"
                loss = mixing.loss(loss, partners)
            if loss is not None:
                losses[task] = loss
        return losses

    def _loss(
        self,
        task: str,
        output: Tensor,
        batch: Batch,
        smoothing: float,
        label_weight: float,
        order_B: Tensor | None = None,
    ) -> Tensor | None:
        """By the batch's own targets, or by those of the documents `order_B` in their place."""
        head, places = self.heads[task], slice(None) if order_B is None else order_B
        target = batch.targets[task][places]
        if task in batch.teachers:
            return head.distil(output, target, batch.teachers[task][places], batch, label_weight, smoothing)
        return head.loss(output, target, batch, smoothing)

    def decode(self, outputs: dict[str, Tensor], batch: Batch) -> dict[str, Decoded]:
        """What the outputs mean, task by task; see `Decoded`."""
        return {task: self.heads[task].decode(output, batch) for task, output in outputs.items()}


def mean_of(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the parts' outputs."""
    found = {}
    for task in parts[0] if parts else {}:
        own = [part[task] for part in parts if task in part]
        found[task] = reduce(add, own) / len(own)
    return found


def _check(task: Task, word_width: int) -> None:
    if task.kind != "regression" and not task.labels:
        raise ValueError(
            f"task {task.name!r}: its label space is empty; no document of the training split has a label"
        )
    if task.kind in ("tagging", "generation") and not word_width:
        raise ValueError(
            f"task {task.name!r}: {task.kind} needs a vector a word; "
            "enable model.character, model.word, model.window or model.sentence"
        )
