"""A bundle that all tests of scoring share."""

from pathlib import Path

import pytest

from tests import tiny_corpora


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a saved bundle, which no test may change."""
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))
