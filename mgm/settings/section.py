"""The base of all sections of params.yaml."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of params.yaml: an unknown key is an error, and values do not change.

    A setting is documented by the string below it. The first line of that is also the setting's comment in params.yaml
    (flows/params_comments.py).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
