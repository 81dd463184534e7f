"""How the losses of tasks are weighted or their gradients aggregated, one way a file."""
