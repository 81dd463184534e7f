"""The words and parts of the model that a prediction follows from, and how faithful such explanations are."""
