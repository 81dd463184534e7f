"""Cleaning: from raw text to the text that is read, with the edits that lead back; one step a file."""

from mgm.text.cleaning.pipeline import build_steps, clean, clean_texts, clean_with_statistics

__all__ = ["build_steps", "clean", "clean_texts", "clean_with_statistics"]
