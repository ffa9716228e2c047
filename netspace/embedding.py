"""Embeds a network: encode it, refine the latent against its own answers, say how well its decoded twin does."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.behaviours import points_around
from netspace.compare import Likeness, likeness
from netspace.errors import EmptyLevelSet, UnknownArchitecture
from netspace.familiarity import Familiarity
from netspace.fields import network_field
from netspace.functional import run
from netspace.grids import Grid, iou
from netspace.mesh import network_grid
from netspace.objectives import distance
from netspace.spaces.space import Space

RESOLUTION = 64
"""Grid on which decoded and input networks are compared."""
REPRESENTED, RECOGNISED = 0.55, 0.5
"""IoU and F-score from which a network counts as represented by its decoded twin."""
STRANGE = 12.0
"""Strangeness (see netspace/familiarity.py) from which a latent lies outside of what the space has learnt, however well
its decoded network agrees. docs/design.md has the figures that it was chosen by."""


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """L-BFGS on the latent against the input network's answers at `points` points, about a second on two cores.

    `steps` iterations; answers are clamped to +-`clamp`. It ends where a hundred steps of Adam end, in half the time.
    """

    steps: int = 25
    points: int = 2048
    clamp: float = 0.05
    seed: int = 0


def represented(iou: float, f_score: float, strangeness: float | None = None) -> bool:
    """Whether a decoded network is the one that was embedded, by volume and by surface, and lies where the space has
    learnt to decode, if that is known.

    By volume alone a ball would pass for an armchair; by surface alone a chair of thin rods would fail.
    """
    return iou >= REPRESENTED and f_score >= RECOGNISED and (strangeness is None or strangeness < STRANGE)


def verdict(iou: float, f_score: float, strangeness: float | None = None) -> str:
    """The same in one sentence for a person."""
    figures = f"(IoU {iou:.2f}, F-score of the surfaces {f_score:.2f})"
    if represented(iou, f_score) and not represented(iou, f_score, strangeness):
        return (
            f"Reproduced, but not represented: the decoded network looks like yours {figures}, but lies "
            f"{strangeness:.0f} times as far out as the networks of this space. It is probably another kind of object."
        )
    if not represented(iou, f_score):
        return (
            f"Badly represented: the decoded network is another shape than yours {figures}. "
            "It probably lies outside this space: another kind of object, another orientation or another scale."
        )
    if iou >= 0.8 and f_score >= 0.8:
        return f"Well represented: the decoded network agrees with yours {figures}."
    return f"Roughly represented: the decoded network has the shape but not every detail {figures}."


@dataclass(frozen=True)
class Embedding:
    """z [D], how alike decoded and input network are at 64^3, the IoU before refinement, and how far out z lies where
    that is known."""

    z: Tensor
    likeness: Likeness
    first_iou: float
    strangeness: float | None = None

    @property
    def iou(self) -> float:
        return self.likeness.iou

    @property
    def represented(self) -> bool:
        return represented(self.iou, self.likeness.f_score, self.strangeness)

    @property
    def verdict(self) -> str:
        return verdict(self.iou, self.likeness.f_score, self.strangeness)


@torch.enable_grad()
def refine(space: Space, z: Tensor, points: Tensor, values: Tensor, config: RefineConfig) -> Tensor:
    """z [D] moved so that its decoded network answers `values` [M] at `points` [M, 3]; never to a worse loss."""
    arch = space.architectures[0]
    at = z.detach().clone().requires_grad_()

    def loss() -> Tensor:
        answers = run(arch, space.decode(at[None]).theta, points)
        return distance(answers, values[None], "mse", config.clamp).sum() / config.clamp**2

    def closure() -> float:
        value = loss()
        (at.grad,) = torch.autograd.grad(value, at)
        return float(value.detach())

    with torch.no_grad():
        before = float(loss())
    optimiser = torch.optim.LBFGS(
        [at],
        max_iter=max(1, config.steps),
        max_eval=max(1, config.steps * 5 // 4),
        history_size=20,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )
    if config.steps:
        optimiser.step(closure)
    with torch.no_grad():
        return at.detach() if float(loss()) < before else z.detach()


def samples(arch: Architecture, theta: Tensor, grid: Grid, config: RefineConfig) -> tuple[Tensor, Tensor]:
    """Points [M, 3] around the network's own surface (known from `grid`) and its answers [M]."""
    points = points_around(grid, config.points, torch.Generator().manual_seed(config.seed)).to(theta.device)
    return points, network_field(arch, theta)(points)


@torch.no_grad()
def embed(
    space: Space,
    arch: Architecture,
    theta: Tensor,
    config: RefineConfig | None = None,
    familiarity: Familiarity | None = None,
) -> Embedding:
    """Network theta [P] of any SDF architecture -> Embedding, judged also by where the gallery lies if that is given.

    Raises EmptyLevelSet if the network has no surface inside the cube, UnknownArchitecture if the space's encoder
    cannot read it.
    """
    if getattr(arch, "in_features", None) != 3:
        raise UnknownArchitecture(f"expected an SDF network of 3 inputs, got {arch.name}")
    config = config or RefineConfig()
    theta = theta.to(space.device)
    grid = network_grid(arch, theta, RESOLUTION)
    inside = grid.occupied()
    if not inside.any() or inside.all():
        raise EmptyLevelSet(
            f"expected an SDF with a surface inside [-1, 1]^3, negative inside; {arch.name} has none there"
        )
    z = space.encode(theta[None], arch)[0]
    refined = refine(space, z, *samples(arch, theta, grid, config), config)
    first, final = (_twin(space, at) for at in (z, refined))
    first_iou = iou(first.occupied(), inside)
    if iou(final.occupied(), inside) < first_iou:
        refined, final = z, first
    z = refined.cpu()
    strangeness = None if familiarity is None else familiarity.strangeness(z)
    return Embedding(z, likeness(grid, final), first_iou, strangeness)


def _twin(space: Space, z: Tensor) -> Grid:
    return network_grid(space.architectures[0], space.decode(z[None]).theta[0], RESOLUTION)
