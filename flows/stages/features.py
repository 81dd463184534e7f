"""Stage: tokens of all enabled corpora -> features, vocabulary, label spaces. `python -m flows.stages.features`."""

import logging
import shutil

from flows.project import CONTENT, FEATURES, LEXICONS, PROFILE, RESOURCES, STAGES, TOKENS
from flows.stages.command_line import open_executor, run_stage
from mgm.corpus.unfinished import unfinished_folder
from mgm.files import write_json
from mgm.quality.feature_parts import FeatureWork, UnfinishedFeatures
from mgm.quality.feature_statistics import LabelStatistics
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.dictionary import load_dictionaries, load_dictionary
from mgm.text.fitting import fit_text
from mgm.text.lexicons import find_terms, load_lexicons
from mgm.text.segmentation.segmenter import common_segmenter
from mgm.text.stopwords import STOPWORDS_FILE
from mgm.text.terms import save_terms
from mgm.text.token_tables import TokenTable

_logger = logging.getLogger(__name__)


def main() -> None:
    """Write the features of every corpus that params.yaml enables, and of no other."""
    settings = TextPipelineSettings.load()
    settings.require_common("features")
    terms = find_terms(load_lexicons(settings, RESOURCES), settings)
    tables = [TokenTable(tokens=TOKENS / c, content=CONTENT / c) for c in sorted(settings.enabled)]
    segmenter = common_segmenter(
        TOKENS / corpus
        for corpus in sorted(settings.enabled)
        if settings.text_for(corpus).segmentation.southeast_asian_tokens != "characters"
    )
    profiles, counts = {}, {}
    with open_executor() as executor:
        fitted = fit_text(tables, settings.active_tasks(), settings=settings.text.features, executor=executor)
        shutil.rmtree(FEATURES, ignore_errors=True)
        fitted.save(FEATURES)
        if segmenter is not None:
            segmenter.save(FEATURES)
        _copy_word_lists(settings)
        save_terms(LEXICONS, terms)
        labels = LabelStatistics(fitted.tasks)
        unfinished = {}
        for table in tables:
            corpus, text = table.corpus, settings.text_for(table.corpus)
            dictionary = load_dictionary(text.segmentation, RESOURCES)
            work = FeatureWork(table=table, fitted=fitted, text=text, dictionary=dictionary)
            unfinished[corpus] = UnfinishedFeatures(work, unfinished_folder(FEATURES / corpus))
            statistics = unfinished[corpus].make(labels, executor=executor)
            profiles[corpus], counts[corpus] = statistics.profile(), statistics.counts()
            _logger.info(
                f"features {corpus}: {sum(profiles[corpus]['rows'].values()):,} rows, "
                f"unknown words {profiles[corpus]['unknown_words']}"
            )
    for corpus, features in unfinished.items():
        features.move(FEATURES / corpus)
    write_json(PROFILE, {"corpora": profiles})
    num_rows = sum(sum(profile["rows"].values()) for profile in profiles.values())
    content = {
        "rows": num_rows,
        "vocabulary_words": len(fitted.vocabulary),
        "rare_labels": fitted.rare_labels,
        "corpora": {
            name: {key: profile[key] for key in ("rows", "words", "unknown_words")} | counts[name]
            for name, profile in profiles.items()
        },
    }
    write_json(STAGES / "features.json", content | labels.result())
    _logger.info(
        f"features: {num_rows:,} rows in, {num_rows:,} out, 0 rejected, "
        f"vocabulary {len(fitted.vocabulary):,} words"
    )


def _copy_word_lists(settings: TextPipelineSettings) -> None:
    """Copy stopwords and dictionaries to where the train stage reads the files of the bundle."""
    for corpus in sorted(settings.enabled):
        (FEATURES / "stopwords").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONTENT / corpus / STOPWORDS_FILE, FEATURES / "stopwords" / f"{corpus}.txt")
    for name, dictionary in load_dictionaries(settings, RESOURCES).items():
        dictionary.save(FEATURES / "dictionaries" / name)


if __name__ == "__main__":
    run_stage(main)
