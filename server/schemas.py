"""JSON on the wire, as docs/design.md lists it."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from netspace.archs import Architecture
from server.latents import Latent, Neighbour, Origin
from server.networks import LineOf
from server.registry import LoadedSpace

NetworkFormat = Literal["pt", "safetensors"]
MeshFormat = Literal["bin", "glb", "stl", "ply", "obj"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Resolution = Annotated[int, Field(ge=16, le=256, description="Cells a side of the grid")]
Id = Annotated[str, Field(min_length=1, max_length=200, examples=["chairs.chair-00012"])]

MAX_STEPS = 256
MAX_VECTOR = 65536


class ArchitectureOut(BaseModel):
    id: str = Field(examples=["siren-256-256"])
    name: str = Field(examples=["siren-256-256"])
    parameters: int = Field(examples=[67073])

    @classmethod
    def of(cls, arch: Architecture) -> Self:
        return cls(id=arch.name, name=arch.name, parameters=arch.layout.size)


class SpaceOut(BaseModel):
    id: str = Field(examples=["chairs"])
    title: str = Field(examples=["Chairs"])
    latent_size: int = Field(examples=[256])
    architectures: list[ArchitectureOut]
    gallery_size: int
    report: dict[str, Any] = Field(description="The held-out numbers, without those of every single network")
    card: str = Field(description="How the space was made, in Markdown")

    @classmethod
    def of(cls, loaded: LoadedSpace) -> Self:
        config = loaded.space.config
        return cls(
            id=loaded.id,
            title=config.title,
            latent_size=config.latent,
            architectures=[ArchitectureOut.of(arch) for arch in config.architectures],
            gallery_size=len(loaded.gallery.entries),
            report={key: value for key, value in loaded.report.items() if key != "networks"},
            card=loaded.card,
        )


class SpacesOut(BaseModel):
    spaces: list[SpaceOut]


class NeighbourOut(BaseModel):
    id: str
    name: str
    distance: float = Field(description="Euclidean, in the latent space")

    @classmethod
    def of(cls, neighbour: Neighbour) -> Self:
        return cls(id=neighbour.id, name=neighbour.name, distance=neighbour.distance)


class LatentOut(BaseModel):
    """A network's place in a space."""

    id: str
    space: str
    name: str
    origin: Origin
    created_at: datetime | None = Field(description="Null for the gallery")
    architecture: ArchitectureOut = Field(description="The network's own, as it was recognised")
    iou: float = Field(description="Overlap of its solid with that of its decoded twin, 0 to 1")
    represented: bool = Field(description="False for a network outside the space: its twin is another shape")
    verdict: str = Field(description="The same in a sentence")
    position: tuple[float, float] = Field(description="On the 2-D map")
    properties: dict[str, Any]
    has_network: bool = Field(description="Whether its own weights are kept, so that `of=weights` and `of=input` work")
    picture: str = Field(description="Path of its PNG", examples=["/latents/chairs.chair-00012/picture"])

    @classmethod
    def fields_of(cls, latent: Latent) -> dict[str, Any]:
        kept = {name: getattr(latent, name) for name in cls.model_fields if hasattr(latent, name)}
        own = {"space": latent.space.id, "architecture": ArchitectureOut.of(latent.architecture)}
        return {**kept, **own, "picture": f"/latents/{latent.id}/picture"}

    @classmethod
    def of(cls, latent: Latent) -> Self:
        return cls(**LatentOut.fields_of(latent))


class LatentDetail(LatentOut):
    """One latent, with its neighbours and on request its vector."""

    nearest: list[NeighbourOut] = Field(description="In the gallery, nearest first")
    vector: list[float] | None = None

    @classmethod
    def of_one(cls, latent: Latent, nearest: list[Neighbour], *, vector: bool) -> Self:
        extra: dict[str, Any] = {"nearest": [NeighbourOut.of(item) for item in nearest]}
        if vector:
            extra["vector"] = latent.vector.tolist()
        return cls(**LatentOut.fields_of(latent), **extra)


class LatentPage(BaseModel):
    total: int
    offset: int
    limit: int
    items: list[LatentOut]


class DecodeIn(BaseModel):
    """Either `latent`, or `space` and `vector`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"latent": "chairs.chair-00012", "format": "pt"}]}
    )

    latent: Id | None = None
    space: Id | None = None
    vector: list[Finite] | None = Field(default=None, max_length=MAX_VECTOR)
    format: NetworkFormat = "pt"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.latent is None) == (self.vector is None) or (self.latent and self.space):
            raise ValueError("expected either latent, or vector and (with several spaces) space")
        return self


class InterpolateIn(BaseModel):
    """Either `steps`, evenly spaced from a to b, or `ts`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"a": "chairs.chair-00012", "b": "chairs.chair-00340", "steps": 9}]},
    )

    a: Id
    b: Id
    steps: int | None = Field(default=None, ge=2, le=MAX_STEPS)
    ts: list[Unit] | None = Field(default=None, min_length=1, max_length=MAX_STEPS)
    of: LineOf = "latent"

    @model_validator(mode="after")
    def _one_spacing(self) -> Self:
        if (self.steps is None) == (self.ts is None):
            raise ValueError("expected either steps or ts")
        return self

    def positions(self) -> list[float]:
        """The ts asked for."""
        if self.ts is not None:
            return self.ts
        assert self.steps is not None
        return torch.linspace(0, 1, self.steps, dtype=torch.float64).tolist()


class PointOut(BaseModel):
    t: float
    architecture: str = Field(examples=["siren-256-256"])
    volume: float = Field(description="Of the solid, where the cube [-1, 1]^3 has 8")
    parts: int
    largest_share: float
    empty: bool


class LineOut(BaseModel):
    space: str
    a: str
    b: str
    of: LineOf
    points: list[PointOut]


class HealthOut(BaseModel):
    status: Literal["ok"] = "ok"


class ReadyOut(BaseModel):
    status: Literal["ready"] = "ready"
    spaces: list[str]


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
