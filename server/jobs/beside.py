"""A worker beside the service: started with it, started again when it dies, stopped with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from server.jobs.worker import GRACE
from server.settings import Settings

AGAIN = 2.0
"""Seconds before a worker that has died is started again; twice as many after every death, up to LONGEST."""
LONGEST = 60.0
SPARE = 2.0
"""Seconds that a worker has, beyond its own grace, to close its files."""


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that make a child read the same settings, however this process came by them."""
    own = settings.model_dump(exclude_defaults=True)
    if settings.keep_uploads is not None:
        own["keep_uploads"] = f"{int(settings.keep_uploads.total_seconds())}s"
    return {**os.environ, **{f"NETSPACE_{name.upper()}": str(value) for name, value in own.items()}}


class WorkerBeside:
    """Keeps one worker process alive until `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._environment = environment_of(settings)
        self._stopping = threading.Event()
        self._child = self._start()
        self._thread = threading.Thread(target=self._keep, name="worker-beside", daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "server.jobs", "--of", str(os.getpid())]
        # A session of its own: Ctrl-C is for the service, which then tells the worker.
        return subprocess.Popen(command, env=self._environment, start_new_session=True)

    def _keep(self) -> None:
        wait = AGAIN
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._child.wait()
            wait = AGAIN if time.monotonic() - started > LONGEST else min(2 * wait, LONGEST)
            if self._stopping.wait(wait):
                return
            structlog.get_logger().warning("worker died, starting another", code=code)
            self._child = self._start()

    def ask_to_stop(self) -> None:
        """Tells the worker to hand its jobs back, without waiting for it."""
        self._stopping.set()
        self._child.terminate()

    def stop(self) -> None:
        """Lets the worker hand its jobs back."""
        self.ask_to_stop()
        try:
            self._child.wait(GRACE + SPARE)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._thread.join(AGAIN)


@contextmanager
def worker_beside(settings: Settings) -> Iterator[WorkerBeside | None]:
    """A worker for as long as the block lasts, if the settings want one.

    SIGTERM ends the block like SIGINT does: uvicorn raises it once more when it is done, and by default the process
    would end there and leave the worker behind.
    """
    if not settings.worker:
        yield None
        return
    worker = WorkerBeside(settings)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield worker
    finally:
        signal.signal(signal.SIGTERM, before)
        worker.stop()
