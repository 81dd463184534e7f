"""The fits of the candidate that splits are measured with: each one that has not learned from the split."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.project import CANDIDATE, FIRST_FIT
from mgm.bundle.bundle import Bundle
from mgm.bundle.load import load_bundle
from mgm.errors import StaleInput
from mgm.evaluation.summary import fits_entry


@dataclass(frozen=True, kw_only=True)
class CandidateFits:
    """The candidate, and its fit on train alone: the candidate itself where it was not fitted again (`train.refit`)."""

    candidate: Bundle
    first: Bundle

    def unseen(self, split: str) -> Bundle:
        """Return the candidate or, where it has learned from the split, its first fit."""
        return self.first if self.candidate.has_seen(split) else self.candidate

    def splits_by_fit(self, splits: Sequence[str]) -> list[tuple[Bundle, list[str]]]:
        """Return each fit with those of the splits that it is measured on; one without a split is left out."""
        fits = [self.candidate] if self.first is self.candidate else [self.first, self.candidate]
        of_fits = [(fit, [split for split in splits if self.unseen(split) is fit]) for fit in fits]
        return [(fit, of_fit) for fit, of_fit in of_fits if of_fit]

    def entry(self, split: str) -> dict[str, dict[str, list[str]]]:
        """Return what metrics on a split say of fits, in each task's entry: nothing where there is one fit."""
        refit, measured = self.candidate.refit, self.unseen(split).refit
        if refit is None:
            return {}
        return {"fits": fits_entry(refit.splits, ["train"] if measured is None else measured.splits)}


def load_fits() -> CandidateFits:
    """Return the fits of the candidate.

    Raises:
        FileNotFoundError: there is no candidate, or no first fit of it.
        StaleInput: the first fit is that of another candidate.
    """
    candidate = load_bundle(CANDIDATE)
    if candidate.refit is None:
        return CandidateFits(candidate=candidate, first=candidate)
    first = load_bundle(FIRST_FIT)
    if first.id != candidate.refit.first_fit:
        raise StaleInput(
            FIRST_FIT,
            f"bundle {first.id[:12]}, but the first fit of {CANDIDATE} is {candidate.refit.first_fit[:12]}",
            made_by="train",
        )
    return CandidateFits(candidate=candidate, first=first)
