"""Word vectors that a network starts from: their table, read from a file or trained on the corpora."""
