"""params.yaml as typed settings, a file a section.

Import a section from its own module: a stage depends on the modules that it imports, so that a change of one section's code
makes no other stage run again.
"""
