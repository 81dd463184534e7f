"""The pages of the site that are made from the code and from the benchmarks' results."""
