"""The files in data/resources that settings name, checked before a run needs them."""

from pathlib import Path

from flows.project import RESOURCES
from mgm.settings.core import PARAMS
from mgm.settings.views.text_pipeline import TextPipelineSettings


def check_word_lists(root: Path = Path()) -> dict[str, int]:
    """Return the dictionaries and lists of terms that the enabled corpora name, with their numbers of words or terms.

    Raises:
        FileNotFoundError, ValueError: one is missing, or has a wrong line.
    """
    if not (root / PARAMS).is_file():
        return {}
    settings = TextPipelineSettings.load(root / PARAMS, warns=False)
    texts = [settings.text_for(corpus) for corpus in settings.enabled]
    if not any(text.lexicons or text.segmentation.dictionary for text in texts):
        return {}
    # imported here, since most projects have no list, and `mgm run` starts sooner without Polars
    from mgm.text.dictionary import load_dictionaries
    from mgm.text.lexicons import find_terms, load_lexicons

    lexicons = load_lexicons(settings, root / RESOURCES)
    find_terms(lexicons, settings)
    dictionaries = load_dictionaries(settings, root / RESOURCES)
    return {name: len(d.words) for name, d in dictionaries.items()} | {
        name: len(lexicon.terms) for name, lexicon in lexicons.items()
    }
