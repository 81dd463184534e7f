"""Profiles of documents, and the drift of other documents from them."""
