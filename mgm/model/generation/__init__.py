"""The decoder that generates text."""
