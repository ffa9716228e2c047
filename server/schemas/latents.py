"""Latents on the wire: in lists, alone, and to be kept."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from server.latents import Latent, Neighbour, Origin
from server.schemas.fields import ACCURACY_FROM, Id, PlaceText
from server.schemas.networks import ArchitectureOut
from server.tasks.base import AccuracyFrom

Split = Literal["train", "val", "test"]


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
    decoded_architecture: ArchitectureOut = Field(description="Of the network that the latent decodes to")
    iou: float | None = Field(
        description="Overlap of its solid with that of its decoded twin, 0 to 1; null for classifiers"
    )
    agreement: float | None = Field(
        description="Share of images that it and its decoded twin put into one class; null for shapes, and where there "
        "is no network but the decoded one"
    )
    accuracy: float | None = Field(description="Share of images that it puts into the right class; null for shapes")
    accuracy_from: AccuracyFrom | None = Field(description=ACCURACY_FROM)
    represented: bool = Field(description="False for a network outside the space: its twin is another")
    verdict: str = Field(description="The same in a sentence")
    position: tuple[float, float] = Field(description="On the 2-D map")
    properties: dict[str, Any]
    split: Split | None = Field(description="The part of the zoo that it is of; null for what was made here")
    has_network: bool = Field(description="Whether its own weights are kept, so that `of=weights` and `of=input` work")
    shared: bool = Field(description="Everyone's: of the gallery, or made without X-NetSpace-Owner")
    picture: str = Field(description="Path of its PNG", examples=["/latents/chairs.chair-00020/picture"])

    @classmethod
    def fields_of(cls, latent: Latent) -> dict[str, Any]:
        kept = {name: getattr(latent, name) for name in cls.model_fields if hasattr(latent, name)}
        own: dict[str, Any] = {
            name: ArchitectureOut.of(getattr(latent, name)) for name in ("architecture", "decoded_architecture")
        }
        own |= {"space": latent.space.id, "shared": latent.owner is None}
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


class KeepIn(BaseModel):
    """A place, to be kept as a latent under a name."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"space": "chairs", "at": "chairs.chair-00020:0.5,chairs.chair-00340:0.5", "name": "Half way"},
            ]
        },
    )

    at: PlaceText
    space: Id | None = Field(default=None, description="By default that of the latents in it")
    name: str = Field(default="Place", min_length=1, max_length=200)
