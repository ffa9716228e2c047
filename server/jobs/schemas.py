"""Jobs on the wire: one request, discriminated by its objective."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from netspace.attributes import Regression
from netspace.data.clouds import FEWEST
from server.jobs.tables import Event, Job, PointCloud, Status
from server.schemas.fields import Finite, Id

MOST_INLINE = 20_000
"""Points in a request's body; more are uploaded as a file."""
MOST_GALLERY = 256

Place = Annotated[list[Finite], Field(min_length=3, max_length=3)]
Positive = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Optimisation(BaseModel):
    """What all objectives share. The start is `start`, or else the best of `best_of` latents of the gallery."""

    model_config = ConfigDict(extra="forbid")

    space: Id | None = Field(default=None, description="By default that of `start`, or the first space")
    start: Id | None = Field(default=None, description="A latent of the gallery, an upload or another job")
    best_of: int | None = Field(default=None, ge=1, le=MOST_GALLERY, description="By default 64, without `start`")
    name: str | None = Field(default=None, min_length=1, max_length=200)
    steps: int = Field(default=400, ge=1)
    lr: Positive = Field(default=0.1, description="Adam's, decaying to zero over the steps")
    prior: Weight = Field(default=1e-2, description="Weight of the distance from where the space's networks live")
    patience: int = Field(default=100, ge=1, description="Steps without a better latent after which the job is done")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start is not None and (self.best_of is not None or self.space is not None):
            raise ValueError("expected either start, or best_of and (with several spaces) space")
        return self


class FitPointsIn(Optimisation):
    """The latent whose surface passes through points, leaves what is known to be empty, and stays plausible."""

    objective: Literal["fit_points"]
    upload: Id | None = Field(default=None, description="Id that POST /points answered with")
    points: list[Place] | None = Field(default=None, min_length=FEWEST, max_length=MOST_INLINE)
    normalise: bool = Field(default=False, description="Centre and scale the points into the cube: whole objects only")
    complete: bool = Field(default=True, description="The whole surface was seen: there is none elsewhere")
    seen: list[Finite] | None = Field(
        default=None,
        min_length=4,
        max_length=4,
        description="[x, y, z, offset]: `complete` holds only where x X + y Y + z Z >= offset; one side is missing",
    )
    viewpoints: list[Place] = Field(default=[], max_length=64, description="From where the points were seen")
    empty: list[Place] | None = Field(default=None, min_length=1, max_length=MOST_INLINE, description="Known empty")

    @model_validator(mode="after")
    def _one_cloud(self) -> Self:
        if (self.upload is None) == (self.points is None):
            raise ValueError("expected either upload or points")
        if self.normalise and (self.seen or self.viewpoints or self.empty):
            raise ValueError("expected no seen, viewpoints or empty beside normalise: they would have to move too")
        return self


class TargetIn(BaseModel):
    """Either `to`, a value, or `by`, a change of what the start has."""

    model_config = ConfigDict(extra="forbid")

    to: Finite | None = None
    by: Finite | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise ValueError("expected either to or by")
        return self


class AttributesIn(Optimisation):
    """The latent near the start whose shape has wanted properties (GET /spaces/{id}/attributes lists them)."""

    objective: Literal["attributes"]
    targets: dict[str, TargetIn] = Field(min_length=1, max_length=32, examples=[{"seat_height": {"by": 0.05}}])
    stay: Weight = Field(default=0.1, description="Weight of the distance from the start")


class DistillIn(Optimisation):
    """The latent near the start whose classifier answers as a teacher does, and stays of its architecture."""

    objective: Literal["distill"]
    start: Id = Field(description="A classifier's latent: of the gallery, an upload or another job")
    teacher: Id | None = Field(
        default=None, description="A latent whose own network is kept; by default the most accurate of the gallery"
    )
    steps: int = Field(default=100, ge=1)
    lr: Positive = Field(default=0.05, description="Adam's, decaying to zero over the steps")
    prior: Weight = Field(default=0.0, description="Weight of the distance from where the space's networks live")
    images: int = Field(default=128, ge=1, le=4096, description="Training images a step")
    validation: int = Field(
        default=1000, ge=1, le=1_000_000, description="Images that latents are compared by, the same every time"
    )
    temperature: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 4.0
    class_id: Weight = Field(default=1.0, description="Weight of staying the same architecture")


