"""Lines between latents on the wire: their points, their meshes, and their ends compared."""

from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.networks import LineOf
from server.schemas.fields import ACCURACY_FROM, PlaceText, Reach, Resolution, Spot
from server.tasks.base import AccuracyFrom

MeshFormat = Literal["bin", "glb", "stl", "ply", "obj"]
MAX_STEPS = 256


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
