"""The commands of `mgm`, a module each: `flows/commands/NAME.py` has a function `NAME` whose signature and docstring are the help.

`flows/cli.py` lists them. All of them are imported for `mgm --help`, so that what takes time to import (torch, Polars, Prefect,
DVC) is imported within the function. A function returns the exit code, or None where it is done; wrong input is a ValueError or
an OSError, whose message is printed in one line.
"""
