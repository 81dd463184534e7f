"""The documents whose labels help most: what to label next, and which labels to check."""
