"""Numbers as reports hold them."""

import math

DECIMALS = 4


def rounded(value: float) -> float | None:
    """To DECIMALS; no value (nan): null."""
    return None if math.isnan(value) else round(float(value), DECIMALS) + 0.0  # no -0.0
