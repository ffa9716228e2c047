"""Runs the service in this process until it is interrupted, with a worker for its jobs beside it."""

import uvicorn

from netspace.runtime import keep_freed_memory
from server.app import create_app
from server.jobs.beside import worker_beside
from server.settings import Settings
from server.watch import configure_logs

GRACE = 3
"""Seconds that open streams have, when the service stops, before they are closed."""


def serve(settings: Settings | None = None) -> None:
    """Serves with `settings`, by default those of the environment. Returns when the process is asked to stop."""
    settings = settings or Settings()
    keep_freed_memory()
    configure_logs(settings.log_json)
    with worker_beside(settings):
        uvicorn.run(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
