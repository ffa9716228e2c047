"""JSON on the wire, as docs/design.md lists it."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from netspace.archs import Architecture
from netspace.directions import Direction
from netspace.spaces.gallery import AccuracyLine
from server.latents import Latent, Neighbour, Origin, gallery_id
from server.maps import TITLES, Projection, SpaceMap
from server.networks import LineOf, NetworkOf
from server.registry import LoadedSpace
from server.tasks.base import AccuracyFrom, ClassScores

NetworkFormat = Literal["pt", "safetensors"]
MeshFormat = Literal["bin", "glb", "stl", "ply", "obj"]
Split = Literal["train", "val", "test"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Reach = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]
"""A position on a line: 0 is a, 1 is b, and as far again beyond either end."""
Resolution = Annotated[int, Field(ge=16, le=256, description="Cells a side of the grid")]
Id = Annotated[str, Field(min_length=1, max_length=200, examples=["chairs.chair-00020"])]

PlaceText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4000,
        examples=["chairs.chair-00020:0.3,chairs.chair-00048:0.7,~seat_height:0.1"],
        description="1 to 16 terms: `LATENT:WEIGHT`, weights from -8 to 8, or `~DIRECTION:AMOUNT` (GET "
        "/spaces/{id}/directions), amounts in the direction's unit, at most 8 of its deviations",
    ),
]
Spot = Annotated[
    str, Field(min_length=1, max_length=4000, examples=["chairs.chair-00020"], description="A latent's id, or a place")
]

ACCURACY_FROM = (
    "`gallery`: measured on test images before the space shipped; `images`: measured on the service's own; `estimate`: "
    "linear in the latent; null where there is no accuracy"
)

MAX_STEPS = 256
MAX_VECTOR = 65536


class ArchitectureOut(BaseModel):
    id: str = Field(examples=["siren-256-256"])
    name: str = Field(examples=["siren-256-256"])
    parameters: int = Field(examples=[67073])

    @classmethod
    def of(cls, arch: Architecture) -> Self:
        return cls(id=arch.name, name=arch.name, parameters=arch.layout.size)


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


class WhereIn(BaseModel):
    """Either `a` and `b`, between which t lies, or `at`."""

    a: Spot | None = None
    b: Spot | None = None
    t: Reach = Field(default=0.0, description="0 is a, 1 is b; the line goes on from -1 to 2")
    at: PlaceText | None = None
    of: LineOf = "latent"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.at is not None and (self.a, self.b, self.t, self.of) != (None, None, 0.0, "latent"):
            raise ValueError("expected either at, or a and b with t and of")
        if self.at is None and (self.a is None or self.b is None):
            raise ValueError("expected a and b, or at")
        return self


class MeshIn(WhereIn):
    """The shape of what is there."""

    resolution: Resolution = 64
    format: MeshFormat = "bin"


class InterpolateIn(BaseModel):
    """Either `steps`, evenly spaced from a to b, or `ts`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"a": "chairs.chair-00020", "b": "chairs.chair-00340", "steps": 9}]},
    )

    a: Spot
    b: Spot
    steps: int | None = Field(default=None, ge=2, le=MAX_STEPS)
    ts: list[Reach] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_STEPS,
        description="From -1 to 2: beyond 0 and 1 the line goes on",
    )
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


class ShapePointOut(BaseModel):
    """A point of a line between shapes."""

    t: float
    architecture: str = Field(examples=["siren-256-256"])
    volume: float = Field(description="Of the solid, where the cube [-1, 1]^3 has 8")
    parts: int
    largest_share: float
    empty: bool


class ClassifierPointOut(BaseModel):
    """A point of a line between classifiers."""

    t: float
    architecture: str = Field(examples=["ResNet8"])
    probabilities: dict[str, float] = Field(
        description="Of each architecture, as the space predicts it", examples=[{"LeNetLike": 0.1, "ResNet8": 0.9}]
    )
    accuracy: float | None = Field(description="Null where nobody knows")
    accuracy_from: AccuracyFrom | None = Field(description=ACCURACY_FROM)


class LineOut(BaseModel):
    space: str
    a: str
    b: str
    of: LineOf
    points: list[ShapePointOut | ClassifierPointOut]


class ClassOut(BaseModel):
    name: str = Field(examples=["frog"])
    accuracy: float | None = Field(description="Null where there is no image of it")
    images: int


class ClassesOut(BaseModel):
    """How right a classifier is, class by class."""

    accuracy: float
    images: int
    classes: list[ClassOut]

    @staticmethod
    def told(found: ClassScores) -> dict[str, Any]:
        """Its fields."""
        rows = zip(found.names, found.right, found.images, strict=True)
        classes = [ClassOut(name=name, accuracy=right / n if n else None, images=n) for name, right, n in rows]
        return {"accuracy": found.accuracy, "images": sum(found.images), "classes": classes}


class LatentClassesOut(ClassesOut):
    """The same of a latent's decoded twin, or of the network that was embedded."""

    latent: str
    of: NetworkOf


class CompareIn(BaseModel):
    """Two latents or places of one space."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"a": "chairs.chair-00020", "b": "chairs.chair-00340:1,~seat_height:0.1"}]},
    )

    a: Spot
    b: Spot


class ComparisonOut(BaseModel):
    space: str
    a: str
    b: str
    iou: float = Field(description="Of the two decoded solids at 64^3")
    chamfer: float = Field(description="Mean distance of the surfaces, in the cube's units; 2 where one has none")
    f_score: float = Field(description="Of the surfaces, within 0.02")
    volume_a: float
    volume_b: float
    latent_distance: float = Field(description="Euclidean")


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
