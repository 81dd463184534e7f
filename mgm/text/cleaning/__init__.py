"""Cleaning: raw texts to cleaned ones, with the edits that map offsets between both; one step a module, named as its setting."""

from mgm.text.cleaning.pipeline import build_steps, clean, clean_texts, clean_with_statistics

__all__ = ["build_steps", "clean", "clean_texts", "clean_with_statistics"]
