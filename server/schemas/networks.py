"""Networks on the wire: their architectures, and what can be decoded."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from netspace.archs import Architecture
from server.schemas.fields import Finite, Id, PlaceText

NetworkFormat = Literal["pt", "safetensors"]
MAX_VECTOR = 65536


class ArchitectureOut(BaseModel):
    id: str = Field(examples=["siren-256-256"])
    name: str = Field(examples=["siren-256-256"])
    parameters: int = Field(examples=[67073])

    @classmethod
    def of(cls, arch: Architecture) -> Self:
        return cls(id=arch.name, name=arch.name, parameters=arch.layout.size)


class DecodeIn(BaseModel):
    """Either `latent`, or `at`, or `vector` with, among several spaces, its `space`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"latent": "chairs.chair-00020", "format": "pt"},
                {"at": "chairs.chair-00020:0.5,chairs.chair-00340:0.5", "format": "safetensors"},
            ]
        },
    )

    latent: Id | None = None
    space: Id | None = None
    vector: list[Finite] | None = Field(default=None, max_length=MAX_VECTOR)
    at: PlaceText | None = None
    format: NetworkFormat = "pt"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [x for x in (self.latent, self.vector, self.at) if x is not None]
        if len(given) != 1 or (self.latent and self.space):
            raise ValueError("expected either latent, or at, or vector and (with several spaces) space")
        return self
