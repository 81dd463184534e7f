"""Optional weightings of the tasks' losses."""
