"""Weightings of the losses of tasks and aggregations of their gradients, one way a file."""
