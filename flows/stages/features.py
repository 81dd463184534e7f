"""Stage: tokens of all enabled corpora -> features, vocabulary, label spaces. `python -m flows.stages.features`."""

import logging
import shutil
from typing import Any

from flows.project import CONTENT, FEATURES, PROFILE, RESOURCES, STAGES, TOKENS
from flows.stages.command_line import run_stage
from mgm.corpus.parts import write_manifest
from mgm.files import write_json
from mgm.profiling.layout import Profile
from mgm.quality.feature_statistics import CorpusStatistics, LabelStatistics
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.dictionary import load_dictionaries, load_dictionary
from mgm.text.feature_tables import write_feature_part
from mgm.text.fitting import FittedText, fit_text
from mgm.text.segmentation.segmenter import common_segmenter
from mgm.text.stopwords import STOPWORDS_FILE
from mgm.text.token_tables import TokenTable

_logger = logging.getLogger(__name__)


def main() -> None:
    """Write the features of every corpus that params.yaml enables, and of no other."""
    settings = TextPipelineSettings.load()
    settings.require_common("features")
    tables = [TokenTable(tokens=TOKENS / c, content=CONTENT / c) for c in sorted(settings.enabled)]
    segmenter = common_segmenter(
        TOKENS / corpus
        for corpus in sorted(settings.enabled)
        if settings.text_for(corpus).segmentation.southeast_asian_tokens != "characters"
    )
    fitted = fit_text(tables, settings.active_tasks(), settings=settings.text.features)
    shutil.rmtree(FEATURES, ignore_errors=True)
    fitted.save(FEATURES)
    if segmenter is not None:
        segmenter.save(FEATURES)
    _copy_word_lists(settings)
    labels = LabelStatistics(fitted.tasks)
    profiles, counts = {}, {}
    for table in tables:
        profiles[table.corpus], counts[table.corpus] = _write_features(
            table, fitted, labels=labels, settings=settings
        )
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


def _write_features(
    table: TokenTable, fitted: FittedText, *, labels: LabelStatistics, settings: TextPipelineSettings
) -> tuple[Profile, dict[str, Any]]:
    text, folder, tasks = (
        settings.text_for(table.corpus),
        FEATURES / table.corpus,
        fitted.tasks_for(table.corpus),
    )
    dictionary, statistics, parts = (
        load_dictionary(text.segmentation, RESOURCES),
        CorpusStatistics(tasks, text),
        [],
    )
    for index, (source, tokens) in enumerate(table.read_with_content()):
        tokens = fitted.drop_rare_labels(tokens, table.corpus)
        part = fitted.featurize(tokens, table.corpus, dictionary=dictionary)
        parts.append(write_feature_part(part, folder, index=index, input_sha256=source.sha256))
        statistics.add(part)
        labels.add(tokens, part, tasks=tasks)
    write_manifest(folder, parts)
    profile = statistics.profile()
    _logger.info(
        f"features {table.corpus}: {sum(part.rows for part in parts):,} rows, "
        f"unknown words {profile['unknown_words']}"
    )
    return profile, statistics.counts()


def _copy_word_lists(settings: TextPipelineSettings) -> None:
    """Copy stopwords and dictionaries to where the train stage reads the files of the bundle."""
    for corpus in sorted(settings.enabled):
        (FEATURES / "stopwords").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONTENT / corpus / STOPWORDS_FILE, FEATURES / "stopwords" / f"{corpus}.txt")
    for name, dictionary in load_dictionaries(settings, RESOURCES).items():
        dictionary.save(FEATURES / "dictionaries" / name)


if __name__ == "__main__":
    run_stage(main)
