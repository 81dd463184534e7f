"""`mgm serve`: a model that answers over HTTP."""
