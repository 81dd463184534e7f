"""The wide part: a linear model of n-grams beside the network."""
