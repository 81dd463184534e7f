"""Duplicates among the documents of a corpus: exact ones, and near ones by MinHash and LSH. The entry point is `deduplicate`."""
