"""A trained model as a user asks it: texts in, a table of predictions out."""
