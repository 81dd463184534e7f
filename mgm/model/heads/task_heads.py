"""The heads of all tasks of a network."""

from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from mgm.model.heads.head import HEADS, Head
from mgm.tasks import Task


class TaskHeads(nn.Module):
    """Heads by task, not in an nn.ModuleDict, which refuses names such as `type` or `a.b`."""

    def __init__(self, tasks: Sequence[Task], widths: Mapping[str, int]) -> None:
        """Make the head of each task, which reads vectors of the width that `widths` gives for the task."""
        super().__init__()
        self.names = [task.name for task in tasks]
        self.modules_in_order = nn.ModuleList(
            HEADS[task.kind](widths[task.name], task.labels) for task in tasks
        )

    def __getitem__(self, task: str) -> Head:
        head = self.modules_in_order[self.names.index(task)]
        assert isinstance(head, Head)
        return head

    def __contains__(self, task: object) -> bool:
        return task in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def items(self) -> Iterator[tuple[str, Head]]:
        """Yield each task and its head, in the order of the tasks."""
        return ((name, self[name]) for name in self.names)
