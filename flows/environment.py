"""The environment that Prefect, DVC, Great Expectations, Ray and torch run in.

Usage statistics are off, and Prefect's database stays inside the project (`.prefect` in its folder).
"""

import os
from pathlib import Path

from flows.project_root import find_root

STATISTICS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""The switches of usage statistics, off."""
GUARDS = {
    "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "http://127.0.0.1:4200,http://localhost:4200",
}
"""What keeps web pages from a Prefect server that this machine runs, as in prefect.toml."""
DEFAULTS = {
    **STATISTICS,
    **GUARDS,
    # A temporary server on a busy machine of two cores can need more than Prefect's 20 seconds.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    # Threads of torch that wait for one another sleep (OpenMP of GCC, and of LLVM and Intel). Awake they keep a processor from the
    # thread that they wait for: beside other work two threads trained 5 to 8 times slower than asleep, and took 3.5 times the
    # processor seconds.
    "GOMP_SPINCOUNT": "0",
    "KMP_BLOCKTIME": "0",
}


def set_defaults() -> None:
    """Set the variables that the user has not set."""
    here = Path.cwd()
    os.environ.setdefault("PREFECT_HOME", str((find_root(here) or here) / ".prefect"))
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
