"""mgm: one multi-task, multi-granularity model for a team's text corpora."""
