"""Segmentation: texts to words with offsets, sentences and paragraphs."""
