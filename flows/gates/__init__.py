"""The data gates: suites of Great Expectations, and their runner."""
