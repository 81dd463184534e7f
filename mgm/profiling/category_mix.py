"""The distance between two mixes of categories: Cramer's V, with its noise."""

from collections.abc import Mapping
from dataclasses import dataclass

from mgm.profiling.effect_sizes import cramers_v, cramers_v_noise, root_excess
from mgm.profiling.paired_counts import pair_categories

MAX_NOISE = 0.12
"""If chance alone gives a larger V, the mixes are not compared."""


@dataclass(frozen=True, kw_only=True)
class MixChange:
    """The distance of a mix from its reference: V, its expected value by chance, and V without that."""

    value: float
    noise: float
    excess: float
    n: int
    reference_n: int
    detail: str
    """The categories whose shares changed most."""

    def __str__(self) -> str:
        return (
            f"Cramer's V {self.value:.3f}, {self.excess:.3f} without chance "
            f"(n {self.n:,} and {self.reference_n:,}; {self.detail})"
        )


def compare_mixes(reference: Mapping[str, int], current: Mapping[str, int]) -> MixChange | None:
    """Return the change of the mix of categories; None where either is empty, or both are so small that chance dominates.

    Several labels of one document are not independent, so chance adds more to the V of their mix than `noise`.
    """
    reference_n, n = sum(reference.values()), sum(current.values())
    if not reference_n or not n:
        return None
    pair = pair_categories(reference, current)
    noise = cramers_v_noise(pair.freedom, pair.draws)
    if noise > MAX_NOISE:
        return None
    value = cramers_v(pair.reference, pair.current)
    return MixChange(
        value=value,
        noise=noise,
        excess=root_excess(value, noise),
        n=n,
        reference_n=reference_n,
        detail=pair.largest_changes(),
    )
