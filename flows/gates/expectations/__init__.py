"""The project's own expectations, one a file.

Importing this package makes them known to Great Expectations, by the snake-case names of their classes; a new file needs its
line here.
"""

from flows.gates.expectations.population_stability import ExpectColumnPopulationStabilityIndexToBeBelow

__all__ = ["ExpectColumnPopulationStabilityIndexToBeBelow"]
