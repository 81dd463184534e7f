"""The network: one encoder, a fusion of its granularities, the part that tasks share, and a head for each; beside it the wide part.

Axes: B documents, N words, D width, K labels, O outputs.
"""

from collections.abc import Collection, Sequence
from functools import reduce
from operator import add

from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion, Fusion, build_fusion
from mgm.model.generation.beam_search import BeamOutput, beam_search
from mgm.model.generation.decoder import PointerGeneratorDecoder
from mgm.model.generation.source_memory import Memory
from mgm.model.granularity import Pretrained, TokenTypeStates
from mgm.model.heads import HEADS, Decoded, GenerationHead
from mgm.model.heads.task_heads import TaskHeads
from mgm.model.mixup import Mixup
from mgm.model.ragged import Words
from mgm.model.sharing.registry import build_sharing
from mgm.model.wide.documents import Wide
from mgm.model.wide.tagging import WideTagging
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.settings.model import GenerationSettings, ModelSettings, WideSettings
from mgm.tasks import Task

Encoded = tuple[dict[str, Tensor], Words | None]
"""Pooled vectors by granularity, and the words' vectors."""
Outputs = dict[str, Tensor]
"""The outputs of a head, by task."""


class Network(nn.Module):
    """Documents to the outputs of every task.

    A task has a deep branch, its head, and, where `settings.wide` is on, a wide one. Tasks that predict a document have
    `wide`, tasks that predict words `wide_tagging`; their weights are solved for before training. The prediction is the mean of the branches, which `set_wide_weight` weighs: trained on their
    sum, one branch would learn only the residual of the other.

    Tasks that generate text share one `text_decoder`, which attends to the encoder's words and sentences. `forward` has no
    outputs for them: `generate` searches for their texts, and `branch_outputs` has the log-probabilities of a batch's targets.

    Attributes:
        word_dropout: the probability that a word counts as unknown in a batch; set by training.
        generating: the names of the tasks that generate text.
        predicts_words: whether a task predicts words.
    """

    word_dropout = 0.0

    def __init__(
        self,
        settings: ModelSettings,
        tasks: Sequence[Task],
        *,
        vocabulary_size: int,
        ngram_buckets: int,
        encoder_width: int = 0,
    ) -> None:
        """Make a network with random weights.

        Args:
            settings: the parts of the network and their sizes.
            tasks: the tasks, with their label spaces; those that generate text have the same one, the pieces of subwords.
            vocabulary_size: the largest word id.
            ngram_buckets: the number of hashes of character n-grams.
            encoder_width: the width of a pretrained encoder's vectors; 0: there is none.

        Raises:
            ValueError: a task's label space is empty, no granularity is enabled, or a task that reads words has none
                that gives a vector a word.
        """
        super().__init__()
        self.encoder = Encoder(
            settings,
            vocabulary_size=vocabulary_size,
            ngram_buckets=ngram_buckets,
            encoder_width=encoder_width,
        )
        for task in tasks:
            _check(task, self.encoder.word_width)
        generating = [task for task in tasks if task.spec.generates_text]
        labelling = [task for task in tasks if not task.spec.generates_text]
        self.generating = [task.name for task in generating]
        self.predicts_words = any(task.spec.predicts_words for task in tasks)
        self.fusion: Fusion = build_fusion(settings, self.encoder.widths, tasks=[task.name for task in tasks])
        self.sharing = build_sharing(labelling, self.encoder.word_width, settings=settings)
        widths = self.sharing.widths | dict.fromkeys(self.generating, settings.generation.width)
        self.heads = TaskHeads(tasks, widths)
        self.text_decoder = _text_decoder(settings.generation, self.encoder.word_width, tasks=generating)
        self.wide, self.wide_tagging = _wide_branches(settings.wide, ngram_buckets, tasks=labelling)

    def forward(self, batch: Batch) -> Outputs:
        """Return the outputs of each task, the mean of its branches: (B,O) or (B,) of documents, (N,O) of words."""
        return mean_of_branches(self.branch_outputs(batch))

    def forward_with_reconstruction_error(
        self, batch: Batch, encoded: Encoded | None = None, *, tasks: Collection[str] | None = None
    ) -> tuple[Outputs, Tensor | None]:
        """Return the outputs of `forward`, and the reconstruction error (B,) of documents where the fusion has one."""
        encoded = self.encode(batch, tasks=tasks) if encoded is None else encoded
        outputs = mean_of_branches(self.branch_outputs(batch, encoded, tasks=tasks))
        fusion, (pooled, _) = self.fusion, encoded
        return outputs, fusion.error(fusion.read(pooled)) if isinstance(fusion, AutoencoderFusion) else None

    @property
    def reconstructs(self) -> bool:
        """Whether documents have a reconstruction error."""
        return isinstance(self.fusion, AutoencoderFusion)

    def branch_outputs(
        self, batch: Batch, encoded: Encoded | None = None, *, tasks: Collection[str] | None = None
    ) -> list[Outputs]:
        """Return the outputs of each branch that has any, the deep one first."""
        branches = [
            self.deep_outputs(batch, encoded=encoded, tasks=tasks),
            self.wide_outputs(batch, tasks=tasks),
        ]
        return [outputs for outputs in branches if outputs]

    def wide_outputs(self, batch: Batch, *, tasks: Collection[str] | None = None) -> Outputs:
        """Return the outputs of the wide branch, shaped as those of the heads; none where it is off."""
        logits = self.wide(batch) if self.wide is not None else {}
        shaped = {task: self.heads[task].reshape_wide(logits_BO) for task, logits_BO in logits.items()}
        is_wanted = tasks is None or any(self.sharing.reads_words.get(task, False) for task in tasks)
        return shaped | (self.wide_tagging(batch) if self.wide_tagging is not None and is_wanted else {})

    def deep_outputs(
        self,
        batch: Batch,
        *,
        mixing: Mixup | None = None,
        encoded: Encoded | None = None,
        tasks: Collection[str] | None = None,
    ) -> Outputs:
        """Return the outputs of the heads; for tasks that generate text, the log-probabilities of the batch's targets.

        Args:
            batch: documents.
            mixing: how documents are mixed.
            encoded: the result of `encode` for the same tasks, where it is known.
            tasks: the tasks whose outputs are wanted: if none of them predicts words, those that do have no output, which saves
                their time. None: all.
        """
        encoded = self.encode(batch, tasks=tasks) if encoded is None else encoded
        outputs = self.apply_heads(*encoded, mixing=mixing)
        for task in self.generating:
            if task in batch.targets:
                memory, start_D = self.memory(task, batch, encoded=encoded)
                assert self.text_decoder is not None
                outputs[task] = self.text_decoder.teacher_forced_log_probs(
                    memory, start_D, target_BT=batch.targets[task]
                )
        return outputs

    def encode(
        self, batch: Batch, types: TokenTypeStates | None = None, *, tasks: Collection[str] | None = None
    ) -> Encoded:
        """Return the encoder's vectors.

        Args:
            batch: documents.
            types: the encoder's states of the batch's distinct words, where they are known.
            tasks: the tasks whose outputs are wanted; see `deep_outputs`.
        """
        dropout = self.word_dropout if self.training else 0.0
        encoded: Encoded = self.encoder(
            batch, word_dropout=dropout, with_words=self._needs_words(batch, tasks), types=types
        )
        return encoded

    def reads_words(self, tasks: Sequence[Task]) -> bool:
        """Return whether the outputs of one of these tasks depend on the vectors of words."""
        names = [task.name for task in tasks]
        return self.sharing.needs_words(names) or any(name in self.generating for name in names)

    def _needs_words(self, batch: Batch, tasks: Collection[str] | None) -> bool:
        return self.sharing.needs_words(self.sharing.reads_words if tasks is None else tasks) or (
            self.text_decoder is not None and batch.type_subword_length.numel() > 0
        )

    def apply_heads(
        self, pooled: dict[str, Tensor], words: Words | None, *, mixing: Mixup | None = None
    ) -> Outputs:
        """Return the outputs of the heads for the encoder's vectors; `mixing`: how documents are mixed.

        Where there are no vectors of words, tasks that predict words have no output.
        """
        return self.apply_heads_to_fused(self.fusion(pooled), words, mixing=mixing)

    def apply_heads_to_fused(
        self, fused: dict[str, Tensor], words: Words | None, *, mixing: Mixup | None = None
    ) -> Outputs:
        """Return what `apply_heads` does, for the vectors of documents that the fusion has made."""
        inputs = self.sharing(fused, words if self.predicts_words else None)
        if mixing is not None:
            of_documents = self.sharing.tasks_of(words=False)
            inputs |= {task: mixing.vectors(inputs[task]) for task in of_documents}
        return {task: self.heads[task](vectors) for task, vectors in inputs.items()}

    def memory(self, task: str, batch: Batch, *, encoded: Encoded) -> tuple[Memory, Tensor]:
        """Return the source that the text decoder attends to, and the vector (D,) that the task's outputs begin with."""
        (_, words), head = encoded, self.heads[task]
        assert self.text_decoder is not None and words is not None and isinstance(head, GenerationHead)
        return self.text_decoder.encode_source(batch, words), head.start

    def generate(
        self,
        batch: Batch,
        tasks: Sequence[str],
        *,
        encoded: Encoded | None = None,
        beam_size: int | None = None,
    ) -> dict[str, BeamOutput]:
        """Return the texts of tasks that generate text; `beam_size`: the number of beams, by default that of the settings."""
        if not tasks:
            return {}
        encoded = self.encode(batch) if encoded is None else encoded
        assert self.text_decoder is not None
        beam_size = self.text_decoder.settings.beam_size if beam_size is None else beam_size
        outputs = {}
        for task in tasks:
            memory, start_D = self.memory(task, batch, encoded=encoded)
            outputs[task] = beam_search(self.text_decoder, memory, start_D=start_D, beam_size=beam_size)
        return outputs

    def decode(self, outputs: Outputs, batch: Batch) -> dict[str, Decoded]:
        """Return the decoded predictions of outputs, by task."""
        return {task: self.heads[task].decode(output, batch) for task, output in outputs.items()}

    def predict(
        self,
        batch: Batch,
        tasks: Sequence[Task],
        *,
        types: TokenTypeStates | None = None,
        beam_size: int | None = None,
    ) -> tuple[dict[str, Decoded], Tensor | None]:
        """Return the predictions of tasks, and the reconstruction error (B,) where there is one.

        Args:
            batch: documents.
            tasks: the tasks to predict.
            types: the encoder's states of the batch's distinct words, where they are known.
            beam_size: the number of beams of a document; None: that of the settings.
        """
        names = [t.name for t in tasks]
        encoded = self.encode(batch, types, tasks=names)
        outputs, error = self.forward_with_reconstruction_error(batch, encoded, tasks=names)
        texts = self.generate(
            batch, [t.name for t in tasks if t.spec.generates_text], encoded=encoded, beam_size=beam_size
        )
        labels = self.decode({t.name: outputs[t.name] for t in tasks if not t.spec.generates_text}, batch)
        return {**labels, **texts}, error

    def add_logit_bias(self, task: str, logits_K: Tensor) -> None:
        """Add `logits_K` (K,) to the logits of a task, for every document."""
        self.heads[task].add_logit_bias(logits_K)
        if self.wide is not None:
            self.wide.add_logit_bias(task, logits_K)

    def set_wide_weight(self, task: str, share: float) -> None:
        """Give the wide branch this share (0..1) of the outputs of a task, in place of half.

        Both branches are scaled, so that the prediction stays their mean.
        """
        self.heads[task].merge_wide(share)
        if self.wide_tagging is not None and task in self.wide_tagging.widths:
            self.wide_tagging.scale_emissions(task, 2 * share)
        else:
            assert self.wide is not None
            self.wide.scale_logits(task, 2 * share)

    def dense_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the deep branch that are trained: the wide one is solved for, and an encoder may be fixed in part."""
        wide = {
            id(p) for part in (self.wide, self.wide_tagging) if part is not None for p in part.parameters()
        }
        return [p for p in self.parameters() if id(p) not in wide and p.requires_grad]

    @property
    def pretrained(self) -> PretrainedEncoder | None:
        """The pretrained encoder that is trained with the network, if there is one."""
        level = self.encoder.level(Pretrained)
        return None if level is None else level.transformer

    def attach_pretrained(self, encoder: PretrainedEncoder) -> None:
        """Make a pretrained encoder, which the settings train, part of the network.

        Raises:
            ValueError: it has fewer layers than are to be trained.
        """
        level = self.encoder.level(Pretrained)
        assert level is not None, "model.pretrained is off"
        level.attach(encoder)

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Return the parameters of the deep branch that only the loss of this task reaches."""
        shared = [] if task in self.generating else self.sharing.task_specific_parameters(task)
        return [*self.heads[task].parameters(), *shared]

    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the deep branch that are specific to no task."""
        specific = {id(p) for task in self.heads for p in self.task_specific_parameters(task)}
        return [p for p in self.dense_parameters() if id(p) not in specific]

    def losses(
        self,
        outputs: Outputs,
        batch: Batch,
        *,
        smoothing: float,
        label_weight: float = 1.0,
        mixing: Mixup | None = None,
    ) -> dict[str, Tensor]:
        """Return the mean loss, a scalar, of each task that has outputs, and a label or a teacher's prediction in the batch.

        Args:
            outputs: the outputs of the deep branch.
            batch: documents with targets.
            smoothing: label smoothing.
            label_weight: the share of a label in the target where a teacher has a prediction too.
            mixing: how the documents of these outputs were mixed.
        """
        losses = {}
        for task in batch.targets:
            if task in outputs:
                in_order = self._loss(
                    task, outputs[task], batch=batch, smoothing=smoothing, label_weight=label_weight
                )
                if in_order is None:
                    continue
                losses[task] = in_order
                if mixing is not None and not self.sharing.reads_words.get(task, True):
                    partners = self._loss(
                        task,
                        outputs[task],
                        batch=batch,
                        smoothing=smoothing,
                        label_weight=label_weight,
                        order_B=mixing.partner,
                    )
                    assert partners is not None, "the same targets in another order"
                    losses[task] = mixing.loss(in_order, partners)
        return losses

    def _loss(
        self,
        task: str,
        output: Tensor,
        *,
        batch: Batch,
        smoothing: float,
        label_weight: float,
        order_B: Tensor | None = None,
    ) -> Tensor | None:
        """Return the loss by the batch's targets, or by those of the documents `order_B` in their place."""
        head, order = self.heads[task], slice(None) if order_B is None else order_B
        target = batch.targets[task][order]
        if task not in batch.teachers:
            return head.loss(output, target, batch=batch, smoothing=smoothing)
        teacher = batch.teachers[task][order]
        return head.distillation_loss(
            output, target, teacher=teacher, batch=batch, label_weight=label_weight, smoothing=smoothing
        )


