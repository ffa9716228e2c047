"""Where DBOS keeps its queues."""

from pathlib import Path

from sqlalchemy.engine import make_url

from netspace.errors import NetSpaceError

VERSION = "1"
"""Of the workflows' arguments, not of the code: an upgraded worker takes what an older one has queued."""


def queue_url(database_url: str) -> str:
    """Where DBOS keeps its queues: a file beside the SQLite file, or a schema in the same Postgres database."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    if not url.database or url.database == ":memory:":
        raise NetSpaceError(f"NETSPACE_DATABASE_URL: jobs need a file or a server, got {database_url!r}")
    path = Path(url.database)
    return f"sqlite:///{path.with_name(path.stem + '-queue' + path.suffix)}"
