"""Stage: features -> the word vectors that training starts from, if any. `python -m flows.stages.vectors`."""

import logging
import shutil

from flows.project import FEATURES, RESOURCES, STAGES, VECTORS, VOCABULARY
from flows.stages.command_line import run_stage
from mgm.files import file_sha256, write_json
from mgm.settings.views.network import NetworkSettings
from mgm.text.feature_tables import read_feature_parts
from mgm.text.vectors.initial import initial_vectors
from mgm.text.vectors.table import describe_vectors, save_vectors
from mgm.text.vocabulary import Vocabulary

_logger = logging.getLogger(__name__)


def main() -> None:
    """Train vectors or read them from a file, according to the settings; without any, write that there are none."""
    settings = NetworkSettings.load()
    settings.require_common("vectors")
    table = initial_vectors(
        settings,
        Vocabulary.load(VOCABULARY),
        read_parts=lambda: [
            part for corpus in sorted(settings.enabled) for part in read_feature_parts(FEATURES / corpus)
        ],
        folder=RESOURCES,
    )
    source = settings.text.vectors.source
    algorithm = settings.text.vectors.algorithm if source == "train" else None
    metadata = describe_vectors(
        table, source=source, algorithm=algorithm, vocabulary_sha256=file_sha256(VOCABULARY)
    )
    shutil.rmtree(VECTORS, ignore_errors=True)
    save_vectors(VECTORS, table, metadata=metadata)
    write_json(STAGES / "vectors.json", metadata)
    share = (
        ""
        if table is None
        else f", {metadata['words']:,} words, {metadata['coverage']:.1%} of the vocabulary"
    )
    _logger.info(f"vectors: source {source}{share}")


if __name__ == "__main__":
    run_stage(main)