def mean_of_branches(branches: Sequence[Outputs]) -> Outputs:
    """Return the mean of the outputs of branches, for the tasks of the first."""
    means = {}
    for task in branches[0] if branches else {}:
        outputs = [branch[task] for branch in branches if task in branch]
        means[task] = reduce(add, outputs) / len(outputs)
    return means


def _text_decoder(
    settings: GenerationSettings, word_width: int, *, tasks: Sequence[Task]
) -> PointerGeneratorDecoder | None:
    if not tasks:
        return None
    pieces, *others = (task.labels for task in tasks)
    assert all(other == pieces for other in others), "one text decoder has one set of pieces"
    return PointerGeneratorDecoder(settings, word_width, pieces=pieces)


def _wide_branches(
    settings: WideSettings, ngram_buckets: int, *, tasks: Sequence[Task]
) -> tuple[Wide | None, WideTagging | None]:
    """Return the wide parts of tasks that predict documents and of tasks that predict words; None where there is none."""
    widths = {t.name: width for t in tasks if settings.enabled and (width := HEADS[t.kind].num_outputs(t))}
    of_words = {t.name: widths.pop(t.name) for t in tasks if t.spec.predicts_words and t.name in widths}
    wide = Wide(settings, ngram_buckets, widths=widths) if widths else None
    return wide, WideTagging(settings.tagging, of_words) if of_words else None


def _check(task: Task, word_width: int) -> None:
    kind = task.spec
    if (kind.has_label_space or kind.generates_text) and not task.labels:
        raise ValueError(
            f"task {task.name!r}: its label space is empty; no document of the training split has a label"
        )
    if (kind.predicts_words or kind.generates_text) and not word_width:
        raise ValueError(
            f"task {task.name!r}: {task.kind} needs a vector a word; "
            "enable model.character, model.word, model.window or model.sentence"
        )