JobIn = Annotated[FitPointsIn | AttributesIn | DistillIn, Field(discriminator="objective")]

EXAMPLES = [
    {"objective": "attributes", "start": "chairs.chair-00020", "targets": {"seat_height": {"by": 0.05}}},
    {"objective": "fit_points", "upload": "3f2a...", "best_of": 32, "steps": 400},
    {"objective": "distill", "start": "cifar10-single.network-00012", "steps": 100},
]


AnyJobIn = FitPointsIn | AttributesIn | DistillIn


class JobOut(BaseModel):
    id: str
    space: str
    name: str
    objective: str = Field(examples=["fit_points"])
    request: dict[str, Any] = Field(description="What was asked for, points left out")
    status: Status
    cancelling: bool = Field(description="It runs, and has been told to end")
    detail: str = Field(description="Why it failed, or ended before its steps were done")
    created_at: datetime
    updated_at: datetime
    step: int
    steps: int
    progress: float = Field(description="0 to 1")
    value: float | None = Field(description="Of the best latent so far; the smaller, the better")
    seconds: float = Field(description="Computing time so far")
    seconds_left: float | None = Field(description="At the pace so far; null where nobody knows")
    start: str | None
    teacher: str | None = Field(description="The latent whose network a `distill` job learns from")
    latent: str | None = Field(description="The latest latent to look at: the best of its time")
    result: str | None = Field(description="The best latent, once the job is over")

    @classmethod
    def of(cls, job: Job) -> Self:
        over = job.status in ("done", "failed", "cancelled")
        known = not over and job.step > 0
        return cls(
            id=job.id,
            space=job.space,
            name=job.name,
            objective=job.objective,
            request={key: value for key, value in job.request.items() if key not in ("empty",)},
            status=job.status,  # type: ignore[arg-type]
            cancelling=job.cancel and job.status == "running",
            detail=job.detail,
            created_at=job.created_at.replace(tzinfo=UTC),
            updated_at=job.updated_at.replace(tzinfo=UTC),
            step=job.step,
            steps=job.steps,
            progress=1.0 if job.status == "done" else job.step / job.steps,
            value=job.value,
            seconds=job.seconds,
            seconds_left=job.seconds / job.step * (job.steps - job.step) if known else None,
            start=job.start_latent,
            teacher=job.teacher,
            latent=job.snapshot,
            result=job.result,
        )


class JobPage(BaseModel):
    total: int
    offset: int
    limit: int
    items: list[JobOut]


class EventOut(BaseModel):
    """The data of a server-sent event; its `id` counts from 1 on for each job."""

    job: str
    number: int
    kind: Literal["state", "progress", "latent"]
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(job=event.job, number=event.number, kind=event.kind, data=event.data)  # type: ignore[arg-type]


class PointsOut(BaseModel):
    id: str
    name: str
    points: int
    normals: bool

    @classmethod
    def of(cls, row: PointCloud, *, normals: bool) -> Self:
        return cls(id=row.id, name=row.name, points=row.count, normals=normals)


class AttributeOut(BaseModel):
    """`r2`, on gallery networks that were left out; nulls for what is measured on the shape itself."""

    name: str
    r2: float | None = None
    low: float | None = Field(default=None, description="Over the gallery")
    high: float | None = None

    @classmethod
    def of(cls, found: Regression) -> Self:
        return cls(name=found.name, r2=found.r2, low=found.low, high=found.high)


class AttributesOut(BaseModel):
    attributes: list[AttributeOut]
