"""Folders of Hugging Face datasets: what `save_to_disk` writes, and folders of Parquet files named for their splits.

Numbers of classes become their names. Columns of tokens and tags become a text with spans.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from mgm.corpus.annotations.documents import Document, Dropped, Found, Label
from mgm.corpus.annotations.offsets import RawSpan, WrongSpan, to_code_points
from mgm.corpus.annotations.options import AUTO, CODE_POINTS, ImportOptions
from mgm.corpus.annotations.tagged_tokens import join_tokens, labelled_spans

NO_TEXT = "the row has no text"
NO_LABEL = "the value is no label"
WRONG_TAGS = "the row has another number of tags than of tokens"
ENTITIES = "entities"
_BATCH_ROWS = 1_000
_TEXTS = ("text", "sentence", "content", "document", "review", "comment", "body")
_TOKENS, _TAGS = ("tokens", "words"), ("ner_tags", "tags", "labels", "pos_tags", "chunk_tags")
_IDS = ("doc_id", "id", "idx", "guid", "uid")
_SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}  # fmt: skip


@dataclass(frozen=True)
class _Part:
    """The files of one split, whose rows have the features of the dataset."""

    split: str
    files: tuple[Path, ...]
    features: Mapping[str, Any]


def read_hugging_face(folder: Path, options: ImportOptions) -> Iterator[Found]:
    """Yield the rows of all splits of a dataset.

    Raises:
        ValueError: the folder is no dataset, or which of its columns is the text is not plain.
    """
    parts = _parts(folder)
    if not parts:
        raise ValueError(
            f"{folder}: no dataset; expected a folder that `save_to_disk` wrote, or one of Parquet files"
        )
    named = len(parts) > 1
    for part in parts:
        number = 0
        for file in part.files:
            for batch in _batches(file):
                columns = _Columns.of(batch.schema, part.features, folder=folder, options=options)
                for row in batch.to_pylist():
                    number += 1
                    place = f"{folder}: {part.split} row {number}"
                    prefix = f"{part.split}-" if named else ""
                    doc_id = f"{prefix}{row[columns.id] if columns.id else number}"
                    yield from columns.read(row, doc_id, place=place, split=_SPLITS.get(part.split))


def _parts(folder: Path) -> list[_Part]:
    if (folder / "dataset_dict.json").is_file():
        names = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        return [part for name in names for part in _saved(folder / name, name)]
    if (folder / "state.json").is_file():
        return _saved(folder, "all")
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*.parquet")):
        name = re.split(r"[-_.]", file.stem)[0].lower()
        split = name if name in _SPLITS else file.parent.name if file.parent.name in _SPLITS else "all"
        found.setdefault(split, []).append(file)
    return [
        _Part(split, tuple(files), _parquet_features(files[0]))
        for split, files in sorted(found.items(), key=lambda item: [*_SPLITS, "all"].index(item[0]))
    ]


def _saved(folder: Path, split: str) -> list[_Part]:
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        features = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))["features"] or {}
        files = tuple(folder / file["filename"] for file in state["_data_files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder}: no dataset of `save_to_disk`: {error}") from None
    return [_Part(split, files, features)]


def _parquet_features(file: Path) -> Mapping[str, Any]:
    about = (pq.read_schema(file).metadata or {}).get(b"huggingface")
    return dict(json.loads(about)["info"]["features"]) if about else {}


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    try:
        if file.suffix == ".parquet":
            yield from pq.ParquetFile(file).iter_batches(_BATCH_ROWS)
            return
        with pa.memory_map(str(file)) as source, pyarrow.ipc.open_stream(source) as stream:
            yield from stream
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file}: damaged: {error}") from None


@dataclass(frozen=True)
class _Columns:
    """What the columns of a dataset are."""

    id: str | None
    text: str | None
    tokens: str | None
    tags: str | None
    labels: Mapping[str, tuple[str, ...] | None]
    """Column to the names of its classes, None where it holds the labels themselves."""
    tag_names: tuple[str, ...] | None
    task: str
    join: str

    @classmethod
    def of(
        cls, schema: pa.Schema, features: Mapping[str, Any], *, folder: Path, options: ImportOptions
    ) -> "_Columns":
        names = schema.names
        for option, given in (("--text-column", options.text), ("--tokens", options.tokens), ("--tags", options.tags)):  # fmt: skip
            if given is not None and given not in names:
                raise ValueError(
                    f"{folder}: no column {given!r} for {option}; expected one of {', '.join(names)}"
                )
        text = options.text or next((name for name in _TEXTS if name in names), None)
        tokens = None
        if options.tokens is not None or text is None:
            text = None
            tokens = options.tokens or next((name for name in _TOKENS if name in names), None)
        if text is None and tokens is None:
            raise ValueError(
                f"{folder}: which of the columns {', '.join(names)} is the text? expected --text-column or --tokens"
            )
        tags = options.tags or next((name for name in _TAGS if name in names), None) if tokens else None
        if tokens and tags is None:
            raise ValueError(
                f"{folder}: which of the columns {', '.join(names)} has the tags? expected --tags"
            )
        doc_id = next((name for name in _IDS if name in names), None)
        others = [name for name in names if name not in (doc_id, text, tokens, tags)]
        return cls(
            id=doc_id,
            text=text,
            tokens=tokens,
            tags=tags,
            labels={name: _class_names(features.get(name)) for name in others},
            tag_names=_class_names(features.get(tags)) if tags else None,
            task=options.task or ENTITIES,
            join=options.join,
        )

    def read(self, row: dict[str, Any], doc_id: str, *, place: str, split: str | None) -> Iterator[Found]:
        labels: dict[str, Label | None] = {}
        text = row[self.text] if self.text else None
        if self.tokens and self.tags:
            tokens, tags = row[self.tokens] or [], row[self.tags] or []
            if len(tokens) != len(tags):
                found = f"{len(tags)} tags, {len(tokens)} tokens"
                yield Dropped(place=place, doc_id=doc_id, reason=WRONG_TAGS, found=found)
                return
            text, ranges = join_tokens([tokens], self.join)
            named = [self.tag_names[tag] if self.tag_names else str(tag) for tag in tags]
            labels[self.task] = labelled_spans([named], ranges)
        if not isinstance(text, str) or not text.strip():
            yield Dropped(place=place, doc_id=doc_id, reason=NO_TEXT, found=repr(text))
            return
        for name, classes in self.labels.items():
            label = _label(row[name], classes, text=text)
            if label is None and row[name] is not None and not _is_unlabelled(row[name], classes):
                found = f"{name}: {row[name]!r}"[:80]
                yield Dropped(
                    place=place, doc_id=doc_id, column=name, row_stays=True, reason=NO_LABEL, found=found
                )
            labels[name] = label
        columns = {"split": split} if split else {}
        yield Document(doc_id=doc_id, text=text, labels=labels, columns=columns, place=place)


def _is_unlabelled(value: Any, classes: tuple[str, ...] | None) -> bool:
    """Return whether a number of a class is -1, which stands for none in test splits without labels."""
    return classes is not None and value == -1


def _class_names(feature: Any) -> tuple[str, ...] | None:
    """Return the names of the classes of a feature, or of those of its items."""
    while isinstance(feature, Mapping) and "feature" in feature:
        feature = feature["feature"]
    if isinstance(feature, list) and len(feature) == 1:
        return _class_names(feature[0])
    names = feature.get("names") if isinstance(feature, Mapping) else None
    return tuple(names) if names else None


def _label(value: Any, classes: tuple[str, ...] | None, *, text: str) -> Label | None:
    """Return the label of a value; None where it is no label, such as spans that do not lie within the text."""
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and {"start", "end", "label"} <= set(item) for item in value):
            raw = [
                RawSpan(item["start"], item["end"], str(item["label"]), item.get("text")) for item in value
            ]
            try:
                return to_code_points(text, raw, unit=AUTO, default=CODE_POINTS)[0]
            except WrongSpan:
                return None
        if all(isinstance(item, str | int) for item in value):
            names = [_class(item, classes) for item in value]
            return None if None in names else [name for name in names if name is not None]
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if classes is not None:
        return _class(value, classes)
    return float(value) if isinstance(value, int | float) else value if isinstance(value, str) else None


def _class(value: Any, classes: tuple[str, ...] | None) -> str | None:
    if classes is None or isinstance(value, str):
        return str(value)
    return classes[value] if isinstance(value, int) and 0 <= value < len(classes) else None
