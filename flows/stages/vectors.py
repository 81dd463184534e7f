"""Stage: features to the word vectors that training starts from. `python -m flows.stages.vectors`."""

import shutil

from flows.project import DATA, REPORTS
from flows.stages.command_line import run_stage
from mgm.corpus.parts import file_sha256, read_manifest
from mgm.files import write_json
from mgm.settings.core import PARAMS
from mgm.settings.views.network import NetworkSettings
from mgm.text.features import FeaturePart
from mgm.text.vectors.files import read_vectors
from mgm.text.vectors.table import describe_vectors, save_vectors
from mgm.text.vectors.training import train_vectors
from mgm.text.vocabulary import Vocabulary

FOLDER = DATA / "vectors"
FEATURES = DATA / "features"
RESOURCES = DATA / "resources"


def main() -> None:
    """Trains vectors, reads them from a file, or says that there are none."""
    settings = NetworkSettings.load()
    chosen = settings.text.vectors
    for corpus in sorted(settings.enabled):
        if settings.text_for(corpus).vectors != chosen:
            raise ValueError(
                f"{PARAMS}: corpora.{corpus}.text.vectors: one table serves all corpora; set text.vectors"
            )
    path = FEATURES / "vocabulary.parquet"
    vocabulary, table = Vocabulary.load(path), None
    if chosen.source == "train":
        table = train_vectors(
            [part for corpus in sorted(settings.enabled) for part in _parts(corpus)],
            vocabulary,
            chosen,
            settings.text.features,
            settings.model.width,
            settings.seed,
        )
    elif chosen.source == "file":
        table = read_vectors(
            RESOURCES, chosen.file, vocabulary, settings.model.width, settings.text.features.stem
        )
    algorithm = chosen.algorithm if chosen.source == "train" else None
    facts = describe_vectors(table, chosen.source, algorithm, file_sha256(path))
    shutil.rmtree(FOLDER, ignore_errors=True)
    save_vectors(FOLDER, table, facts)
    write_json(REPORTS / "stages" / "vectors.json", facts)
    print(
        f"vectors: source {chosen.source}"
        + ("" if table is None else f", {facts['words']:,} words, {facts['coverage']:.1%} of the vocabulary")
    )


def _parts(corpus: str) -> list[FeaturePart]:
    count = len(read_manifest(FEATURES / corpus).parts)
    return [FeaturePart.load(FEATURES / corpus, index) for index in range(count)]


if __name__ == "__main__":
    run_stage(main)
