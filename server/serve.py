"""Runs the service in this process until it is interrupted."""

import uvicorn

from netspace.runtime import keep_freed_memory
from server.app import create_app
from server.settings import Settings
from server.watch import configure_logs


def serve(settings: Settings | None = None) -> None:
    """Serves with `settings`, by default those of the environment. Returns when the process is asked to stop."""
    settings = settings or Settings()
    keep_freed_memory()
    configure_logs(settings.log_json)
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, access_log=False, server_header=False)
