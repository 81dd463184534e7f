"""The record of what cut the texts of scripts without blanks between words. It goes from the tokens of each corpus to the bundle.

A model reads documents as its training texts were cut, whatever is installed where it scores.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mgm.errors import MissingExtra, StaleInput
from mgm.files import read_json, write_json
from mgm.text.segmentation.southeast_asian import Tokens, icu_version, is_icu_installed

SEGMENTER_FILE = "segmenter.json"
"""The file of the record, beside tables of tokens and of features; it is there only if their texts have such scripts."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """What cut the Thai, Lao, Khmer and Burmese of some texts."""

    southeast_asian_tokens: Tokens
    icu: str | None
    """The version of ICU; None where the tokens are characters."""

    @classmethod
    def installed(cls, tokens: Tokens) -> "Segmenter":
        """Return the segmenter of this process."""
        return cls(southeast_asian_tokens=tokens, icu=icu_version() if tokens == "words" else None)

    def __str__(self) -> str:
        """Return the segmenter in words."""
        return f"words by ICU {self.icu}" if self.icu else self.southeast_asian_tokens

    def save(self, folder: Path) -> None:
        """Write the record into a folder."""
        write_json(folder / SEGMENTER_FILE, asdict(self))


def load_segmenter(folder: Path) -> Segmenter | None:
    """Return the record of a folder; None: its texts have no such script."""
    path = folder / SEGMENTER_FILE
    return Segmenter(**read_json(path)) if path.is_file() else None


def common_segmenter(folders: Iterable[Path]) -> Segmenter | None:
    """Return the one segmenter of several tables of tokens; None: none of them has such a script.

    Raises:
        StaleInput: they have different ones, so that the same text would be other words in one and the other.
    """
    common: tuple[Path, Segmenter] | None = None
    for folder in folders:
        segmenter = load_segmenter(folder)
        if segmenter is None:
            continue
        if common is not None and segmenter != common[1]:
            raise StaleInput(
                folder / SEGMENTER_FILE,
                f"Thai, Lao, Khmer and Burmese are cut into {segmenter}; expected {common[1]}, as in {common[0].name}",
                made_by="tokenize",
            )
        common = common or (folder, segmenter)
    return None if common is None else common[1]


def check_segmenter(tokens: Collection[str], trained_with: Segmenter | None) -> None:
    """Check that texts can be cut here as they were in training.

    Args:
        tokens: the values of `southeast_asian_tokens` in the settings of a model.
        trained_with: what cut its training texts.

    Raises:
        MissingExtra: words are needed, and ICU is not installed.
    """
    if "words" not in tokens:
        return
    version = trained_with and trained_with.icu
    if not is_icu_installed():
        raise MissingExtra(
            f"the model reads Thai, Lao, Khmer and Burmese in words of ICU{f' {version}' if version else ''} (icu4py), "
            "which is not installed",
            extra="icu",
        )
    if version not in (None, icu_version()):
        _log.warning(
            "the model was trained with the words of ICU %s, and ICU %s is installed: some words of Thai, Lao, Khmer and "
            "Burmese may differ",
            version,
            icu_version(),
        )
