"""Every error as one shape: an RFC 9457 problem document, `application/problem+json`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.types import Scope

from netspace.errors import BadPlace, BadSpace, NetSpaceError, UnknownName

MEDIA_TYPE = "application/problem+json"
UNREADABLE_BODY = "There was an error parsing the body"
"""What the framework says of JSON in another encoding, too deep, or with numbers of thousands of digits."""
RETRY_SECONDS = 5
"""Seconds after which a client that was refused for the moment may try again."""
MOST_FIELDS = 20
"""Invalid fields named in one document; a vector of NaN would name hundreds."""


class GalleryLatent(NetSpaceError):
    slug = "gallery-latent"
    title = "A latent of the gallery cannot be changed"


class NotYours(NetSpaceError):
    slug = "not-yours"
    title = "It belongs to another client"


class NoNetwork(NetSpaceError):
    slug = "no-network"
    title = "The latent's input network is not kept"


class DifferentSpaces(NetSpaceError):
    slug = "different-spaces"
    title = "The latents lie in different spaces"


class NotInstalled(NetSpaceError):
    slug = "not-installed"
    title = "A part of the front end is not installed"


class Unavailable(NetSpaceError):
    slug = "service-unavailable"
    title = "The service cannot do this now"


class Busy(Unavailable):
    slug = "busy"
    title = "The service has more to do than it can queue"


class LatentInUse(NetSpaceError):
    slug = "latent-in-use"
    title = "A job still needs the latent"


class WrongState(NetSpaceError):
    slug = "wrong-state"
    title = "The job is not in a state in which that can be done"


class QueueFull(NetSpaceError):
    slug = "queue-full"
    title = "Too many jobs are waiting"


class QuotaReached(NetSpaceError):
    slug = "quota-reached"
    title = "One client has as much as it may have"


class PointsInUse(NetSpaceError):
    slug = "points-in-use"
    title = "A job still needs the points"


class ImagesMissing(NetSpaceError):
    slug = "images-missing"
    title = "This needs images that the service does not have"


class NotAShape(NetSpaceError):
    slug = "not-a-shape"
    title = "Classifiers have no shape"


class NotAClassifier(NetSpaceError):
    slug = "not-a-classifier"
    title = "Only classifiers know classes"


STATUS: dict[type[NetSpaceError], int] = {
    UnknownName: 404,
    NotYours: 403,
    NoNetwork: 404,
    NotInstalled: 404,
    GalleryLatent: 409,
    LatentInUse: 409,
    PointsInUse: 409,
    ImagesMissing: 409,
    WrongState: 409,
    QuotaReached: 429,
    QueueFull: 429,
    BadSpace: 500,
    Unavailable: 503,
}
"""By class. Every other NetSpaceError is 422: the request was well formed and its content was not usable."""

INVALID_REQUEST = ("invalid-request", "The request has invalid fields")
HTTP_KINDS = {404: (UnknownName.slug, UnknownName.title), 413: ("too-large", "The request is too large")}


def route_of(scope: Scope) -> str:
    """`/latents/{latent_id}`, not the path itself: paths are the clients' to choose, and ids in them are secrets."""
    return getattr(scope.get("route"), "path", None) or "none"


def status_of(error: NetSpaceError) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 422)


def problem(
    status: int,
    kind: tuple[str, str],
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The document: `kind` is (slug, title), `errors` names the invalid fields by `where` and `message`."""
    slug, title = kind
    body: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def _http_kind(status: int) -> tuple[str, str]:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:  # 499 has no name in the standard library
        phrase = "Request failed"
    return HTTP_KINDS.get(status, (phrase.lower().replace(" ", "-"), phrase))


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    """One of pydantic's errors as {where, message}; the message says what was given as well."""
    where = ".".join(map(str, error["loc"]))
    given = repr(error.get("input"))
    shown = given if len(given) <= 80 else given[:77] + "..."
    message = error["msg"] if error["type"] == "missing" else f"{error['msg']}, got {shown}"
    return {"where": where, "message": message}


def on_netspace_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NetSpaceError)
    headers = {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, Unavailable | QueueFull | QuotaReached) else None
    fields: list[dict[str, str]] = []
    if isinstance(error, BadPlace):
        fields = [{"where": f"{error.field}.{i}", "message": why} for i, why in error.terms.items()]
    return problem(status_of(error), (error.slug, error.title), str(error), errors=fields, headers=headers)


def on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = [_field(item) for item in error.errors()[:MOST_FIELDS]]
    detail = "; ".join(f"{field['where']}: {field['message']}" for field in fields[:3])
    return problem(422, INVALID_REQUEST, detail, errors=fields)


def on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail, path = str(error.detail), request.url.path
    if detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"nothing is served at {path!r}; /docs lists what is"
    elif detail == UNREADABLE_BODY and isinstance(error.__cause__, OSError):
        return _no_room(request, error.__cause__)
    elif detail == UNREADABLE_BODY:
        detail = "expected a body of JSON in UTF-8, got one that cannot be read"
    elif detail == HTTPStatus.METHOD_NOT_ALLOWED.phrase:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{path!r}: expected {allowed}, got {request.method}"
    return problem(error.status_code, _http_kind(error.status_code), detail, headers=error.headers)


def _no_room(request: Request, error: OSError) -> JSONResponse:
    """Large bodies are spooled to the temporary folder."""
    structlog.get_logger().error("a body could not be kept", request_id=request.scope.get("request_id"), reason=error)
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return problem(503, _http_kind(503), "the body cannot be kept now; try again in a moment", headers=headers)


def on_database_error(request: Request, error: Exception) -> JSONResponse:
    """Locked, full, read-only, gone or with all connections in use: it may pass, and the reason is for the log."""
    request_id = request.scope.get("request_id", "none")
    structlog.get_logger().error("database failed", request_id=request_id, reason=str(getattr(error, "orig", error)))
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return problem(503, _http_kind(503), "the database cannot be used now; try again in a moment", headers=headers)


def stopped() -> JSONResponse:
    """For a request that was not answered when the service had to end."""
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return problem(503, _http_kind(503), "the service is being stopped; try again in a moment", headers=headers)


def on_failure(request: Request, error: Exception) -> JSONResponse:
    request_id = request.scope.get("request_id", "none")
    structlog.get_logger().error("request failed", request_id=request_id, route=route_of(request.scope), exc_info=error)
    headers = {"X-Request-ID": request_id, "X-Content-Type-Options": "nosniff"}
    return problem(500, _http_kind(500), "the server failed to answer; the failure has been logged", headers=headers)


def install_error_handlers(app: FastAPI) -> None:
    """Makes every error of `app`, its own or the framework's, a problem document."""
    app.add_exception_handler(NetSpaceError, on_netspace_error)
    app.add_exception_handler(OperationalError, on_database_error)
    app.add_exception_handler(NoConnection, on_database_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_failure)
