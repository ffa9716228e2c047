"""Units for a latent's details: measured so that one unit of any of them moves a network's answers alike.

The weights behind them differ a hundredfold in what they do to the answers; in these units a search for details is
well-conditioned.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from netspace.behaviours import points_around
from netspace.functional import run
from netspace.mesh import network_grid
from netspace.spaces.decoders import Details, details_of
from netspace.spaces.space import Space

UNIT = 0.02
"""How far one unit of a detail moves the answers, root mean square over answers and over the details of a layer."""
POINTS, NEAR = 2048, 0.05
"""Points about each SDF network's surface; those that answer beyond +-NEAR do not count."""
PROBES = 16
"""Random signs for every network: as many backward passes tell how large the slopes are."""
TINY = 1e-12


@torch.enable_grad()
def slopes(answers: Callable[[Tensor], Tensor], theta: Tensor, places: Tensor, generator: torch.Generator) -> Tensor:
    """[n]: mean square over answers(theta [P]) of their slopes along theta's entries `places` [n].

    An estimate without bias: the square of a sum with random signs has the sum of squares as its mean.
    """
    at = theta.detach().requires_grad_()
    found = answers(at).flatten()
    total = torch.zeros(len(places), device=theta.device)
    for _ in range(PROBES):
        signs = torch.randint(0, 2, found.shape, generator=generator).to(found) * 2 - 1
        (gradient,) = torch.autograd.grad(found, at, signs, retain_graph=True)
        total += gradient[places].square() / len(found)
    return total / PROBES


def sdf_answers(space: Space, theta: Tensor) -> Callable[[Tensor], Tensor]:
    """What the network theta [P] answers near its surface, as a function of theta."""
    arch = space.architectures[0]
    with torch.no_grad():
        points = points_around(network_grid(arch, theta, 32), POINTS, torch.Generator().manual_seed(0)).to(theta.device)
        near = run(arch, theta[None], points)[0].abs() < NEAR
    return lambda weights: run(arch, weights[None], points[near])[0]


def layers(space: Space, arch_id: int, part: Details) -> list[Tensor]:
    """Rows of `part`, layer by layer."""
    sizes = space.architectures[arch_id].layout.sizes
    ends = torch.tensor(sizes, device=part.places.device).cumsum(0)
    layer = torch.searchsorted(ends, part.places, right=True)
    return [(layer == i).nonzero()[:, 0] for i in layer.unique().tolist()]


def measure_units(
    space: Space, thetas: Tensor, answers: Callable[[Tensor], Callable[[Tensor], Tensor]], arch_id: int = 0
) -> None:
    """Sets the units of one architecture's details by decoded networks thetas [M, P], if the space has details.

    `answers(theta)` gives what a network answers as a function of its weights.
    """
    found = details_of(space.decoder)
    if not found:
        return
    part, generator = found[arch_id], torch.Generator().manual_seed(0)
    square = torch.stack([slopes(answers(theta), theta, part.places, generator) for theta in thetas]).mean(0)
    for rows in layers(space, arch_id, part):
        part.units[rows] = UNIT / square[rows].mean().clamp_min(TINY).sqrt()
