"""What Prefect, DVC and torch read from the environment: imported before them, it sets what the user has not.

Usage statistics are off, and Prefect's database stays inside the project (`.prefect` in the working directory).
"""

import os
from pathlib import Path

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PREFECT_HOME": str(Path.cwd() / ".prefect"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A temporary server on a busy machine of two cores has been seen to need more than Prefect's 20 seconds.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    # How long a thread of torch waits awake for the others. By default so long that two busy processes, which kept a
    # core from whom it waited for, made training 15 times slower; with this 3 to 7 times, and alone it is as fast.
    "GOMP_SPINCOUNT": "10000",
}

for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)
