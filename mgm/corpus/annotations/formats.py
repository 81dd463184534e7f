"""The formats of exports by name."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgm.corpus.annotations.corpus_table import Imported, write_corpus
from mgm.corpus.annotations.docbin import read_docbin
from mgm.corpus.annotations.doccano import read_doccano
from mgm.corpus.annotations.documents import Document, Found
from mgm.corpus.annotations.hugging_face import read_hugging_face
from mgm.corpus.annotations.label_studio import read_label_studio
from mgm.corpus.annotations.options import ImportOptions
from mgm.corpus.annotations.text_lines import stem
from mgm.corpus.annotations.token_columns import read_tokens
from mgm.corpus.readers.input_files import InputFile, find_files
from mgm.settings.names import nearest

_SPLITS = {
    "train": "train", "dev": "valid", "valid": "valid", "validation": "valid", "testa": "valid", "test": "test", "testb": "test",
}  # fmt: skip


@dataclass(frozen=True)
class Format:
    """A format of exports."""

    about: str
    read: Callable[[Sequence[Path], ImportOptions], Iterator[Found]]


def _file_by_file(
    read: Callable[[InputFile, ImportOptions], Iterator[Found]],
) -> Callable[[Sequence[Path], ImportOptions], Iterator[Found]]:
    """Return a reader of several files, which gives their documents the splits that their names have, if all have one."""

    def read_all(paths: Sequence[Path], options: ImportOptions) -> Iterator[Found]:
        files = _files(paths)
        splits = [_split(file) for file in files]
        are_named = len(set(splits)) > 1 and None not in splits
        for file, split in zip(files, splits, strict=True):
            for found in read(file, options):
                if are_named and isinstance(found, Document):
                    yield replace(found, columns={**found.columns, "split": split})
                else:
                    yield found

    return read_all


def _split(file: InputFile) -> str | None:
    """Return the split that a file is named for, such as `eng.testa` and `en_ewt-ud-dev.conllu`."""
    words = re.split(r"[^a-z]+", stem(file).rsplit("/", 1)[-1].lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def _files(paths: Sequence[Path]) -> list[InputFile]:
    return [file for path in paths for file in find_files(path)]


_TOKENS = Format("CoNLL-2003, CoNLL-U and other columns; token|tag", _file_by_file(read_tokens))
FORMATS = {
    "conll": _TOKENS,
    "iob": _TOKENS,
    "spacy": Format("DocBin of spaCy", _file_by_file(read_docbin)),
    "label-studio": Format("JSON and JSON-MIN of Label Studio", _file_by_file(read_label_studio)),
    "doccano": Format("JSONL of doccano", lambda paths, options: read_doccano(_files(paths), options)),
    "hf": Format(
        "dataset folder of Hugging Face",
        lambda paths, options: (found for path in paths for found in read_hugging_face(path, options)),
    ),
}


def import_annotations(name: str, paths: Sequence[Path], *, output: Path, options: ImportOptions) -> Imported:
    """Read exports of one format, and write a corpus.

    Args:
        name: a key of `FORMATS`.
        paths: files, or folders of them.
        output: the Parquet file of the corpus, which is replaced.
        options: what the exports do not tell.

    Raises:
        ValueError: an unknown format, an export that cannot be read, no document.
        FileNotFoundError: an export is not there.
        MissingExtra: a package that reads the format is not installed.
    """
    if name not in FORMATS:
        raise ValueError(f"{name!r} is no format of exports{nearest(name, FORMATS)}")
    if output.suffix.lower() != ".parquet":
        raise ValueError(f"{output}: expected a name that ends in .parquet")
    for path in paths:
        if output.resolve().is_relative_to(path.resolve()):
            raise ValueError(f"{output}: lies in what is read, {path}; expected another place for the corpus")
    return write_corpus(FORMATS[name].read(paths, options), output)
