"""Whose an upload, a kept place or a job is: whoever knows the token that was sent when it was made.

A client makes up a token, keeps it, and sends it with every call as `X-NetSpace-Owner`. What was made with one is
listed for, and changed by, those who send the same; what was made without one is everyone's. The server keeps hashes.
"""

import hashlib
from typing import Annotated

from fastapi import Depends, Header

from server.errors import NotYours

HEADER = "X-NetSpace-Owner"


def owner_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(b"owner" + token.encode()).hexdigest()


async def _owner(
    token: Annotated[
        str | None,
        Header(
            alias=HEADER,
            min_length=16,
            max_length=128,
            pattern="^[A-Za-z0-9_-]+$",
            description="A secret of the client's own making: what it makes is then listed for it alone",
        ),
    ] = None,
) -> str | None:
    return None if token is None else owner_hash(token)


OwnerOf = Annotated[str | None, Depends(_owner)]
"""The hash of the client's token; None where it sent none."""


def owned_key(key: str, owner: str | None) -> str:
    """The same file of two owners is kept twice, so that neither can find or delete the other's."""
    return key if owner is None else hashlib.sha256(f"{owner} {key}".encode()).hexdigest()


def check_owner(what: str, kept: str | None, owner: str | None) -> None:
    """Raises NotYours where something is kept for another owner."""
    if kept is not None and kept != owner:
        raise NotYours(f"{what} belongs to another client: expected the {HEADER} that it was made with")
