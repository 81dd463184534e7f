"""Write the JSON schema of params.yaml, by which editors complete and check it: `python -m flows.params_schema`.

`--check` only compares. The schema is made from the typed settings. What they check beyond it, such as that a task names a corpus
that there is, only `Settings.load` finds.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from flows.errors import exit_status
from flows.generated_files import update_files
from mgm.files import to_json
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
    """Run the command line and return the exit code: with `--check` 1 where a file is not as it should be."""
    return exit_status(
        lambda: update_files(lambda: {SCHEMA: schema_text()}, "flows.params_schema", arguments=arguments)
    )


if __name__ == "__main__":
    sys.exit(main())
