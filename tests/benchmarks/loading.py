"""A benchmark's program as a module, for tests of its functions."""

import importlib.util
import sys
from pathlib import Path
from typing import Any


def load_benchmark(file: Path) -> Any:
    """Return the module of a file of benchmarks/, imported with its neighbours as when it is run."""
    sys.path.insert(0, str(file.parent))
    try:
        spec = importlib.util.spec_from_file_location(f"benchmark_{file.stem}", file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    return module
