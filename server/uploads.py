"""Uploaded files: read in pieces, never more than the limit, and named by their content."""

import asyncio
import hashlib
import time
from dataclasses import dataclass

from fastapi import HTTPException, UploadFile
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netspace.errors import NotACheckpoint

CHUNK = 1 << 20
ENVELOPE = 64 << 10
"""Bytes a request may hold beside the file: multipart boundaries and the other fields."""
PATIENCE = 30.0
SLOWEST = 10_000
"""A body may take PATIENCE seconds, and one more for every SLOWEST bytes that have come."""


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
    """ASGI middleware that stops reading a body past the limit, before any of it is parsed or spooled to disk, and one
    that hardly arrives: 408 for a client that has gone quiet half-way."""

    def __init__(self, app: ASGIApp, limit: int, patience: float = PATIENCE) -> None:
        self.app = app
        self.limit, self.patience = limit, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = self._counted(scope, receive)
        await self.app(scope, receive, send)

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        declared = Headers(scope=scope).get("content-length", "")
        total, most, begun, whole = 0, self.limit + ENVELOPE, time.monotonic(), False

        async def counted() -> Message:
            nonlocal total, whole
            if declared.isdecimal() and int(declared) > most:
                raise _too_large(f"a body of {declared}", self.limit)
            left = begun + self.patience + total / SLOWEST - time.monotonic()
            try:
                async with asyncio.timeout(None if whole else max(0.0, left)):  # wait_for can lose a cancellation
                    message = await receive()
            except TimeoutError:
                detail = f"expected {SLOWEST} bytes a second after {self.patience:g} seconds, got {total} bytes in all"
                raise HTTPException(408, detail) from None
            whole = not message.get("more_body", False)
            total += len(message.get("body", b""))
            if total > most:
                raise _too_large(f"a body of at least {total}", self.limit)
            return message

        return counted
