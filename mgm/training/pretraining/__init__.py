"""Pretraining of encoder and fusion on texts without labels."""
