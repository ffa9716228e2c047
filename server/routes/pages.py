"""The explorer: its page, its own files, and the two libraries it draws with."""

import base64
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.errors import NotInstalled
from server.services import ServicesOf

router = APIRouter(include_in_schema=False)

REVALIDATE = {"Cache-Control": "no-cache"}
ONE_DAY = {"Cache-Control": "public, max-age=86400"}
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
HIDDEN = ("node_modules", "tests")
STAMPED = ("js", "css", "favicon.svg")
"""What the page loads: a change in any of it gives all of it other addresses."""
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.S)


def content_security_policy(page: str) -> str:
    """Only the page's own files; its inline scripts (the import map) are allowed by their hashes."""
    digests = (hashlib.sha256(script.encode()).digest() for script in INLINE_SCRIPT.findall(page))
    allowed = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self'{allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def stamp(frontend: Path) -> str:
    """`-DIGEST`, another one whenever a file of the page is another."""
    found = hashlib.sha256()
    for path in sorted(path for name in STAMPED for path in [frontend / name, *(frontend / name).glob("*")]):
        if path.is_file():
            state = path.stat()
            found.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return f"-{found.hexdigest()[:16]}"


@router.get("/")
def page(services: ServicesOf) -> HTMLResponse:
    """The explorer. Its files' addresses bear a stamp, so that browsers need not ask for them again."""
    path = services.settings.frontend / "index.html"
    if not path.is_file():
        raise NotInstalled(f"expected the page at {str(path)!r} (NETSPACE_FRONTEND); the API is at /docs")
    text = path.read_text(encoding="utf-8").replace('"/static/', f'"/static/{stamp(path.parent)}/')
    return HTMLResponse(text, headers={**REVALIDATE, "Content-Security-Policy": content_security_policy(text)})


@router.get("/vendor/plotly.min.js")
def plotly() -> FileResponse:
    """Plotly's script, from the installed package."""
    spec = find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise NotInstalled("expected the Python package plotly with its plotly.min.js; `make setup` installs it")
    return FileResponse(path, media_type="text/javascript", headers=ONE_DAY)


class Files(StaticFiles):
    """A folder's files with a Cache-Control header; `hint` is the answer where the folder is missing."""

    def __init__(self, folder: Path, cache: dict[str, str], hint: str, hidden: tuple[str, ...] = ()) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder, self._cache, self._hint, self._hidden = folder, cache, hint, hidden

    async def check_config(self) -> None:
        if not self._folder.is_dir():
            raise NotInstalled(self._hint)

    async def get_response(self, path: str, scope: Scope) -> Response:
        parts = Path(path).parts
        stamped, cache = bool(parts) and parts[0].startswith("-"), self._cache
        if stamped:
            cache = FOREVER if parts[0] == stamp(self._folder) else self._cache
            path, parts = str(Path(*parts[1:])), parts[1:]
        if any(part.startswith(".") for part in parts) or (parts and parts[0] in self._hidden):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers.update(cache)
        return response


def mount_files(app: FastAPI, frontend: Path) -> None:
    """/static is the page's own folder, /vendor/three the installed three.js."""
    three = frontend / "node_modules" / "three"
    missing = f"expected three.js in {str(three)!r}: run `make setup`"
    app.mount("/static", Files(frontend, REVALIDATE, f"expected the page's files in {str(frontend)!r}", HIDDEN))
    app.mount("/vendor/three", Files(three, ONE_DAY, missing))
