"""The commands of `mgm export`, a module each: files for the tools around mgm."""
