"""The JSON schema of params.yaml."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flows.params_schema import MODELINE, SCHEMA, schema_text
from mgm.settings.yaml_file import load_yaml

PARAMS = Path("params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def params() -> dict[str, Any]:
    return load_yaml(PARAMS)


def problems(params: dict[str, Any]) -> list[str]:
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    return [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(params)
    ]


def test_the_file_is_the_schema_of_the_present_settings() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run python -m flows.params_schema"


def test_params_yaml_names_its_schema_and_fits_it(params: dict[str, Any]) -> None:
    assert PARAMS.startswith(f"{MODELINE}\n")
    assert problems(params) == []


def test_a_misspelt_setting_a_wrong_value_and_an_unknown_kind_do_not_fit(params: dict[str, Any]) -> None:
    params["train"]["epoch"] = 3
    params["text"]["cleaning"]["unicode"] = "nfd"
    params["tasks"]["module"] = {"kind": "clasification", "corpora": ["help"]}
    listed = "\n".join(problems(params))
    assert "$.train: Additional properties are not allowed ('epoch' was unexpected)" in listed
    assert "$.text.cleaning.unicode: 'nfd' is not one of ['nfc', 'nfkc', 'none']" in listed
    assert "$.tasks.module.kind: 'clasification' is not one of" in listed
