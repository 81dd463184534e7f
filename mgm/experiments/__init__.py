"""Studies of variants, cross-validation, and optional methods. Only the report depends on this package."""
