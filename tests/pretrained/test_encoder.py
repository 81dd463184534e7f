"""The vectors of a pretrained encoder: shapes, windows, alignment, and independence of a batch's other documents."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import ARCHITECTURES, EncoderFiles, encoder_sha256
from mgm.pretrained.pieces import PieceTokenizer, align, join_words
from mgm.settings.model import PretrainedSettings
from mgm.text.features import FeaturePart
from tests.tiny_encoder import WIDTH, make_encoder


def settings(**values: object) -> PretrainedSettings:
    return PretrainedSettings.model_validate(
        {"enabled": True, "path": "tiny", "window_pieces": 12, "max_pieces": 40, **values}
    )


def documents(*words: list[tuple[str, int, int]]) -> FeaturePart:
    """Documents of words with their bounds in the raw text."""
    spelling = list(dict.fromkeys(w for document in words for w, _, _ in document))
    return FeaturePart(
        pl.DataFrame(
            {
                "word": [[spelling.index(w) for w, _, _ in document] for document in words],
                "start": [[start for _, start, _ in document] for document in words],
                "end": [[end for _, _, end in document] for document in words],
            },
            schema={"word": pl.List(pl.Int32), "start": pl.List(pl.Int32), "end": pl.List(pl.Int32)},
        ),
        pl.DataFrame({"text": spelling}),
    )


@pytest.fixture(scope="module")
def encoder(encoder_folder: Path) -> PretrainedEncoder:
    return PretrainedEncoder.load(encoder_folder, settings())


TEXTS = ["The cat sat.", "", "good films " * 9, "我们喜欢这部电影", "bad" * 30, "a cat walks, the cat sat!"]


def test_document_does_not_see_its_batch(encoder: PretrainedEncoder) -> None:
    together = encoder.encode_texts(TEXTS)
    assert together.shape == (len(TEXTS), WIDTH) and together.dtype == np.float32
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(together[0] - together[5]).max() > 0.01


def test_document_of_one_window_is_that_of_transformers(
    encoder: PretrainedEncoder, encoder_folder: Path
) -> None:
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(encoder_folder, add_pooling_layer=False, local_files_only=True).eval()
    pieces = encoder.tokenizer.split(["the cat sat"], [np.zeros((0, 2), np.int64)], max_pieces=40)
    ids = [*encoder.tokenizer.leading, *pieces.ids.tolist(), *encoder.tokenizer.trailing]
    with torch.inference_mode():
        hidden = model(torch.tensor([ids])).last_hidden_state[0]
    np.testing.assert_allclose(encoder.encode_texts(["the cat sat"])[0], hidden.mean(0), atol=1e-5)
    first = PretrainedEncoder.load(encoder_folder, settings(pooling="first"))
    np.testing.assert_allclose(first.encode_texts(["the cat sat"])[0], hidden[0], atol=1e-5)


def test_long_document_is_the_mean_of_its_windows(encoder: PretrainedEncoder) -> None:
    """A window of 12 pieces has room for 10 of a text; both windows here are full, so that they weigh the same."""
    halves = ["good bad film the cat a an . , !", "cat cat cat film film bad the the sat sat"]
    whole, *parts = encoder.encode_texts([" ".join(halves), *halves])
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), atol=1e-5)


def test_words_are_the_means_of_their_pieces(encoder: PretrainedEncoder) -> None:
    """`walking` is two pieces, a Chinese word one for each character; a word that is cut off has the vector 0."""
    part = documents(
        [("Walking", 0, 7), ("cats", 8, 12), (".", 12, 13)],
        [("北京", 0, 2), ("大学", 2, 4)],
        [("a", 5, 6)] * 41,
    )
    texts, bounds = join_words(part)
    assert texts[:2] == ["Walking cats.", "北京大学"]
    assert [texts[0][a:b] for a, b in bounds[0]] == ["Walking", "cats", "."]
    pieces = encoder.tokenizer.split(texts, bounds, max_pieces=40)
    assert pieces.count.tolist() == [5, 4, 40]
    assert list(zip(pieces.start, pieces.stop, strict=True))[:5] == [(0, 2), (2, 4), (4, 5), (0, 2), (2, 4)]
    vectors, words = encoder.encode(pieces, with_words=True)
    assert words is not None and words.shape == (3 + 2 + 41, WIDTH) and words.dtype == np.float16
    import torch

    hidden, pooled = encoder(torch.from_numpy(pieces.ids[:5]), torch.tensor([5]))
    np.testing.assert_allclose(words[0], hidden[:2].mean(0).detach(), atol=2e-3)
    np.testing.assert_allclose(vectors[0], pooled[0].detach(), atol=1e-5)
    assert not words[-1].any() and words[-2].any()


def test_prefix_is_read_and_belongs_to_no_word(encoder_folder: Path, encoder: PretrainedEncoder) -> None:
    with_prefix = PretrainedEncoder.load(encoder_folder, settings(prefix="a film, "))
    part = documents([("good", 0, 4)])
    texts, bounds = join_words(part, "a film, ")
    pieces = with_prefix.tokenizer.split(texts, bounds, max_pieces=40)
    assert (pieces.start.tolist(), pieces.stop.tolist()) == ([3], [4])
    np.testing.assert_allclose(
        with_prefix.encode_texts(["good"]), encoder.encode_texts(["a film, good"]), atol=1e-5
    )


def test_piece_over_two_words_belongs_to_both() -> None:
    """As pieces of SentencePiece do, which also begin with the blank before a word."""
    start, stop = align(
        np.array([[0, 3], [3, 8], [8, 8], [9, 10]]), np.array([[0, 2], [2, 3], [4, 8], [9, 9]])
    )
    assert list(zip(start.tolist(), stop.tolist(), strict=True)) == [(0, 1), (0, 1), (1, 2), (3, 3)]


def test_tensors_under_the_name_of_the_architecture(tmp_path: Path, encoder: PretrainedEncoder) -> None:
    named = PretrainedEncoder.load(make_encoder(tmp_path / "e", prefix="bert."), settings())
    np.testing.assert_array_equal(named.encode_texts(TEXTS[:1]), encoder.encode_texts(TEXTS[:1]))


def test_licence_and_hash_of_a_folder(tmp_path: Path, encoder_folder: Path) -> None:
    files = EncoderFiles.read(encoder_folder)
    assert files.licences == {"LICENSE": b"free as in test\n"}
    assert files.sha256 == encoder_sha256(make_encoder(tmp_path / "same"))
    assert files.sha256 != encoder_sha256(make_encoder(tmp_path / "other", seed=1))


def _remove(name: str):
    return lambda folder: (folder / name).unlink()


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _configured(**fields: object):
    return lambda folder: make_encoder(folder, **fields)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            _pickled,
            "model.safetensors: missing; the folder has pytorch_model.bin, which is not read: expected the weights in one "
            "file of safetensors",
            id="pickled weights",
        ),
        pytest.param(_remove("tokenizer.json"), "tokenizer.json: missing; other forms", id="no tokenizer"),
        pytest.param(_remove("config.json"), "config.json: missing; expected the folder", id="no config"),
        pytest.param(
            _configured(model_type="gpt2"),
            "config.json: model_type: 'gpt2': no encoder that is read; expected one of bert, ",
            id="another architecture",
        ),
        pytest.param(
            _configured(num_hidden_layers=3),
            "model.safetensors: encoder.layer.2.attention.self.query.weight: missing; expected the tensors of the encoder",
            id="fewer layers than the config has",
        ),
        pytest.param(
            _configured(intermediate_size=48), "shape [32, 16]; expected [48, 16], as config.json says", id="other widths"
        ),
        pytest.param(_configured(vocab_size=7), "pieces; expected at most 7, as config.json says", id="pieces"),
        pytest.param(
            _configured(max_position_embeddings=8),
            "model.pretrained.window_pieces: 12; expected at most 8, which the encoder",
            id="shorter than a window",
        ),
        pytest.param(
            lambda folder: (folder / "model.safetensors").write_bytes(b"no tensors"),
            "model.safetensors: no file of safetensors",
            id="no safetensors",
        ),
        pytest.param(
            lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json: not that of a tokenizer", id="no pieces"
        ),
    ],
)  # fmt: skip
def test_folder_that_is_no_encoder(tmp_path: Path, spoil, message: str) -> None:
    folder = make_encoder(tmp_path / "tiny")
    spoil(folder)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        PretrainedEncoder.load(folder, settings())
    assert message in str(error.value) and "\n" not in str(error.value)


def test_code_of_a_folder_is_not_run(tmp_path: Path) -> None:
    folder = make_encoder(
        tmp_path / "tiny", auto_map={"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}
    )
    (folder / "evil.py").write_text("raise SystemExit('run')\n")
    assert PretrainedEncoder.load(folder, settings()).width == WIDTH


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder; expected that of an encoder"):
        PretrainedEncoder.load(tmp_path / "none", settings())


@pytest.mark.parametrize("path", [None, "", "../x", "/tmp/x"])
def test_path_below_the_folder_of_encoders(path: str | None) -> None:
    with pytest.raises(ValueError, match="path: .*data/encoders"):
        settings(path=path)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_reads_as_transformers_does(tmp_path: Path, architecture: str) -> None:
    """Also positions that begin after the padding, other names of widths, and layers that are trained."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModel

    folder = make_encoder(tmp_path / "tiny")
    tokenizer = PieceTokenizer((folder / "tokenizer.json").read_text())
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    if architecture == "distilbert":
        sizes = {"dim": WIDTH, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    config = AutoConfig.for_model(
        architecture, **sizes, vocab_size=200, max_position_embeddings=40, pad_token_id=0
    )
    torch.manual_seed(0)
    model = AutoModel.from_config(config).eval()
    save_file(
        {name: w.contiguous() * (3 if w.ndim > 1 else 1) for name, w in model.state_dict().items()},
        folder / "model.safetensors",
    )
    config.save_pretrained(folder)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    encoder = PretrainedEncoder.load(folder, settings(train="last_k", last_k=1))
    assert (encoder.width, EncoderFiles.read(folder).width) == (WIDTH, WIDTH)
    texts = ["the cat sat", "a bad film!"]
    found = encoder.encode_texts([*texts, "good " * 9])[:2]
    for text, vector in zip(texts, found, strict=True):
        own = tokenizer.split([text], [np.zeros((0, 2), np.int64)], max_pieces=40).ids.tolist()
        ids = torch.tensor([[*tokenizer.leading, *own, *tokenizer.trailing]])
        with torch.inference_mode():
            hidden = model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        np.testing.assert_allclose(vector, hidden.mean(0), atol=1e-5)
    encoder.choose_trained_layers()
    (layer,) = encoder.trained_layers()
    assert {id(p) for p in layer} == {id(p) for p in encoder.layers[-1].parameters()}
