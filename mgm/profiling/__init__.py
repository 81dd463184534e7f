"""How a snapshot of documents looks, and how far another is from it."""
