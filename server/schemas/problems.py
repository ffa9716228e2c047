"""Errors on the wire, and their part of the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """RFC 9457: the one shape of every error."""

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["No such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What was given and what was expected", examples=["no latent 'x'"])
    errors: list[dict[str, str]] | None = Field(
        default=None,
        examples=[[{"where": "query.resolution", "message": "Input should be less than or equal to 256, got '300'"}]],
    )


_PROBLEM = {"application/problem+json": {"schema": Problem.model_json_schema()}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "What was wrong with the request", "content": _PROBLEM},
    "5XX": {"description": "What the service cannot do; 503 passes, often with Retry-After", "content": _PROBLEM},
}
