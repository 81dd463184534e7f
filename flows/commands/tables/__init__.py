"""The commands below `mgm tables`."""
