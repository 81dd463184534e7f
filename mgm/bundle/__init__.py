"""A trained model as a folder that is enough to score raw text: format, save and load, card, signature.

A folder holds weights.safetensors, config.json, vocabulary.parquet, subwords.model (of tasks that generate text),
stopwords*.txt, dictionary.*, profile.json and manifest.json; once promoted also card.md and card.json.
"""
