"""Corrected labels: a layer over the documents of a corpus, which annotators made."""
