"""Uploaded files: read in pieces, never more than the limit, and named by their content."""

import hashlib
from dataclasses import dataclass

from fastapi import HTTPException, UploadFile
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netspace.errors import NotACheckpoint

CHUNK = 1 << 20
ENVELOPE = 64 << 10
"""Bytes a request may hold beside the file: multipart boundaries and the other fields."""


@dataclass(frozen=True)
class Upload:
    """A whole file in memory."""

    content: bytes
    sha256: str
    filename: str


def _too_large(given: str, limit: int) -> HTTPException:
    # An HTTPException, because the framework passes no other out of its body parser.
    return HTTPException(413, f"expected at most {limit} bytes, got {given}")


async def read_upload(file: UploadFile, limit: int) -> Upload:
    """The file and its SHA-256. Raises 413 past `limit` bytes and NotACheckpoint if it is empty."""
    digest, content = hashlib.sha256(), bytearray()
    while chunk := await file.read(CHUNK):
        content += chunk
        digest.update(chunk)
        if len(content) > limit:
            raise _too_large(f"a file of at least {len(content)}", limit)
    if not content:
        raise NotACheckpoint("file: expected a .pt or .safetensors checkpoint, got an empty file (0 bytes)")
    return Upload(bytes(content), digest.hexdigest(), file.filename or "upload")


class BodyLimit:
    """ASGI middleware that stops reading a body past the limit, before any of it is parsed or spooled to disk."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = self._counted(scope, receive)
        await self.app(scope, receive, send)

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        declared = Headers(scope=scope).get("content-length", "")
        total, most = 0, self.limit + ENVELOPE

        async def counted() -> Message:
            nonlocal total
            if declared.isdecimal() and int(declared) > most:
                raise _too_large(f"a body of {declared}", self.limit)
            message = await receive()
            total += len(message.get("body", b""))
            if total > most:
                raise _too_large(f"a body of at least {total}", self.limit)
            return message

        return counted
