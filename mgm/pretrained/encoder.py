"""A pretrained encoder as a module: pieces to a vector a piece and one a document.

Axes: B documents, N words, U pieces, R windows (runs of pieces that the encoder reads at once), L pieces of the longest window of
a group with the special ones, D width.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.errors import MissingExtra
from mgm.pretrained.folder import CONFIG, TOKENIZER, WEIGHTS, EncoderFiles
from mgm.pretrained.pieces import Pieces, PieceTokenizer
from mgm.settings.model import PretrainedSettings

PIECES_AT_ONCE = 8_192
"""The most pieces, with padding, of windows that the encoder reads together; a longer window is read alone."""


class PretrainedEncoder(nn.Module):
    """The encoder of a folder.

    Attributes:
        width: D.
        settings: how it reads documents.
        tokenizer: cuts texts into its pieces.
        max_pieces: the most pieces of a document; those after them are left out.
    """

    def __init__(self, files: EncoderFiles, settings: PretrainedSettings, *, where: Path) -> None:
        """Make the encoder of some files.

        Args:
            files: its files; without tensors, the weights are random and are to be replaced.
            settings: how it reads documents.
            where: the folder of the files, for messages.

        Raises:
            MissingExtra: the package `transformers` is not installed.
            ValueError: the files do not fit together, or the settings ask for longer windows than it reads.
        """
        super().__init__()
        self.settings, self.files = settings, files
        self.tokenizer = PieceTokenizer(files.tokenizer)
        self.transformer = build_transformer(files.config, where / CONFIG)
        config: Any = self.transformer.config
        self.width = int(config.hidden_size)
        if self.tokenizer.num_ids > config.vocab_size:
            raise ValueError(
                f"{where / TOKENIZER}: {self.tokenizer.num_ids:,} pieces; expected at most {config.vocab_size:,}, as {CONFIG} says"
            )
        # positions of RoBERTa and its kin begin after the id of padding
        reserved = self.tokenizer.padding + 1 if config.model_type in _OFFSET_POSITIONS else 0
        longest = int(config.max_position_embeddings) - reserved
        if settings.window_pieces > longest:
            raise ValueError(
                f"params.yaml: model.pretrained.window_pieces: {settings.window_pieces}; expected at most {longest}, which the encoder {where} reads"
            )
        special = len(self.tokenizer.leading) + len(self.tokenizer.trailing)
        self.content_pieces = settings.window_pieces - special
        if self.content_pieces < 1:
            raise ValueError(
                f"params.yaml: model.pretrained.window_pieces: {settings.window_pieces}; expected more than {special}"
            )
        self.max_pieces = settings.max_pieces
        if files.tensors:
            load_weights(self.transformer, files.tensors, path=where / WEIGHTS)
        self.transformer.eval()

    @classmethod
    def load(cls, folder: Path, settings: PretrainedSettings) -> Self:
        """Return the encoder of a folder, in evaluation mode.

        Raises:
            FileNotFoundError, ValueError, MissingExtra: see `EncoderFiles.read` and the class.
        """
        return cls(EncoderFiles.read(folder), settings, where=folder)

    @property
    def layers(self) -> list[nn.Module]:
        """Its layers, from the first to the last."""
        stack = (
            self.transformer.encoder if hasattr(self.transformer, "encoder") else self.transformer.transformer
        )
        return list(stack.layer)

    def choose_trained_layers(self) -> None:
        """Let the gradient reach the layers that the settings train, and no other weight.

        Raises:
            ValueError: it has fewer layers.
        """
        settings, layers = self.settings, self.layers
        if settings.train == "last_k" and settings.last_k > len(layers):
            raise ValueError(
                f"params.yaml: model.pretrained.last_k: {settings.last_k}; expected at most {len(layers)}, the layers of the encoder"
            )
        self.transformer.requires_grad_(settings.train == "all")
        if settings.train == "last_k":
            for layer in layers[-settings.last_k :]:
                layer.requires_grad_(True)

    def trained_layers(self) -> list[list[nn.Parameter]]:
        """Return the parameters that are trained, a list a layer, from the last layer down to the embeddings."""
        groups = [list(layer.parameters()) for layer in reversed(self.layers)]
        in_layers = {id(p) for group in groups for p in group}
        groups.append([p for p in self.transformer.parameters() if id(p) not in in_layers])
        return [trained for group in groups if (trained := [p for p in group if p.requires_grad])]

    def save_memory(self) -> None:
        """Compute the states of layers again in the backward pass instead of keeping them."""
        self.transformer.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return next(self.transformer.parameters()).device

    def forward(self, piece_U: Tensor, count_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors (U,D) of pieces and (B,D) of documents, in float32.

        A document is read in windows, which do not see each other; its vector is the mean over all its pieces, special ones too,
        or that of its first special piece (`pooling`).

        Args:
            piece_U: the ids of pieces, one document after another.
            count_B: the pieces of each document; a document without any consists of the special pieces alone.
        """
        windows = _Windows(count_B.cpu().numpy(), self.content_pieces)
        states, places, pooled = [], [], []
        for group in windows.groups(
            PIECES_AT_ONCE, special=self.settings.window_pieces - self.content_pieces
        ):
            hidden_RLD, mask_RL, content_RL, place = self._read(piece_U, windows, group=group)
            states.append(hidden_RLD[content_RL])
            places.append(place)
            pooled.append(
                hidden_RLD[:, 0]
                if self.settings.pooling == "first"
                else (hidden_RLD * mask_RL[..., None]).sum(1)
            )
        order = np.argsort(np.concatenate(windows.order)) if len(windows.order) else np.zeros(0, np.int64)
        sums_RD = torch.cat(pooled)[torch.from_numpy(order).to(piece_U.device)]
        pieces_UD = torch.cat(states)[torch.cat(places).argsort()]
        return pieces_UD, self._pool(sums_RD, windows)

    def _read(
        self, piece_U: Tensor, windows: "_Windows", *, group: np.ndarray
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the states (R,L,D) of a group of windows, the mask of pieces and of content (R,L), and where content stands in U."""
        device, leading, trailing = piece_U.device, self.tokenizer.leading, self.tokenizer.trailing
        start_R = torch.from_numpy(windows.start[group]).to(device)[:, None]
        length_R = torch.from_numpy(windows.length[group]).to(device)[:, None]
        longest = int(windows.length[group].max())
        step = torch.arange(longest + len(leading) + len(trailing), device=device)[None]
        content_RL = (step >= len(leading)) & (step < len(leading) + length_R)
        place_RL = (start_R + step - len(leading)).clamp(0, max(piece_U.numel() - 1, 0))
        mask_RL = step < len(leading) + length_R + len(trailing)
        ids_RL = torch.full(mask_RL.shape, self.tokenizer.padding, dtype=torch.int64, device=device)
        ids_RL[:, : len(leading)] = torch.tensor(leading, dtype=torch.int64, device=device)
        for offset, piece in enumerate(trailing):
            ids_RL.scatter_(1, len(leading) + length_R + offset, piece)
        if piece_U.numel():
            ids_RL = torch.where(content_RL, piece_U.long()[place_RL], ids_RL)
        output = self.transformer(input_ids=ids_RL, attention_mask=mask_RL.long())
        return output.last_hidden_state.float(), mask_RL, content_RL, place_RL[content_RL]

    def _pool(self, sums_RD: Tensor, windows: "_Windows") -> Tensor:
        first_B = torch.from_numpy(windows.first).to(sums_RD.device)
        if self.settings.pooling == "first":
            return sums_RD[first_B]
        special = len(self.tokenizer.leading) + len(self.tokenizer.trailing)
        count_R = torch.from_numpy(windows.length + special).to(sums_RD)
        row_R = torch.arange(len(sums_RD), device=sums_RD.device)
        total_BD = F.embedding_bag(row_R, sums_RD, first_B, mode="sum")
        return total_BD / F.embedding_bag(row_R, count_R[:, None], first_B, mode="sum")

    @torch.inference_mode()
    def encode(
        self, pieces: Pieces, *, with_words: bool = False, on_done: Callable[[int], object] | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the vectors (B,D) of documents in float32 and, if wanted, those (N,D) of words in float16.

        A word's vector is the mean of those of its pieces, 0 without any. Documents of similar length are read together, which
        changes no vector by more than the order of its sums does. Memory beyond the result: that of a few thousand pieces.

        Args:
            pieces: the pieces of the documents.
            with_words: whether to return vectors of words.
            on_done: called after each group of documents with their number.
        """
        starts, word_starts = _starts(pieces.count), _starts(pieces.word_count)
        vectors = np.zeros((len(pieces.count), self.width), np.float32)
        words = np.zeros((int(pieces.word_count.sum()), self.width), np.float16) if with_words else None
        for chosen in _groups(pieces.count, 2 * PIECES_AT_ONCE):
            ids = np.concatenate([pieces.ids[starts[b] : starts[b + 1]] for b in chosen])
            count_B = torch.from_numpy(pieces.count[chosen])
            pieces_UD, pooled_BD = self(torch.from_numpy(ids).to(self.device), count_B)
            vectors[chosen] = pooled_BD.cpu().numpy()
            if words is not None:
                begin = _starts(pieces.count[chosen])
                for position, b in enumerate(chosen):
                    of_words = slice(word_starts[b], word_starts[b + 1])
                    words_ND = mean_of_ranges(
                        pieces_UD,
                        start_N=torch.from_numpy(begin[position] + pieces.start[of_words]),
                        stop_N=torch.from_numpy(begin[position] + pieces.stop[of_words]),
                    )
                    words[of_words] = words_ND.cpu().numpy()
            if on_done is not None:
                on_done(len(chosen))
        return vectors, words

    def encode_texts(
        self, texts: Sequence[str], *, on_done: Callable[[int], object] | None = None
    ) -> np.ndarray:
        """Return the vectors (B,D) of texts, each after the settings' prefix."""
        none = np.zeros((0, 2), np.int64)
        pieces = self.tokenizer.split(
            [self.settings.prefix + text for text in texts],
            [none] * len(texts),
            max_pieces=self.max_pieces,
        )
        return self.encode(pieces, on_done=on_done)[0]


_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet"})


def build_transformer(config: Mapping[str, Any], path: Path) -> Any:
    """Return the encoder of `transformers` that a config describes, with memory for weights and none in it.

    Args:
        config: the content of config.json; what it says of code of its own is ignored.
        path: its file, for messages.

    Raises:
        MissingExtra: the package `transformers` is not installed.
        ValueError: the config is none of the architecture that it names.
    """
    try:
        # slow to import, hence not at the top
        from transformers import AutoConfig, AutoModel
        from transformers.initialization import no_init_weights
    except ImportError:
        raise MissingExtra(
            "model.pretrained: encoders are read by the package transformers, which is not installed",
            extra="pretrained",
        ) from None
    fields = {k: v for k, v in config.items() if k not in _IGNORED_FIELDS}
    try:
        parsed = AutoConfig.for_model(fields.pop("model_type"), **fields)
        with no_init_weights():
            model = AutoModel.from_config(parsed, trust_remote_code=False, dtype=torch.float32)
    except Exception as error:
        raise ValueError(f"{path}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    if "pooler" in dict(model.named_children()):
        model.pooler = None
    assert "attention_mask" in inspect.signature(model.forward).parameters
    return model


_IGNORED_FIELDS = frozenset(
    {"auto_map", "architectures", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "quantization_config"}
)  # fmt: skip


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], *, path: Path) -> None:
    """Replace the weights of an encoder by those of a file; tensors of heads are left out.

    Raises:
        ValueError: a tensor is missing, or has another shape.
    """
    expected = model.state_dict()
    prefix = next((p for p in _prefixes(tensors) if all(f"{p}{name}" in tensors for name in expected)), None)
    if prefix is None:
        name = next((n for n in expected if n not in tensors), "")
        raise ValueError(
            f"{path}: {name}: missing; expected the tensors of the encoder that {CONFIG} describes"
        )
    chosen = {name: tensors[f"{prefix}{name}"].float() for name in expected}
    for name, tensor in chosen.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"{path}: {name}: shape {list(tensor.shape)}; expected {list(expected[name].shape)}, as {CONFIG} says"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: {name}: NaN or infinite; expected numbers")
    model.load_state_dict(chosen, assign=True)


