"""The docstrings of large libraries: real English texts with many near copies, of which none is kept here."""

import ast
import importlib.util
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "sklearn", "polars", "torch", "ray")
MIN_DOCSTRING = 100
"""The least characters of a docstring."""


def read_docstrings() -> list[str]:
    """The docstrings of `LIBRARIES`, each once."""
    texts = {}
    for name in LIBRARIES:
        (folder,) = importlib.util.find_spec(name).submodule_search_locations
        for file in sorted(Path(folder).rglob("*.py")):
            try:
                tree = ast.parse(file.read_text(encoding="utf-8"))
            except SyntaxError:  # of a newer Python, in tests
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    texts[ast.get_docstring(node) or ""] = None
    return [text for text in texts if len(text) >= MIN_DOCSTRING]
