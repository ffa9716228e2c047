"""How strongly each direction of a latent acts on what is decoded, and coordinates in which all of them act alike.

Some directions of a trained latent move the surface ten thousand times as much as others, so plain gradient descent
creeps along the weak ones. Scaled by the Gauss-Newton curvature, which hardly differs from one network to the next,
searching for a latent is a well-conditioned problem.
"""

import torch
from torch import Tensor
from torch.func import jvp, vmap

from netspace.behaviours import points_around
from netspace.functional import run
from netspace.mesh import network_grid
from netspace.spaces.space import Space

POINTS, NEAR = 768, 0.05
"""Points about each network's surface; those that answer beyond +-NEAR do not count, since losses clamp them."""
AT_ONCE = 16
DAMPING = 3e-3
"""Share of the strongest direction's curvature that is added to all, so that the weakest are not overdone."""
TINY = 1e-12


def answers_jacobian(space: Space, z: Tensor) -> Tensor:
    """d answers / d latent [N, D] of the network decoded from z [D], at N points about its surface."""
    arch = space.architectures[0]
    with torch.no_grad():
        grid = network_grid(arch, space.decode(z[None]).theta[0], 32)
    points = points_around(grid, POINTS, torch.Generator().manual_seed(0)).to(z.device)

    def answers(at: Tensor) -> Tensor:
        return run(arch, space.decode(at[None]).theta, points)[0]

    near = answers(z).abs() < NEAR
    directions = torch.eye(len(z), device=z.device).split(AT_ONCE)
    columns = [vmap(lambda d: jvp(answers, (z,), (d,))[1])(some) for some in directions]
    return torch.cat(columns).T[near]


@torch.no_grad()
def curvature(space: Space, latents: Tensor) -> Tensor:
    """[D, D]: the Gauss-Newton matrix J^T J of decoded answers, a mean over points and over latents [M, D]."""
    jacobians = torch.cat([answers_jacobian(space, z.to(space.device)) for z in latents])
    return jacobians.T @ jacobians / max(1, len(jacobians))


def whitening(curvature: Tensor) -> Tensor:
    """[D, D] symmetric: steps u [D] in z = z0 + W u act alike in all directions, about one unit of answers each."""
    values, vectors = torch.linalg.eigh(curvature)
    scale = (values.clamp_min(0) + DAMPING * values[-1].clamp_min(TINY)).rsqrt()
    return (vectors * scale) @ vectors.T
