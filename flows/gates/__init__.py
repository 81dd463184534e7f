"""The data gates: suites of Great Expectations, and what runs them."""
