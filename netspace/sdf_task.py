"""What a space of SDF networks is trained on: their behaviours, sampled once, and those of shapes in no zoo."""

from dataclasses import replace

import torch
from torch import Tensor

from netspace.batches import Batch, BatchConfig, Batches
from netspace.behaviours import Behaviours, sample_chairs, sample_midpoints, sample_zoo
from netspace.errors import BadSpace
from netspace.functional import run
from netspace.objectives import SdfDistillation, SdfDistillationConfig, distance
from netspace.spaces.encoders import BehaviourEncoder
from netspace.spaces.space import Space
from netspace.train import TrainConfig
from netspace.zoo import Zoo


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
        errors, agreements = [], []
        networks = self.zoo.indices("val")
        for start in range(0, len(networks), 16):
            part = self.validation.select(list(range(start, min(start + 16, len(networks)))))
            theta = None if self.theta is None else self.theta[networks[start : start + 16]].to(self.space.device)
            error, agreement = self._validate_part(part, theta)
            errors.append(error)
            agreements.append(agreement)
        return {"error": float(torch.cat(errors).mean()), "agreement": float(torch.cat(agreements).mean())}

    @torch.no_grad()
    def _validate_part(self, part: Behaviours, theta: Tensor | None) -> tuple[Tensor, Tensor]:
        points, values = part.points[:, :4096].float(), part.values[:, :4096].float()
        if isinstance(self.space.encoder, BehaviourEncoder):
            z = self.space.encoder.embed(part.probes.float())
        else:
            assert theta is not None
            z = self.space.encode(theta, self.zoo.arch)
        answers = run(self.zoo.arch, self.space.decode(z).theta, points)
        return distance(answers, values, "l1", 0.1), ((answers < 0) == (values < 0)).float().mean(1)
