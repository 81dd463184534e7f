"""Studies of variants, cross-validation, and optional methods. No other room of the library depends on this one, the report apart."""
