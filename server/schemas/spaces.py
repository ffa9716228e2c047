"""Spaces on the wire: what they are, their directions and their maps."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from netspace.directions import Direction
from netspace.spaces.gallery import AccuracyLine
from server.latents import gallery_id
from server.maps import TITLES, Projection, SpaceMap
from server.registry import LoadedSpace
from server.schemas.networks import ArchitectureOut


class MeasuredLineOut(BaseModel):
    """A line of the gallery that was measured before it shipped: `ts` are where."""

    a: str
    b: str
    images: int
    ts: list[float]
    weights: bool = Field(description="Whether raw weights were measured too")

    @classmethod
    def of(cls, loaded: LoadedSpace, line: AccuracyLine) -> Self:
        a, b = (gallery_id(loaded, entry_id) for entry_id in (line.first, line.last))
        return cls(a=a, b=b, images=line.images, ts=list(line.ts), weights=line.weights is not None)


class SpaceOut(BaseModel):
    id: str = Field(examples=["chairs"])
    title: str = Field(examples=["Chairs"])
    latent_size: int = Field(examples=[256])
    task: Literal["sdf", "classifier"] = Field(description="What its networks do: shapes, or images")
    objectives: list[str] = Field(description="What jobs can ask for", examples=[["fit_points", "attributes"]])
    architectures: list[ArchitectureOut]
    gallery_size: int
    lines: list[MeasuredLineOut] = Field(description="Lines of classifiers whose accuracies ship with the gallery")
    report: dict[str, Any] = Field(description="The held-out numbers, without those of every single network")
    card: str = Field(description="How the space was made, in Markdown")

    @classmethod
    def of(cls, loaded: LoadedSpace) -> Self:
        config = loaded.space.config
        return cls(
            id=loaded.id,
            title=config.title,
            latent_size=loaded.space.size,
            task=loaded.task.name,  # type: ignore[arg-type]
            objectives=list(loaded.task.objectives),
            architectures=[ArchitectureOut.of(arch) for arch in config.architectures],
            gallery_size=len(loaded.gallery.entries),
            lines=[MeasuredLineOut.of(loaded, line) for line in loaded.gallery.lines],
            report={key: value for key, value in loaded.report.items() if key != "networks"},
            card=loaded.card,
        )


class SpacesOut(BaseModel):
    spaces: list[SpaceOut]


class DirectionOut(BaseModel):
    """What a place can be moved along, by `~name:amount`."""

    name: str = Field(examples=["seat_height"])
    title: str = Field(examples=["Seat height"])
    kind: Literal["attribute", "component"]
    r2: float = Field(
        description="Of an attribute's regression, on networks that were left out; a component's share of variance"
    )
    low: float = Field(description="Over the gallery")
    high: float
    unit: str = Field(description="Empty for lengths in the cube's units, counts and shares", examples=["degrees"])
    deviation: float = Field(description="Standard deviation over the gallery; amounts may be 8 of it")

    @classmethod
    def of(cls, found: Direction) -> Self:
        return cls(**{name: getattr(found, name) for name in cls.model_fields})


class DirectionsOut(BaseModel):
    directions: list[DirectionOut] = Field(description="Attributes, the best regressed first, then components")
    fewest: int = Field(description="Networks of the gallery that must know a property before it is regressed")
    least_r2: float = Field(description="R^2 on networks that were left out below which a property is not offered")


class ProjectionOut(BaseModel):
    name: Projection
    title: str


class AxisOut(BaseModel):
    title: str


class MapOut(BaseModel):
    projection: Projection
    projections: list[ProjectionOut] = Field(description="All there are")
    axes: tuple[AxisOut, AxisOut]
    points: list[tuple[str, float, float]] = Field(
        description="[id, x, y]: the gallery in its order, then the newest others",
        examples=[[["chairs.chair-00020", 0.1, 0.2]]],
    )

    @classmethod
    def of(cls, found: SpaceMap) -> Self:
        names = [ProjectionOut(name=name, title=title) for name, title in TITLES.items()]
        first, second = (AxisOut(title=title) for title in found.axes)
        return cls(projection=found.projection, projections=names, axes=(first, second), points=found.points)
