"""The section `score`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mgm.settings.section import Section


class RaySettings(Section):
    """Where shards are scored: in this process, or by workers of a Ray cluster."""

    address: str | None = Field(default=None, min_length=1)
    """null: in this process; `local`: on a cluster of this machine, for the run alone; else a cluster's host:port,
    or ray://host:port."""
    workers: int = Field(default=2, ge=1)
    """Processes, each with a copy of the model."""
    cpus: float = Field(default=1.0, gt=0)
    """CPUs of one worker, the number of its threads too."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs of one worker; 0.25: four share one."""


class ScoreSettings(Section):
    """Nightly scoring. Places are relative to the project's folder."""

    input: str = "incoming/{date}.jsonl"
    """A night's documents: a path or an s3:// address with {date} in it."""
    table: str = Field(default="data/scored/predictions", min_length=1)
    """The Delta table of predictions: a folder or an s3:// address."""
    rejects: str = Field(default="data/scored/rejects", min_length=1)
    """The Delta table of rejects."""
    staging_dir: str = Field(default="data/scored/nights", min_length=1)
    """The folder of what is kept beside a night: the gate's verdict, the summary, and its shards until it is committed."""
    rows_per_shard: int = Field(default=20_000, ge=1)
    """Documents of a shard, which is scored whole or not at all; 64 MB of text end it before."""
    rows_per_batch: int = Field(default=10_000, ge=1)
    threads: int = Field(default=1, ge=1)
    """Shards scored at a time in this process, each by one thread; without `ray`."""
    max_failed_documents: int = Field(default=100, ge=1)
    """More documents of a shard that the model fails for stop the night: then it is the model that is broken."""
    tasks: Literal["all"] | list[str] = "all"
    """All: those of the bundle, generation tasks only where it has no others."""
    ray: RaySettings = RaySettings()
    nights_at_once: int = Field(default=1, ge=1)
    """Nights that a backfill scores at a time, each in a process with a copy of the model."""

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        if "{date}" not in self.input:
            raise ValueError(
                f"input {self.input!r}: expected {{date}} in it, or every night would read the same documents"
            )
        if self.table.rstrip("/") == self.rejects.rstrip("/"):
            raise ValueError(f"table and rejects are both {self.table!r}; expected two places")
        return self
