"""From a request to what the library optimises, and back to latents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netspace.attributes import Attributes, Target
from netspace.data.clouds import Cloud
from netspace.distill import Distill
from netspace.errors import BadObjective, UnknownName
from netspace.lso import LatentObjective, LsoConfig, State, begin
from netspace.point_fit import Evidence, FitPoints, PointsConfig, viewpoints_from, with_details
from netspace.prior import Prior
from server.jobs.distill import asked_teacher, distillation
from server.jobs.schemas import AnyJobIn, DistillIn, FitPointsIn
from server.jobs.store import JobStore
from server.jobs.tables import Job
from server.latents import Latents
from server.networks import line_through
from server.registry import LoadedSpace, Registry
from server.settings import Settings
from server.store import StoredLatent, new_id, vector_bytes, vector_from
from server.tasks.base import Network

BEST_OF = 64
SLICE = 8
"""Candidates that are compared between two looks at whether the job is to stop."""


@dataclass(frozen=True)
class Problem:
    """All that is not the state of a run."""

    space: LoadedSpace
    objective: LatentObjective
    prior: Prior
    config: LsoConfig

    def properties(self, job: Job, z: Tensor, network: Network, *, final: bool) -> dict[str, Any]:
        """What is told of z [D]: all that can be, of the result; on the way only what is known already.

        A classifier's result is tested once, at the end, beside the start that it came from.
        """
        task = self.space.task
        if not isinstance(self.objective, Distill):
            return task.describe(z, *network) if final else {}
        if not final:
            right = self.objective.validated(z.to(self.space.space.device))
            return {"accuracy": right, "accuracy_from": "images", "architecture": network[0].name}
        assert job.start_vector is not None
        start = vector_from(job.start_vector)
        before = task.describe(start, *line_through(self.space, start).network(0.0))
        return {**task.describe(z, *network), "start_accuracy": before["accuracy"]}

    def begin(self, candidates: Tensor) -> State:
        return begin(self.objective, self.prior, self.config, candidates.to(self.space.space.device))


def _asked_cloud(asked: FitPointsIn, jobs: JobStore) -> tuple[Cloud, str]:
    """The points, in the cube, and the id under which they are kept as they came."""
    if asked.upload is not None:
        cloud, kept = jobs.cloud(asked.upload), asked.upload
    else:
        cloud = Cloud(torch.tensor(asked.points))
        kept = ""
    cloud = (cloud.normalised() if asked.normalise else cloud).in_cube()
    return cloud, kept or jobs.add_cloud(cloud, asked.name or "points").id


def new_job(
    asked: AnyJobIn,
    registry: Registry,
    latents: Latents,
    jobs: JobStore,
    settings: Settings,
    owner: str | None = None,
) -> Job:
    """A job that can be served, not yet queued. Raises what is wrong with the request while somebody listens."""
    if asked.steps > settings.max_job_steps:
        raise BadObjective(
            f"steps: expected at most {settings.max_job_steps} (NETSPACE_MAX_JOB_STEPS), got {asked.steps}"
        )
    start = None if asked.start is None else latents.find(asked.start)
    space = registry.get(asked.space) if start is None else start.space
    if asked.objective not in space.task.objectives:
        raise BadObjective(
            f"objective: {space.id!r} serves {' and '.join(space.task.objectives)}, got {asked.objective!r}"
        )
    request, teacher = asked.model_dump(exclude={"name", "space", "start"}), None
    if isinstance(asked, FitPointsIn):
        cloud, kept = _asked_cloud(asked, jobs)
        request |= {"points": None, "upload": kept, "normalise": asked.normalise and asked.upload is not None}
        Evidence.check(cloud, _places(request["empty"]))
        _points_config(request)
    elif isinstance(asked, DistillIn):
        assert start is not None
        request["teacher"] = teacher = asked_teacher(asked, start, latents)
    else:
        _attributes(space, request, None if start is None else start.vector)
    return Job(
        space=space.id,
        model=space.identity,
        name=asked.name or asked.objective,
        objective=asked.objective,
        request=request,
        start_latent=None if start is None else start.id,
        start_vector=None if start is None else vector_bytes(start.vector),
        teacher=teacher,
        steps=asked.steps,
        client=owner,
    )


def _places(values: Sequence[Sequence[float]] | None) -> Tensor | None:
    return None if values is None else torch.tensor(values)


def _points_config(request: dict[str, Any]) -> PointsConfig:
    viewpoints = viewpoints_from(request["viewpoints"])
    seen = None if request["seen"] is None else tuple(request["seen"])
    return PointsConfig(complete=request["complete"], seen=seen, viewpoints=viewpoints, seed=request["seed"])


def _attributes(space: LoadedSpace, request: dict[str, Any], start: Tensor | None) -> Attributes:
    targets = {name: Target(**target) for name, target in request["targets"].items()}
    here = None if start is None else start.to(space.space.device)
    return Attributes.of(space.space, space.regressions, targets, space.prior, here, request["stay"], request["seed"])


def problem_of(job: Job, registry: Registry, jobs: JobStore) -> Problem:
    """Raises UnknownName where the space has gone or has other weights, BadObjective for one that nobody serves."""
    space = registry.get(job.space)
    if space.identity != job.model:
        raise UnknownName(f"space {job.space!r} has other weights than when the job was asked for")
    request = job.request
    config = LsoConfig(**{name: request[name] for name in ("steps", "lr", "prior", "patience", "seed")})
    if job.objective == "fit_points":
        cloud = jobs.cloud(request["upload"])
        points = _points_config(request)
        evidence = Evidence.of(cloud.normalised() if request["normalise"] else cloud, points, _places(request["empty"]))
        objective: LatentObjective = FitPoints(space.space, evidence.to(space.space.device), points)
        config = with_details(config, points)
    elif job.objective == "attributes":
        objective = _attributes(space, request, None if job.start_vector is None else vector_from(job.start_vector))
    elif job.objective == "distill":
        objective = distillation(job, space, jobs)
    else:
        raise BadObjective(f"objective: expected one of {space.task.objectives}, got {job.objective!r}")
    return Problem(space, objective, space.prior, config)


def candidates(job: Job, space: LoadedSpace) -> list[Tensor]:
    """Where the job may start, in slices [<= SLICE, D]: its latent, or codes of the gallery drawn by its seed: the
    details of another network are no start."""
    if job.start_vector is not None:
        return [vector_from(job.start_vector)[None]]
    everyone = space.space.without_details(space.gallery.codes)
    count = min(job.request.get("best_of") or BEST_OF, len(everyone))
    drawn = torch.randperm(len(everyone), generator=torch.Generator().manual_seed(job.request["seed"]))[:count]
    return list(everyone[drawn].split(SLICE))


def latent_of(job: Job, problem: Problem, state: State, *, final: bool) -> StoredLatent:
    """The best latent so far as an ordinary latent: listed, described and drawn if it is the job's result."""
    space, z = problem.space, state.best.cpu()
    arch, theta = line_through(space, z).network(0.0)
    x, y = space.gallery.position(z)
    step = int(state.step)
    known = problem.properties(job, z, (arch, theta), final=final)
    return StoredLatent(
        id=new_id(),
        space=space.id,
        model=space.identity,
        sha256=f"{job.id}.{job.run}.{step}.{'r' if final else 's'}",
        name=job.name if final else f"{job.name}, step {step}",
        architecture=arch.to_json(),
        iou=1.0,
        represented=True,
        verdict=problem.objective.verdict(state.best),
        x=x,
        y=y,
        properties={**known, "job": job.id, "step": int(state.best_step), "value": float(state.best_value)},
        vector=vector_bytes(z),
        origin="job" if final else "snapshot",
        owner=job.client,
        network=b"",
        picture=space.task.draw(arch, theta) if final else b"",
    )
