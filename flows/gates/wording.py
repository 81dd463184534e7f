"""An expectation in words: those that Great Expectations' own renderers give its Data Docs."""

from collections.abc import Mapping
from string import Template
from typing import Any


def in_words(kind: str, kwargs: Mapping[str, Any]) -> str:
    """A sentence such as "lang values must never be null."; its name where Great Expectations has no sentence.

    Args:
        kind: the expectation's type, `expect_...`.
        kwargs: its arguments, with the values of parameters.
    """
    # Imported here for the reason that runner.py gives.
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer.inline_renderer import InlineRenderer

    configuration = ExpectationConfiguration(type=kind, kwargs=dict(kwargs))
    for content in InlineRenderer(render_object=configuration).get_rendered_content():
        rendered: Any = content.value.to_json_dict()
        if rendered.get("template"):
            values = {name: value["value"] for name, value in (rendered.get("params") or {}).items()}
            return Template(rendered["template"]).safe_substitute(values)
    return kind.replace("_", " ")
