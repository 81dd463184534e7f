"""The settings from cleaning to features."""

from typing import Any

from pydantic import ValidationError

from mgm.settings.core import PARAMS, CoreSettings
from mgm.settings.names import error_lines, merge_sections
from mgm.settings.text import TextSettings


class TextPipelineSettings(CoreSettings):
    """The settings from cleaning to features, of all corpora and of each."""

    text: TextSettings = TextSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        for name in self.corpora:
            self._merge_text(name, where)

    def _merge_text(self, corpus: str, where: str) -> TextSettings:
        merged = merge_sections(self.text.model_dump(), self.corpora[corpus].text)
        try:
            return TextSettings.model_validate(merged)
        except ValidationError as error:
            raise ValueError(
                error_lines(error, TextSettings, where=f"{where}: corpora.{corpus}.text")
            ) from error

    def text_for(self, corpus: str | None) -> TextSettings:
        """Return the text settings of a corpus: the general ones with the corpus's overrides. None: the general ones."""
        return self.text if corpus is None else self._merge_text(corpus, str(PARAMS))

    def require_common(self, section: str) -> None:
        """Check that no enabled corpus overrides a section of `text` that all corpora share, such as `features`.

        Raises:
            ValueError: one does.
        """
        for corpus in sorted(self.enabled):
            if getattr(self.text_for(corpus), section) != getattr(self.text, section):
                raise ValueError(
                    f"{PARAMS}: corpora.{corpus}.text.{section}: all corpora share it; set text.{section}"
                )
