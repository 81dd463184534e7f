"""The settings by purpose, a view a file. Each imports the sections that it has, and no other."""
