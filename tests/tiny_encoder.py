"""A BERT of two layers with random weights, made on the spot: a folder as users have it, in English and Chinese."""

import json
from pathlib import Path

import pytest

WORDS = ["the", "cat", "sat", "good", "bad", "film", "##s", "##ing", "walk", "a", "an", ".", ",", "!"]
CHARACTERS = list("我们喜欢这部电影不好看北京大学")
WIDTH = 16


def make_encoder(folder: Path, *, seed: int = 0, prefix: str = "", **config: object) -> Path:
    """Write the folder of a tiny BERT; `prefix`: what the names of its tensors begin with."""
    pytest.importorskip("transformers", reason="needs the extra pretrained")
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [c for letter in "abcdefghijklmnopqrstuvwxyz" for c in (letter, f"##{letter}")]
    vocabulary = list(dict.fromkeys([*special, *WORDS, *letters, *CHARACTERS]))
    ids = {piece: i for i, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    fields = {
        "vocab_size": len(vocabulary),
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
    }
    torch.manual_seed(seed)
    model = BertModel(BertConfig(**fields), add_pooling_layer=False)
    # the random start of transformers is so small that all vectors are alike
    weights = {f"{prefix}{name}": w * 5 if w.ndim > 1 else w for name, w in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: w.contiguous() for name, w in weights.items()}, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **fields, **config}))
    (folder / "LICENSE").write_text("free as in test\n")
    return folder
