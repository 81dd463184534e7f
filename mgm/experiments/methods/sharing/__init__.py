"""Optional ways in which tasks share the network."""
