"""Settings that had another name in an earlier version."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

RENAMED = {
    "text.language.characters": "text.language.max_characters",
    "text.segmentation.han": "text.segmentation.chinese_tokens",
    "model.ple.shared": "model.ple.shared_experts",
    "model.ple.own": "model.ple.task_experts",
    "model.generation.hidden": "model.generation.feedforward_width",
    "model.generation.reading_layers": "model.generation.encoder_layers",
    "model.generation.layers": "model.generation.decoder_layers",
    "model.generation.source": "model.generation.max_source_subwords",
    "model.generation.beam": "model.generation.beam_size",
    "model.generation.validation": "model.generation.validation_documents",
    "pretrain.mask": "pretrain.mask_rate",
    "pretrain.sample": "pretrain.sampled_softmax_words",
    "train.initial": "train.init_from",
    "distillation.gold": "distillation.label_weight",
    "evaluate.foreign": "evaluate.ood_inputs",
    "evaluate.foreign_documents": "evaluate.ood_documents",
    "evaluate.slice_groups": "evaluate.min_slice_groups",
    "explain.errors": "explain.error_examples",
    "explain.right": "explain.correct_examples",
    "explain.deleted": "explain.deletion_shares",
    "explain.most_steps": "explain.max_steps",
    "explain.suspects": "explain.label_issues",
    "verdict.margin": "verdict.noninferiority_margin",
    "score.work": "score.staging_dir",
    "score.broken_stop": "score.max_failed_documents",
    "crossval.validation": "crossval.validation_share",
}
"""Old full name to new full name; the section stays the same."""
REMOVED = {
    "model.wide.documents": "all documents are learned from; the memory for them is train.memory, in gigabytes",
}
"""Full names of settings that are gone, and what takes their place."""

MOVED = {"score.ray": "compute.ray"}
"""Sections that are elsewhere now, with all that is in them."""


class RenamedSettings(ValueError):
    """A params.yaml has names of an earlier version; the message has a line for each, with the new name."""


def renamed_key(path: Sequence[str]) -> str | None:
    """Return the present name of the key at the end of a path of keys, None where it was not renamed.

    Settings of `text` are in `corpora` too, and full names of settings are keys of tune.space and run_generation.
    """
    if path[:1] == ["run_generation"] or path[:2] == ["tune", "space"]:
        return RENAMED.get(path[-1])
    if path[:1] == ["corpora"] and path[2:3] == ["text"]:
        path = path[2:]
    new = RENAMED.get(".".join(path))
    return None if new is None else new.rpartition(".")[2]


def check_renamed(raw: Mapping[Any, Any], where: str) -> None:
    """Check that no key is one of an earlier version; `where` names the source in errors.

    Raises:
        RenamedSettings: a key was renamed.
        ValueError: the setting of a key is gone.
    """
    lines = [
        f"{where}: {'.'.join(path)}: this setting was renamed; expected {'.'.join([*path[:-1], new])}"
        for path in _paths(raw, [])
        if (new := renamed_key(path)) is not None
    ]
    gone = [
        f"{where}: {'.'.join(path)}: this setting is gone: {REMOVED['.'.join(path)]}; expected no such line"
        for path in _paths(raw, [])
        if ".".join(path) in REMOVED
    ]
    lines += [
        f"{where}: {old}: this section has moved; expected {new}"
        for old, new in MOVED.items()
        if _has(raw, old.split("."))
    ]
    if lines:
        raise RenamedSettings("\n".join(lines + gone))
    if gone:
        raise ValueError("\n".join(gone))


def _has(raw: Any, path: Sequence[str]) -> bool:
    """Return whether there is something at a path of keys."""
    for key in path:
        if not isinstance(raw, Mapping) or key not in raw:
            return False
        raw = raw[key]
    return True


def _paths(section: Mapping[Any, Any], above: list[str]) -> Iterator[list[str]]:
    for key, value in section.items():
        path = [*above, str(key)]
        yield path
        if isinstance(value, Mapping):
            yield from _paths(value, path)
