"""The section `score`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mgm.settings.corpora import FileSettings
from mgm.settings.references import TaskName
from mgm.settings.section import Section


class RaySettings(Section):
    """Workers of a Ray cluster (the extra `ray`); the results are the same."""

    address: str | None = Field(default=None, min_length=1)
    """null: in this process; local: a cluster of this machine; else host:port or ray://host:port."""
    require_token: bool = True
    """Whether a cluster of other machines is refused unless it asks for Ray's token."""
    workers: int = Field(default=2, ge=1)
    """Processes, each with a copy of the model."""
    cpus: float = Field(default=1.0, gt=0)
    """CPUs of a worker, which is also the number of its threads."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs of a worker; 0.25: four share one."""


class ScoreSettings(Section):
    """Nightly scoring. Places are relative to the project's folder."""

    input: str = "incoming/{date}.jsonl"
    """A night's documents: a file, a folder or s3://bucket/key with {date} in it."""
    format: FileSettings = FileSettings()
    """How they are written, where they are not read as a corpus."""
    max_unpacked: float = Field(default=100.0, gt=0)
    """Gigabytes (10^9 bytes) that a compressed or Parquet file of documents may unpack to; a larger one stops the night."""
    table: str = Field(default="data/scored/predictions", min_length=1)
    """Delta table of predictions, partitioned by date: a folder or s3://bucket/prefix."""
    rejects: str = Field(default="data/scored/rejects", min_length=1)
    """Delta table of rejects."""
    staging_dir: str = Field(default="data/scored/nights", min_length=1)
    """Folder of a night's verdict, summary, and shards until they are committed."""
    rows_per_shard: int = Field(default=20_000, ge=1)
    """Documents of a shard, which is scored whole or not at all; 64 MB of text end it, too."""
    rows_per_batch: int = Field(default=10_000, ge=1)
    """Documents that the model reads at once."""
    threads: int = Field(default=1, ge=1)
    """Shards scored side by side in this process, without `ray`; each more takes half a gigabyte."""
    max_failed_documents: int = Field(default=100, ge=1)
    """Documents of a shard that the model may fail for; more stop the night."""
    tasks: Literal["all"] | list[TaskName] = "all"
    """A list, or all; generation tasks are in all only where the bundle has no others."""
    ray: RaySettings = RaySettings()
    nights_at_once: int = Field(default=1, ge=1)
    """Nights that a backfill scores side by side, each in a process with a copy of the model."""

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        if "{date}" not in self.input:
            raise ValueError(
                f"input {self.input!r}: expected {{date}} in it, or every night would read the same documents"
            )
        if self.table.rstrip("/") == self.rejects.rstrip("/"):
            raise ValueError(f"table and rejects are both {self.table!r}; expected two places")
        return self
