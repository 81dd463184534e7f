"""Expectations in words, from Great Expectations' own renderers of its Data Docs."""

import json
from collections.abc import Mapping
from functools import cache
from string import Template
from typing import Any


def describe_expectation(kind: str, kwargs: Mapping[str, Any]) -> str:
    """Return a sentence such as "lang values must never be null."; the name where Great Expectations has no sentence.

    Args:
        kind: the expectation's type, `expect_...`.
        kwargs: its arguments, with the values of parameters.
    """
    return _render(kind, json.dumps(kwargs, sort_keys=True))


@cache
def _render(kind: str, kwargs: str) -> str:
    """Return the sentence, once for equal arguments: rendering costs as much as the validation."""
    # Imported here, as in engine.py, since it costs seconds.
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer.inline_renderer import InlineRenderer

    configuration = ExpectationConfiguration(type=kind, kwargs=json.loads(kwargs))
    for content in InlineRenderer(render_object=configuration).get_rendered_content():
        rendered: Any = content.value.to_json_dict()
        if rendered.get("template"):
            values = {name: value["value"] for name, value in (rendered.get("params") or {}).items()}
            return Template(rendered["template"]).safe_substitute(values)
    return kind.replace("_", " ")
