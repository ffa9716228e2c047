"""What differs between spaces of shapes and of classifiers, in one place each: all else asks a `Task`."""

from typing import TYPE_CHECKING

from server.tasks.base import Task
from server.tasks.classifiers import Classifiers
from server.tasks.shapes import Shapes

if TYPE_CHECKING:
    from server.registry import LoadedSpace

TASKS: dict[str, type[Shapes] | type[Classifiers]] = {"sdf": Shapes, "classifier": Classifiers}
"""By `SpaceConfig.task`."""


def task_of(space: "LoadedSpace") -> Task:
    return TASKS[space.space.config.task](space)
