"""The sections `score` and `storage`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mgm.settings.corpora import FileSettings
from mgm.settings.references import TaskName
from mgm.settings.section import Section

RejectValues = Literal["plain", "sealed", "none"]


class StorageSettings(Section):
    """Object stores (the extra `s3`)."""

    encryption: Literal["AES256", "aws:kms"] | None = None
    """Encryption that S3 is asked for, in the tables of nights and in DVC's remotes: AES256 (SSE-S3), aws:kms (SSE-KMS); null: what the bucket does."""
    kms_key: str | None = Field(default=None, min_length=1)
    """Key of `aws:kms`, by its id, ARN or alias; null: the key that AWS keeps for the account."""

    @model_validator(mode="after")
    def _key_is_used(self) -> Self:
        if self.kms_key is not None and self.encryption != "aws:kms":
            raise ValueError(
                f"kms_key {self.kms_key!r}: expected encryption: aws:kms, found {self.encryption or 'null'}"
            )
        return self


class ScoreSettings(Section):
    """Nightly scoring. Paths are relative to the project's folder."""

    input: str = "incoming/{date}.jsonl"
    """Documents of a night: a file, a folder or s3://bucket/key; {date} is replaced by the date."""
    format: FileSettings = FileSettings()
    """Format of these files, unless they are read as a corpus."""
    max_unpacked: float = Field(default=100.0, gt=0)
    """Maximum size in gigabytes (10^9 bytes) of a compressed or Parquet file after unpacking; a larger one stops the night."""
    table: str = Field(default="data/scored/predictions", min_length=1)
    """Delta table of predictions, partitioned by date: a folder or s3://bucket/prefix."""
    rejects: str = Field(default="data/scored/rejects", min_length=1)
    """Delta table of rejects."""
    reject_values: RejectValues = "plain"
    """The raw documents in the rejects' column `values`: plain; sealed: with the key that seals bundles; none: left out."""
    staging_dir: str = Field(default="data/scored/nights", min_length=1)
    """Folder for the verdict and the summary of each night, and for its shards until they are committed."""
    rows_per_shard: int = Field(default=20_000, ge=1)
    """Maximum number of documents of a shard, which is scored completely or not at all; it also ends after 64 MB of text."""
    rows_per_batch: int = Field(default=10_000, ge=1)
    """Number of documents that the model processes at once."""
    threads: int = Field(default=1, ge=1)
    """Number of threads that score in this process, without `compute.ray`, each `rows_per_batch` documents; each takes about half a gigabyte."""
    max_failed_documents: int = Field(default=100, ge=1)
    """Maximum number of documents of a shard for which the model may fail; more stop the night."""
    calibrate: bool = False
    """Whether scores are calibrated with the bundle's temperatures, for tasks that choose labels of documents; labels stay the same."""
    abstain: dict[str, Annotated[float, Field(gt=0, lt=1)]] = {}
    """Each task and the precision on validation that its labels must have; below the score that reaches it there is none (null)."""
    tasks: Literal["all"] | list[TaskName] = "all"
    """Tasks to score: a list, or all; all includes generation tasks only if the bundle has no others."""
    nights_at_once: int = Field(default=1, ge=1)
    """Number of nights that a backfill scores in parallel, each in a process with a copy of the model."""

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        if "{date}" not in self.input:
            raise ValueError(
                f"input {self.input!r}: expected {{date}} in it, or every night would read the same documents"
            )
        if self.table.rstrip("/") == self.rejects.rstrip("/"):
            raise ValueError(f"table and rejects are both {self.table!r}; expected two places")
        return self
