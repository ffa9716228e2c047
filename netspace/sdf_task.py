"""What a space of SDF networks is trained on: their behaviours, sampled once, and those of shapes in no zoo."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from netspace.batches import Batch, BatchConfig, Batches
from netspace.behaviours import Behaviours, sample_chairs, sample_midpoints, sample_zoo
from netspace.details import measure_units, sdf_answers
from netspace.errors import BadSpace
from netspace.familiarity import Familiarity
from netspace.functional import run
from netspace.objectives import SdfDistillation, SdfDistillationConfig, distance
from netspace.spaces.encoders import BehaviourEncoder
from netspace.spaces.space import Space
from netspace.train import TrainConfig
from netspace.zoo import Zoo

MEASURED = 24
"""Networks by which the units of a space's details are measured."""


class SdfTask:
    """Batches of a zoo's behaviours, Eq. 2 as the objective; see `netspace.train.Task`."""

    def __init__(self, space: Space, config: TrainConfig, zoo: Zoo, fast: bool, workers: int) -> None:
        assert isinstance(config.objective, SdfDistillationConfig)
        assert isinstance(config.batch, BatchConfig)
        self.space, self.zoo = space, zoo
        self.objective = SdfDistillation(space, config.objective, fast)
        reads_behaviour = isinstance(space.encoder, BehaviourEncoder)
        self.theta = None if reads_behaviour else zoo.theta(list(range(len(zoo.networks))))
        if self.theta is not None and (config.batch.fresh or config.batch.grafts):
            raise BadSpace(
                "the prep encoder reads weights: it cannot learn from fresh shapes and grafts, which have none"
            )
        behaviours = sample_zoo(zoo, workers)
        self.validation = behaviours.select(zoo.indices("val")).to(space.device)
        if config.fresh:
            behaviours = Behaviours.stack([behaviours, sample_chairs(zoo.root, config.fresh, workers)])
        midpoints = sample_midpoints(zoo, config.midpoints, workers=workers) if config.midpoints else None
        fresh = list(range(len(zoo.networks), len(behaviours)))
        self.batches = Batches(behaviours, zoo.indices("train"), midpoints, config.batch, fresh)

    def draw(self, generator: torch.Generator) -> Batch:
        batch = self.batches.draw(generator)
        if self.theta is not None:
            batch = replace(batch, theta=self.theta[batch.rows])
        return batch.to(self.space.device)

    def validate(self) -> dict[str, float]:
        """Unrefined: `error` (mean clamped |difference|) and `agreement` (of signs near the surface)."""
        count = len(self.zoo.indices("val"))
        found = [self._validate_part(slice(start, min(start + 16, count))) for start in range(0, count, 16)]
        errors, agreements = (torch.cat(figures) for figures in zip(*found, strict=True))
        return {"error": float(errors.mean()), "agreement": float(agreements.mean())}

    @torch.no_grad()
    def complete(self, space: Space, folder: Path) -> None:
        """Measures the units of the trained space's details, and keeps where it puts what it was trained on."""
        thetas = space.decode(self._latents(space, slice(0, MEASURED))).theta
        measure_units(space, thetas, lambda theta: sdf_answers(space, theta))
        trained_on = self.zoo.indices("train")
        codes = [self._codes(space, rows).cpu() for rows in torch.tensor(trained_on).split(16)]
        known = Familiarity.of(torch.cat(codes), [self.zoo.networks[row].source for row in trained_on])
        if known is not None:
            known.save(folder)

    def _part(self, rows: slice) -> Behaviours:
        return self.validation.select(list(range(len(self.validation)))[rows])

    def _latents(self, space: Space, rows: slice) -> Tensor:
        """z [B, D] of some of the validation networks."""
        return space.without_details(self._codes(space, torch.tensor(self.zoo.indices("val")[rows])))

    def _codes(self, space: Space, rows: Tensor) -> Tensor:
        """[B, C] of networks of the zoo, by their numbers [B]."""
        if isinstance(space.encoder, BehaviourEncoder):
            return space.encoder.embed(self.batches.behaviours.probes[rows].to(space.device).float())
        assert self.theta is not None
        return space.encoder(self.theta[rows].to(space.device), self.zoo.arch)

    @torch.no_grad()
    def _validate_part(self, rows: slice) -> tuple[Tensor, Tensor]:
        part = self._part(rows)
        points, values = part.points[:, :4096].float(), part.values[:, :4096].float()
        answers = run(self.zoo.arch, self.space.decode(self._latents(self.space, rows)).theta, points)
        return distance(answers, values, "l1", 0.1), ((answers < 0) == (values < 0)).float().mean(1)
