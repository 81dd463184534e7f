"""Documents in and out: readers, the contract of their columns, tables of parts, splits, rejects."""
