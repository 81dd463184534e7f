"""The levels at which the encoder reads a document, one a file."""
