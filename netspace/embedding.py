"""Embeds a network: encode it, refine the latent against its own answers, say how well its decoded twin does."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.behaviours import points_around
from netspace.classifier_embedding import ClassifierEmbedding, embed_classifier
from netspace.compare import Likeness, likeness
from netspace.data.images import ImageSet
from netspace.errors import EmptyLevelSet, UnknownArchitecture
from netspace.familiarity import Familiarity
from netspace.fields import network_field
from netspace.functional import run
from netspace.grids import Grid, iou
from netspace.mesh import network_grid
from netspace.objectives import distance
from netspace.spaces.decoders import details_of
from netspace.spaces.space import Space

RESOLUTION = 64
"""Grid on which decoded and input networks are compared."""
REPRESENTED, RECOGNISED = 0.55, 0.5
"""IoU and F-score from which a network counts as represented by its decoded twin."""
STRANGE, UNRECOGNISED = 2.4, 0.6
"""Strangeness (see netspace/familiarity.py) of the encoder's own latent from which a network is none that the space has
learnt, if that latent's decoded network has an F-score below the other; docs/design.md has the figures behind both."""


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """L-BFGS against the input network's answers at `points` points, within a second on two cores.

    `steps` iterations; answers are clamped to +-`clamp`; `ridge` weighs the mean square of details.
    """

    steps: int = 40
    points: int = 4096
    clamp: float = 0.05
    ridge: float = 1.0
    seed: int = 0


def represented(iou: float, f_score: float, recognised: bool = True) -> bool:
    """Whether a decoded network is the one that was embedded, by volume and by surface, and the encoder knew it.

    By volume alone a ball would pass for an armchair; by surface alone a chair of thin rods would fail.
    """
    return iou >= REPRESENTED and f_score >= RECOGNISED and recognised


def verdict(iou: float, f_score: float, recognised: bool = True) -> str:
    """The same in one sentence for a person."""
    figures = f"(IoU {iou:.2f}, F-score of the surfaces {f_score:.2f})"
    if represented(iou, f_score) and not recognised:
        return (
            f"Reproduced, but not represented: the decoded network looks like yours {figures}, but by its details "
            "alone: the encoder puts it far away from all that this space has learnt. It is probably another kind of "
            "object, or stands in another orientation."
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
    """z [D], how alike decoded and input network are at 64^3, and the IoU before refinement.

    `strangeness`: how far out the encoder's own latent lies, where that is known; `first_f_score`: of the network that
    it decodes to, before refinement.
    """

    z: Tensor
    likeness: Likeness
    first_iou: float
    strangeness: float | None = None
    first_f_score: float | None = None

    @property
    def iou(self) -> float:
        return self.likeness.iou

    @property
    def figures(self) -> dict[str, float]:
        """What is known about the twin, by name."""
        known = {} if self.strangeness is None else {"strangeness": self.strangeness}
        return {"iou": self.iou, "f_score": self.likeness.f_score, "chamfer": self.likeness.chamfer, **known}

    @property
    def recognised(self) -> bool:
        """Whether the encoder knew the network: refinement alone can reproduce much that the space has never learnt."""
        strange = self.strangeness is not None and self.strangeness >= STRANGE
        return not strange or self.first_f_score is None or self.first_f_score >= UNRECOGNISED

    @property
    def represented(self) -> bool:
        return represented(self.iou, self.likeness.f_score, self.recognised)

    @property
    def verdict(self) -> str:
        return verdict(self.iou, self.likeness.f_score, self.recognised)


@torch.enable_grad()
def refine(space: Space, z: Tensor, points: Tensor, values: Tensor, config: RefineConfig) -> Tensor:
    """z [D] moved so that its decoded network answers `values` [M] at `points` [M, 3]; never to a worse loss.

    Only its details move, if the space has any: the code stays where lines are good. Else the code does.
    """
    arch, start = space.architectures[0], z.detach()
    fixed = space.code if space.details else 0
    moved = start[fixed:].clone().requires_grad_()
    parts = details_of(space.decoder)
    bare = space.decode(space.without_details(start[None])).theta

    def latent() -> Tensor:
        return torch.cat([start[:fixed], moved])

    def loss() -> Tensor:
        theta = parts[0](bare, moved[None]) if parts else space.decode(latent()[None]).theta
        missed = distance(run(arch, theta, points), values[None], "mse", config.clamp).sum() / config.clamp**2
        return missed + config.ridge * moved.square().mean() if parts else missed

    def closure() -> float:
        value = loss()
        (moved.grad,) = torch.autograd.grad(value, moved)
        return float(value.detach())

    with torch.no_grad():
        before = float(loss())
    optimiser = torch.optim.LBFGS(
        [moved],
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
        return latent().detach() if float(loss()) < before else start


def samples(arch: Architecture, theta: Tensor, grid: Grid, config: RefineConfig) -> tuple[Tensor, Tensor]:
    """Points [M, 3] around the network's own surface (known from `grid`) and its answers [M]."""
    points = points_around(grid, config.points, torch.Generator().manual_seed(config.seed)).to(theta.device)
    return points, network_field(arch, theta)(points)


def embed(
    space: Space,
    arch: Architecture,
    theta: Tensor,
    config: RefineConfig | None = None,
    images: ImageSet | None = None,
    familiarity: Familiarity | None = None,
) -> Embedding | ClassifierEmbedding:
    """Network theta [P] of the space's task -> what is known about it: `.z`, `.figures`, `.represented`, `.verdict`.

    `config` refines the latents of SDF networks, `familiarity` judges them too, `images` measure classifiers. Raises as
    `embed_sdf` and `embed_classifier` do.
    """
    if space.config.task == "classifier":
        return embed_classifier(space, arch, theta, images)
    return embed_sdf(space, arch, theta, config, familiarity)


@torch.no_grad()
def embed_sdf(
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
    if (arch.task, arch.in_shape) != ("sdf", (3,)):
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
    strangeness = None if familiarity is None else familiarity.strangeness(z)
    refined = refine(space, z, *samples(arch, theta, grid, config), config)
    first, final = (_twin(space, at) for at in (z, refined))
    first_iou = iou(first.occupied(), inside)
    first_f_score = None if strangeness is None else likeness(grid, first).f_score
    if iou(final.occupied(), inside) < first_iou:
        refined, final = z, first
    return Embedding(refined.cpu(), likeness(grid, final), first_iou, strangeness, first_f_score)


def _twin(space: Space, z: Tensor) -> Grid:
    return network_grid(space.architectures[0], space.decode(z[None]).theta[0], RESOLUTION)
