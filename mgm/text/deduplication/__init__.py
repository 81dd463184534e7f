"""Copies among the documents of a corpus: exact ones, and near ones by MinHash and LSH.

`passes.deduplicate` is the entry.
"""
