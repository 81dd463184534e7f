"""A trained model as a folder that is enough to score raw text: format, save and load, card, signature.

A folder holds weights.safetensors, config.json, vocabulary.parquet, subwords.model (of tasks that generate text),
stopwords*.txt, dictionary.*, profile.json and manifest.json; once promoted also card.md and card.json.
"""

from mgm.bundle.bundle import Bundle, load_stopwords, shaping_settings
from mgm.bundle.format import FORMAT, MANIFEST, bundle_id, verify
from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle

__all__ = [
    "FORMAT",
    "MANIFEST",
    "Bundle",
    "bundle_id",
    "load_bundle",
    "load_stopwords",
    "save_bundle",
    "shaping_settings",
    "verify",
]
