"""Learning from teachers' predictions."""
