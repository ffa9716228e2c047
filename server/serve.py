"""Runs the service in this process until it is interrupted, with a worker for its jobs beside it."""

import gc
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from netspace.errors import NetSpaceError
from netspace.runtime import keep_freed_memory
from server.app import create_app
from server.jobs.beside import worker_beside
from server.services import Services
from server.settings import Settings
from server.watch import configure_logs

GRACE = 5
"""Seconds that requests have, when the service stops, before they are cut off."""
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than proxies keep theirs, and than clients are told to wait, so
that none is closed while a request is on its way."""
ARENAS = 2
"""Places in which memory is kept: with one a thread two hundred clients made it grow for as long as they asked."""
LAST = 9.0
"""Seconds after which the process ends whatever still computes: what is not recorded by then nobody was promised."""


class Server(uvicorn.Server):
    """Tells the rest at the first signal, so that streams end and the worker stops while requests are answered."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            self._stop()
            last = threading.Timer(LAST, os._exit, [0])
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)


def settings_or_exit() -> Settings:
    """The environment's; ends the process with a sentence for each value that makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        said = [f"NETSPACE_{item['loc'][0]}".upper() + f": {item['msg']}" for item in error.errors()]
        sys.exit("NetSpace cannot start: " + "; ".join(said))


def open_or_exit(settings: Settings) -> Services:
    """Loads the spaces and opens the database; ends the process with a sentence where that cannot be done."""
    try:
        return Services.open(settings)
    except DBAPIError as error:
        sys.exit(f"NetSpace cannot start: the database cannot be opened (NETSPACE_DATABASE_URL): {error.orig}")
    except (NetSpaceError, SQLAlchemyError, OSError, RuntimeError) as error:
        sys.exit(f"NetSpace cannot start: {error}")


def serve(settings: Settings | None = None) -> None:
    """Serves with `settings`, by default those of the environment. Returns when the process is asked to stop."""
    settings = settings or settings_or_exit()
    keep_freed_memory(ARENAS)
    configure_logs(settings.log_json)
    services = open_or_exit(settings)
    with worker_beside(settings) as worker:

        def stop() -> None:
            services.stopping.set()
            if worker is not None:
                worker.ask_to_stop()

        config = uvicorn.Config(
            create_app(settings, services),
            host=settings.host,
            port=settings.port,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        server = Server(config, stop)
        gc.freeze()  # garbage is not looked for in what is loaded by now: it would stop the event loop for 0.2 s
        with suppress(KeyboardInterrupt):
            server.run()
    if not server.started:
        sys.exit(1)
