"""Who may ask, how often, and what browsers may do with the answers: ASGI middleware in front of every route."""

import hashlib
import hmac
import ipaddress
import secrets
import sys
import time
from collections.abc import Sequence

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import problem
from server.settings import Settings

UNAUTHORIZED = ("unauthorized", "An API key is needed")
TOO_MANY = ("too-many-requests", "Too many requests")
OPEN_PATHS = {"/", "/healthz", "/readyz"}
OPEN_PREFIXES = ("/static/", "/vendor/")
"""The page's files and the probes need no key."""
UPLOAD_PATHS = {"/embed", "/latents", "/points", "/jobs"}
"""What costs much: counted by the stricter limit when it is a POST."""

NOTHING = "default-src 'none'; frame-ancestors 'none'"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def key_hash(key: str) -> str:
    """What an operator keeps of a key: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def client_of(scope: Scope) -> str:
    """The address that a limit counts for: all of an IPv6 /64 is one client."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


class Limiter:
    """Counts per client in this process; `requests` and `uploads` are written like `20/minute;200/day`, or empty."""

    def __init__(self, requests: str, uploads: str) -> None:
        self._all = parse_many(requests) if requests else []
        self._uploads = parse_many(uploads) if uploads else []
        self._counts = SlidingWindowCounterRateLimiter(MemoryStorage())

    def seconds_to_wait(self, client: str, upload: bool) -> int:
        """0 where the client may go on, and then it is counted."""
        limits = [("all", item) for item in self._all] + [("upload", item) for item in self._uploads if upload]
        for kind, item in limits:
            if not self._counts.hit(item, kind, client):
                return self._wait(item, kind, client)
        return 0

    def _wait(self, item: RateLimitItem, kind: str, client: str) -> int:
        return max(1, round(self._counts.get_window_stats(item, kind, client).reset_time - time.time()))


class Gate:
    """Answers 401 and 429 itself; everything else goes on."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._hashes = settings.key_hashes
        self._limiter = Limiter(settings.rate_limit, settings.upload_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        is_open = path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)
        name = None if is_open else self._name_of(Headers(scope=scope).get("authorization", ""))
        upload = scope["method"] == "POST" and path in UPLOAD_PATHS
        clients = [f"address {client_of(scope)}", *([f"key {name}"] if name else [])]
        scope["limited_as"] = clients[-1]
        waits = [] if is_open else [self._limiter.seconds_to_wait(client, upload) for client in clients]
        if any(waits):
            detail = f"expected fewer requests from one client, got too many; try again in {max(waits)} seconds"
            await problem(429, TOO_MANY, detail, headers={"Retry-After": str(max(waits))})(scope, receive, send)
        elif self._hashes and not is_open and name is None:
            detail = "expected `Authorization: Bearer KEY` with a key of this service"
            headers = {"WWW-Authenticate": "Bearer"}
            await problem(401, UNAUTHORIZED, detail, headers=headers)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _name_of(self, authorization: str) -> str | None:
        """The name of the key that was sent. Every known key is compared, each in constant time."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        sent = key_hash(key.strip())
        matches = [name for name, kept in self._hashes.items() if hmac.compare_digest(sent, kept)]
        return matches[0] if matches else None


class SecurityHeaders:
    """On every answer; a route's own Content-Security-Policy stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                headers.setdefault("Content-Security-Policy", NOTHING)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def main(arguments: Sequence[str]) -> None:
    """`python -m server.gate NAME`: a new key, and what to put into NETSPACE_API_KEYS for it."""
    name, key = (arguments[0] if arguments else "default"), secrets.token_urlsafe(32)
    print(f"key, shown this once: {key}\nNETSPACE_API_KEYS entry: {name}:{key_hash(key)}")


if __name__ == "__main__":
    main(sys.argv[1:])
