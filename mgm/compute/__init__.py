"""Where work on parts is done: in this process, in local processes, or by the workers of a Ray cluster."""
