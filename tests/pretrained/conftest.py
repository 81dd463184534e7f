from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_encoder import make_encoder


@pytest.fixture(scope="session")
def encoder_folder(shared_folder: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return the folder of a tiny BERT, which no test may change."""
    pytest.importorskip("transformers", reason="needs the extra pretrained")
    return shared_folder("tiny_encoder", make_encoder)
