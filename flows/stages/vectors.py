"""Stage: features -> the word vectors that training starts from, if any. `python -m flows.stages.vectors`."""

import logging
import shutil
from collections.abc import Sequence

from flows.project import ENCODERS, FEATURES, RESOURCES, STAGES, VECTORS, VOCABULARY
from flows.stages.command_line import run_stage
from mgm.files import file_sha256, write_json
from mgm.settings.views.network import NetworkSettings
from mgm.text.feature_tables import read_feature_parts
from mgm.text.vectors.initial import initial_vectors
from mgm.text.vectors.table import VectorTable, describe_vectors, save_vectors
from mgm.text.vocabulary import Vocabulary

_logger = logging.getLogger(__name__)


def main() -> None:
    """Train vectors, read them from a file or let an encoder make them, by the settings; without any, write that there are none."""
    settings = NetworkSettings.load()
    settings.require_common("vectors")
    table = initial_vectors(
        settings,
        Vocabulary.load(VOCABULARY),
        read_parts=lambda: [
            part for corpus in sorted(settings.enabled) for part in read_feature_parts(FEATURES / corpus)
        ],
        folder=RESOURCES,
        encode=lambda words: _encode(words, settings),
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


def _encode(words: Sequence[str], settings: NetworkSettings) -> VectorTable:
    # imported here, since torch takes seconds and other sources do without
    from mgm.pretrained.word_vectors import read_encoder_vectors

    return read_encoder_vectors(
        ENCODERS, words, name=settings.text.vectors.encoder, width=settings.model.width
    )


if __name__ == "__main__":
    run_stage(main)
