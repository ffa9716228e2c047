"""Straightforward implementations that the library is measured against, and tested against."""

import numpy as np
import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor, nn

from netspace.archs import Siren
from netspace.archs.siren import SirenMLP
from netspace.fit import FitConfig, clamped_l1, learning_rate
from netspace.objectives import SdfDistillationConfig, distance
from netspace.spaces import Space


def module_of(arch: Siren, theta: Tensor) -> SirenMLP:
    """An ordinary module with these parameters [P]."""
    module = arch.build()
    module.load_state_dict(arch.layout.unflatten(theta.detach()))
    return module


@torch.no_grad()
def dense_mesh(arch: Siren, theta: Tensor, resolution: int, chunk: int = 32**3) -> trimesh.Trimesh:
    """Every corner of the grid evaluated, in chunks, as the paper's released code does; then marching cubes."""
    module = module_of(arch, theta).to(theta.device)
    axis = torch.linspace(-1, 1, resolution + 1, device=theta.device)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    values = torch.cat([module(part) for part in points.split(chunk)]).reshape((resolution + 1,) * 3).cpu().numpy()
    padded = np.pad(values, 1, constant_values=2.0 / resolution)
    vertices, faces, _, _ = marching_cubes(padded, 0.0, gradient_direction="descent")
    return trimesh.Trimesh(np.clip((vertices - 1) * (2.0 / resolution) - 1, -1, 1), faces, process=False)


def looped_loss(space: Space, config: SdfDistillationConfig, probes: Tensor, points: Tensor, values: Tensor) -> Tensor:
    """Eq. 2 over B networks one after another: encode, decode, evaluate each. probes [B, G, G, G], points [B, N, 3]."""
    arch = space.architectures[0]
    assert isinstance(arch, Siren)
    losses = []
    for p, x, y in zip(probes, points, values, strict=True):
        z = space.encoder.embed(p[None])
        layers = arch.layout.unflatten(space.decode(z).theta[0])
        h = x
        for i in range(len(arch.hidden)):
            h = torch.sin(
                arch.omega * nn.functional.linear(h, layers[f"layers.{i}.weight"], layers[f"layers.{i}.bias"])
            )
        last = len(arch.hidden)
        out = nn.functional.linear(h, layers[f"layers.{last}.weight"], layers[f"layers.{last}.bias"])[:, 0]
        losses.append(distance(out[None], y[None], config.loss, config.clamp)[0] + config.penalty * z.square().mean())
    return torch.stack(losses).mean()


def fit_one_by_one(points: Tensor, sdf: Tensor, config: FitConfig, generator: torch.Generator) -> Tensor:
    """Modules fitted one after another, each with its own optimiser: points [B, M, 3], sdf [B, M] -> theta [B, P]."""
    arch = config.arch
    out = []
    for pool, target, start in zip(points, sdf, arch.initial(len(points), generator), strict=True):
        module = module_of(arch, start).to(points.device)
        optimiser = torch.optim.Adam(module.parameters(), lr=config.lr, betas=(0.9, 0.99))
        for step in range(config.steps):
            pick = torch.randint(len(pool), (config.points,), generator=generator).to(points.device)
            optimiser.param_groups[0]["lr"] = learning_rate(step, config.steps, config.lr, config.warmup)
            loss = clamped_l1(module(pool[pick]), target[pick], config.clamp).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        out.append(arch.layout.flatten(dict(module.state_dict())))
    return torch.stack(out)
