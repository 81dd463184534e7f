"""Ways in which tasks share the network between the fused vector and their heads, one way a file."""
