"""Write the JSON schema of params.yaml, by which editors complete and check it: `python -m flows.params_schema`.

`--check` only compares. The schema is made from the typed settings. What they check beyond it, such as that a task names a corpus
that there is, only `Settings.load` finds.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from flows.errors import exit_status
from mgm.files import to_json, write_text
from mgm.settings.settings import Settings

SCHEMA = Path("params.schema.json")
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"
"""The line of a params.yaml that names its schema to editors."""


class _WithoutTitles(GenerateJsonSchema):
    """A schema without titles, which would only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_text() -> str:
    """Return the schema as the text of a file."""
    schema = Settings.model_json_schema(schema_generator=_WithoutTitles)
    return to_json({"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "params.yaml of mgm"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.params_schema", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="only compare; status 1 where the file would change"
    )
    options = parser.parse_args(arguments)

    def run() -> int:
        text = schema_text()
        if SCHEMA.is_file() and SCHEMA.read_text(encoding="utf-8") == text:
            return 0
        if options.check:
            print(f"{SCHEMA}: not the schema of the present settings; run python -m flows.params_schema")
            return 1
        write_text(SCHEMA, text)
        return 0

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())
