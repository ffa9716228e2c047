"""netspace serve."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from netspace.cli.options import Device
from netspace.errors import NetSpaceError


@contextmanager
def server_packages() -> Iterator[None]:
    """Raises NetSpaceError, and says what to install, for an import that fails."""
    try:
        yield
    except ImportError as error:
        raise NetSpaceError(
            f"the server's packages are not installed: pip install 'netspace[server]' ({error})"
        ) from error


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    spaces: Annotated[Path, typer.Option(help="Folder of spaces.")] = Path("checkpoints"),
    device: Device = "auto",
) -> None:
    """Serves the spaces and the page."""
    with server_packages():
        from server.serve import serve as serve_spaces
    os.environ.update(NETSPACE_HOST=host, NETSPACE_PORT=str(port), NETSPACE_SPACES=str(spaces), NETSPACE_DEVICE=device)
    serve_spaces()
