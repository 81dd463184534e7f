"""The stages of dvc.yaml, one file each: read files, call mgm, write files."""
