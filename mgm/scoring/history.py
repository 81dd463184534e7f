"""The commits of a table, read from its log: all of them once, or from the newest back as far as they are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from deltalake import DeltaTable

from mgm.scoring.delta import DATE

Commit = Mapping[str, Any]
"""An entry of the log: version, timestamp, operation, and the metadata that it was committed with."""
_FIRST_READ = 16
_GROWTH = 8


def newest_commits(table: DeltaTable) -> Iterator[Commit]:
    """Yield the commits, the newest first.

    The log has a file for each commit, so that reading all of it takes longer with every night. It is read in pieces, each larger than the
    one before, and what is asked about a recent night takes the same time in the first year and in the tenth.
    """
    limit, num_seen = _FIRST_READ, 0
    while True:
        commits = table.history(limit)
        yield from commits[num_seen:]
        if len(commits) < limit:
            return
        limit, num_seen = limit * _GROWTH, limit


@dataclass(frozen=True)
class TableHistory:
    """All commits that a table's log has, the newest first."""

    commits: Sequence[Commit]

    @classmethod
    def read(cls, table: DeltaTable) -> "TableHistory":
        """Read the whole log, once."""
        return cls(table.history())

    @cached_property
    def is_cleaned(self) -> bool:
        """Whether the first entries of the log are gone."""
        return all(commit["version"] for commit in self.commits)

    @cached_property
    def versions(self) -> dict[str, list[int]]:
        """The versions that replaced the rows of a date, by date, the newest first."""
        versions: dict[str, list[int]] = {}
        for commit in self.commits:
            if DATE in commit:
                versions.setdefault(commit[DATE], []).append(int(commit["version"]))
        return versions

    def last_version_with(self, day: str, version: int) -> int | None:
        """Return the last version that holds the rows that `version` wrote of a date; None: no later one has replaced them.

        It is the one before the rows were replaced, and not `version`: compaction puts rows into other files in between, and the files
        that `version` wrote may be gone since.
        """
        later = [v for v in self.versions.get(day, []) if v > version]
        return min(later) - 1 if later else None

    def last_versions_of_replaced(self) -> list[int]:
        """Return the versions in which the rows of all replaced revisions can be read, in their order."""
        return sorted({newer - 1 for versions in self.versions.values() for newer in versions[:-1]})
