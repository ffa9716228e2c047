"""Whose turn it is: kinds of work share a thread by time, so that long ones do not keep short ones waiting."""

from collections import deque
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue for each kind. Of those in which something waits, the one that has used the least time is next; within a
    kind, order of arrival. What a kind did not use while nothing of it waited is not saved up. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queues: dict[str, deque[T]] = {}
        self._used: dict[str, float] = {}
        self._now = 0.0
        """What the kind whose turn was last had used: where one that comes back begins."""

    def put(self, kind: str, item: T) -> None:
        with self._lock:
            queue = self._queues.setdefault(kind, deque())
            if not queue:
                self._used[kind] = max(self._now, self._used.get(kind, 0.0))
            queue.append(item)

    def take(self) -> tuple[str, T] | None:
        """(kind, item), or None where nothing waits."""
        with self._lock:
            waiting = [kind for kind, queue in self._queues.items() if queue]
            if not waiting:
                return None
            kind = min(waiting, key=self._used.__getitem__)
            self._now = self._used[kind]
            return kind, self._queues[kind].popleft()

    def charge(self, kind: str, seconds: float) -> None:
        """Work of that kind has taken so long."""
        with self._lock:
            self._used[kind] += seconds
