"""A trained model as a folder that is enough to score raw text: format, card, signature."""
