"""Orchestration: the stages of dvc.yaml, gates, flows and command lines around the library `mgm`.

Prefect, DVC and torch read the environment when they are imported, so that its defaults must be set before any of them. Every
entry point is a module of this package, which Python imports first: here is the one place that comes early enough.
"""

from flows import environment

environment.set_defaults()
