"""How long files of the tables of nights are kept."""

MIN_DAYS = 1
"""The least age of a file that may be removed: a run that is not committed yet, or a reader of an older version, may need a younger one."""

DEFAULT_DAYS = 7
"""The age from which files that nothing needs are removed, where no other is given."""
