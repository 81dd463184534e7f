"""Stage: features -> the vectors of a pretrained encoder, if any. `python -m flows.stages.encode`.

What the stage left before, finished or not, is its cache: a document whose words and encoder are the same is not computed again.
"""

import logging
import shutil
import time

import torch

from flows.project import ENCODED, ENCODERS, FEATURES, STAGES
from flows.stages.command_line import run_stage
from mgm.corpus.parts import MANIFEST
from mgm.corpus.progress import progress
from mgm.files import file_sha256, write_json
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import find_encoder
from mgm.pretrained.store import (
    FACTS,
    VectorCache,
    copy_encoder,
    corpus_facts,
    encode_corpus,
    encoding_settings,
    num_blocks,
    remove_other_corpora,
)
from mgm.settings.views.training import TrainingSettings
from mgm.training.determinism import deterministic

_logger = logging.getLogger(__name__)


def main() -> None:
    """Encode every enabled corpus, according to the settings; without an encoder, write that there is none."""
    settings = TrainingSettings.load()
    pretrained = settings.model.pretrained
    if not pretrained.enabled:
        shutil.rmtree(ENCODED, ignore_errors=True)
        ENCODED.mkdir(parents=True)
        write_json(ENCODED / FACTS, {"encoder": None})
        write_json(STAGES / "encode.json", {"encoder": None})
        _logger.info("encode: off (model.pretrained.enabled: false)")
        return
    assert pretrained.path is not None
    folder = find_encoder(ENCODERS, pretrained.path)
    encoder = PretrainedEncoder.load(folder, pretrained)
    encoder.to("cuda" if torch.cuda.is_available() else "cpu")
    (ENCODED / FACTS).unlink(missing_ok=True)
    corpora = sorted(settings.enabled)
    remove_other_corpora(ENCODED, corpora)
    cache = VectorCache(ENCODED)
    with deterministic(settings.train.threads):
        for corpus in corpora:
            _encode(corpus, settings, encoder=encoder, cache=cache)
    copy_encoder(folder, ENCODED)
    of_corpora = {
        corpus: corpus_facts(ENCODED, corpus, max_pieces=pretrained.max_pieces) for corpus in corpora
    }
    facts = {
        "encoder": encoder.files.sha256,
        "width": encoder.width,
        "settings": encoding_settings(pretrained),
    }
    write_json(STAGES / "encode.json", facts | {"corpora": of_corpora})
    hashes = {corpus: file_sha256(ENCODED / "corpora" / corpus / MANIFEST) for corpus in corpora}
    write_json(ENCODED / FACTS, facts | {"corpora": hashes})
    if not encoder.files.licences:
        _logger.warning(f"{folder}: no file LICENSE; the bundle will carry the encoder without its licence")


def _encode(
    corpus: str, settings: TrainingSettings, *, encoder: PretrainedEncoder, cache: VectorCache
) -> None:
    with_words = _needs_words(corpus, settings)
    features, start = FEATURES / corpus, time.perf_counter()
    blocks = encode_corpus(features, ENCODED, encoder=encoder, with_words=with_words, cache=cache)
    computed = sum(progress(blocks, f"encoding {corpus}", total=num_blocks(features), unit=" blocks"))
    extent = corpus_facts(ENCODED, corpus, max_pieces=encoder.max_pieces)
    seconds = time.perf_counter() - start
    _logger.info(
        f"encode {corpus}: {extent['documents']:,} documents, {extent['pieces']:,} pieces, {computed:,} documents computed "
        f"in {seconds:.1f} s, {extent['cut_documents']:,} cut at {encoder.max_pieces} pieces"
        f"{', with vectors of words' if with_words else ''}"
    )


def _needs_words(corpus: str, settings: TrainingSettings) -> bool:
    """Return whether training reads vectors of a corpus's words.

    A model that generates text reads them in every document, and so does a task above one that tags words in a cascade.
    """
    tasks = settings.active_tasks()
    if any(task.spec.generates_text for task in tasks):
        return True
    is_cascade = settings.model.sharing == "cascade"
    return any(task.spec.predicts_words for task in tasks if is_cascade or corpus in task.corpora)


if __name__ == "__main__":
    run_stage(main)
