"""The section `compute`: where stages and nights are worked on. No result depends on it."""

from pydantic import Field, field_validator

from mgm.settings.section import Section


class RaySettings(Section):
    """Workers of a Ray cluster (the extra `ray`). For stages they need the project's folder at the same path, or `storage`; for nights nothing."""

    address: str | None = Field(default=None, min_length=1)
    """Address of the cluster, host:port or ray://host:port; local: start one on this machine; null: no Ray."""
    storage: str | None = Field(default=None, min_length=1)
    """null: all nodes see the project's folder; else where parts travel to and from nodes that do not: s3://bucket/prefix, or a shared folder."""
    require_token: bool = True
    """Whether a cluster of other machines is refused if it does not require Ray's token."""
    workers: int = Field(default=2, ge=1)
    """Number of worker processes; each works on one part, or scores one shard with a copy of the model, at a time."""
    cpus: float = Field(default=1.0, gt=0)
    """CPUs of each worker, which is also the number of its threads."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs of each worker that scores; 0.25: four workers share one."""
    memory: float | None = Field(default=None, gt=0)
    """Gigabytes (10^9 bytes) that each worker reserves, so that a node starts no more workers than it has memory for; null: none."""

    @field_validator("storage")
    @classmethod
    def _is_address(cls, storage: str | None) -> str | None:
        if (
            storage is not None
            and ":/" in storage
            and not (storage.startswith("s3://") and storage[5:].strip("/"))
        ):
            raise ValueError("expected s3://bucket/prefix, or a folder")
        return storage


class ComputeSettings(Section):
    """Where ingest, clean, deduplicate, tokenize, stopwords, features and nights are worked on; the results are the same."""

    processes: int = Field(default=1, ge=1)
    """Number of processes of this machine that work on the parts of a stage; not used with `ray`."""
    ray: RaySettings = RaySettings()
