"""Strangers' checkpoints and points, read in a process of their own (`server.reader`)."""

import atexit
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import structlog
from torch import Tensor

from netspace import errors
from netspace.archs import Architecture
from netspace.checkpoint import check_magic, read_network
from netspace.data.clouds import Cloud, cloud_from, read_cloud
from netspace.data.shape_file import kind_of
from netspace.errors import BadPointCloud, NetSpaceError, NotACheckpoint
from server.errors import Unavailable

if TYPE_CHECKING:
    from server.reader import Limits

STARTING_SECONDS = 120.0
"""For importing PyTorch on a slow disk."""
SPARE_SECONDS = 2.0
"""Beyond what a child gets; then the server stops waiting for it."""
KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "HOME", "TMPDIR")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
KINDS = {
    kind.slug: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, NetSpaceError)
}

can_isolate = hasattr(os, "fork") and os.path.exists("/proc/self/task")
"""Whether this platform can fork and limit what a child may use; elsewhere files are checked, then read in place."""


class Loader:
    """Reads files in children of one warm process, which is started again if it dies. Safe to call from any thread."""

    def __init__(self, limits: "Limits | None" = None) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._facts: dict[str, Any] = {}
        if can_isolate:
            from server.reader import Limits

            self.limits = limits or Limits()

    @property
    def pid(self) -> int | None:
        """Of the warm process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begins to warm the process up, without waiting for it."""
        if not can_isolate:
            structlog.get_logger().warning("uploads are read in the server's own process: no fork on this platform")
            return
        with self._lock:
            self._start()

    def facts(self) -> dict[str, Any]:
        """What the warm process says of itself: its `threads`, and whether it can reach a `network`."""
        with self._lock:
            self._start()
            self._wait_until_ready()
            return self._facts

    def read(self, content: bytes) -> tuple[Architecture, Tensor]:
        """As `read_network`, with the file's pickle, zip and JSON parsed elsewhere under limits.

        Raises what `read_network` raises, NotACheckpoint for a file that exceeds a limit, Unavailable if the process
        dies again and again.
        """
        check_magic(content)
        if not can_isolate:
            return read_network(content)
        from server.reader import NETWORK

        return read_network(self._checked(NETWORK, content, NotACheckpoint))

    def read_cloud(self, content: bytes) -> Cloud:
        """As `netspace.data.clouds.read_cloud`, elsewhere and under limits. Raises BadPointCloud and Unavailable."""
        kind_of(content)
        if not can_isolate:
            return read_cloud(content)
        from server.reader import CLOUD

        return cloud_from(self._checked(CLOUD, content, BadPointCloud))

    def _checked(self, wanted: bytes, content: bytes, otherwise: type[NetSpaceError]) -> bytes:
        """What the file holds, as safetensors that a child has written; `otherwise` is raised where it has not."""
        for _ in range(2):
            answer = self._ask(wanted, content)
            if answer[:1] == wanted:
                return answer[1:]
            if answer or not self._has_ended():
                raise self._problem(answer, otherwise)
        raise Unavailable("the process that reads uploads has ended twice; try again in a moment")

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._stop()

    def _problem(self, answer: bytes, otherwise: type[NetSpaceError]) -> NetSpaceError:
        if answer:
            told = json.loads(answer[1:])
            return KINDS.get(told["slug"], otherwise)(told["message"])
        return otherwise(
            f"expected a file that is read in {self.limits.cpu_seconds} seconds and {self.limits.memory >> 20} MiB, "
            "got one that takes more; it was not loaded"
        )

    def _ask(self, wanted: bytes, content: bytes) -> bytes:
        """The child's answer, empty if it was ended."""
        from server.reader import read_all

        ours, theirs = socket.socketpair()
        with ours, theirs:
            if not self._hand_over(theirs):
                return b""
            theirs.close()
            ours.settimeout(self.limits.wall_seconds + SPARE_SECONDS)
            with suppress(OSError):  # an ended child: what it has said, if anything, counts
                ours.sendall(wanted)
                ours.sendall(content)
                ours.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                return read_all(ours)
        return b""

    def _hand_over(self, request: socket.socket) -> bool:
        """Whether the process has taken the socket."""
        with self._lock:
            if not self._alive():
                self._start()
            assert self._control is not None
            try:
                self._wait_until_ready()
                socket.send_fds(self._control, [b"F"], [request.fileno()])
            except OSError:
                self._stop()
                return False
            return True

    def _has_ended(self) -> bool:
        """Whether the warm process is gone; one that was killed this moment takes a moment to be."""
        with suppress(subprocess.TimeoutExpired):
            return self._process is None or self._process.wait(0.5) is not None
        return False

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        if self._alive():
            return
        self._stop()
        ours, theirs = socket.socketpair()
        arguments = [sys.executable, "-P", "-m", "server.reader", str(theirs.fileno()), json.dumps(asdict(self.limits))]
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        with theirs:
            self._process = subprocess.Popen(
                arguments,
                env={**environment, **ONE_THREAD, "PYTHONPATH": path},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._control, self._facts = ours, {}

    def _wait_until_ready(self) -> None:
        """Raises OSError if the process does not come up."""
        if self._facts:
            return
        assert self._control is not None
        self._control.settimeout(STARTING_SECONDS)
        said = self._control.recv(1024)
        if not said:
            raise ConnectionError("the process that reads uploads did not start")
        self._facts = json.loads(said)
        structlog.get_logger().info("uploads are read in a process of their own", pid=self.pid, **self._facts)

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process, self._control, self._facts = None, None, {}


@cache
def shared_loader() -> Loader:
    """The one of this process; it ends with it."""
    loader = Loader()
    atexit.register(loader.close)
    return loader
