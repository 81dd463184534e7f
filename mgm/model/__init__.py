"""The network, one idea a file."""
