"""Exports of annotation tools and other libraries, read as rows of a corpus.

A reader of a format yields documents and what it drops, each with the reason: nothing is lost or moved in silence.
"""

from mgm.corpus.annotations.corpus_table import Imported, write_corpus
from mgm.corpus.annotations.formats import FORMATS, import_annotations
from mgm.corpus.annotations.options import ImportOptions

__all__ = ["FORMATS", "ImportOptions", "Imported", "import_annotations", "write_corpus"]
