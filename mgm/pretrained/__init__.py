"""Pretrained encoders: a folder as Hugging Face lays it out, from words to vectors; nothing is downloaded and no code of it is run."""