def _prefixes(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return what the names of an encoder's tensors may begin with: a model with a head calls it by its architecture."""
    return ["", *sorted({f"{name.partition('.')[0]}." for name in tensors})]


def mean_of_ranges(pieces_UD: Tensor, *, start_N: Tensor, stop_N: Tensor) -> Tensor:
    """Return the mean (N,D) of the rows start[n] .. stop[n]-1 for each n; 0 of no row."""
    length_N = (stop_N - start_N).to(pieces_UD.device)
    start_N = start_N.to(pieces_UD.device)
    before_N = length_N.cumsum(0) - length_N
    row = torch.repeat_interleave(start_N - before_N, length_N)
    row = row + torch.arange(row.numel(), device=row.device)
    return F.embedding_bag(row, pieces_UD, before_N, mode="mean")


class _Windows:
    """Documents cut into windows of at most some pieces.

    Attributes:
        start: (R,) where each window begins in U.
        length: (R,) its pieces.
        first: (B,) the first window of each document.
        order: the windows of each group that was read.
    """

    def __init__(self, count: np.ndarray, content_pieces: int) -> None:
        windows = np.maximum(-(-count // content_pieces), 1)
        self.first = np.cumsum(windows) - windows
        local = np.arange(int(windows.sum())) - np.repeat(self.first, windows)
        self.start = np.repeat(_starts(count)[:-1], windows) + local * content_pieces
        self.length = np.minimum(np.repeat(count, windows) - local * content_pieces, content_pieces)
        self.order: list[np.ndarray] = []

    def groups(self, max_pieces: int, *, special: int) -> Iterator[np.ndarray]:
        """Yield windows of similar length, at most `max_pieces` together with padding and `special` pieces each."""
        for group in _groups(self.length + special, max_pieces):
            self.order.append(group)
            yield group


def _groups(length: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Yield positions, shortest first, in groups of at most `most` if each were as long as the group's longest; at least one each."""
    order = np.argsort(length, kind="stable")
    position = 0
    while position < len(order):
        # no more can fit than of the shortest
        most_here = most // max(int(length[order[position]]), 1) + 1
        rest = length[order[position : position + most_here]]
        fits = np.flatnonzero(np.maximum(rest, 1) * np.arange(1, len(rest) + 1) <= most)
        size = int(fits[-1]) + 1 if len(fits) else 1
        yield order[position : position + size]
        position += size


def _starts(count: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
