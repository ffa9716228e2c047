"""Familiarity: where a latent lies beside the gallery's own, on its own and for the space that ships."""

from pathlib import Path

import pytest
import torch

from netspace.data.solids import Union, box
from netspace.embedding import STRANGE, embed
from netspace.familiarity import FEWEST, Familiarity
from netspace.fit import FitConfig, fit, pools
from netspace.spaces import Gallery, Space, load_space

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "chairs"


def test_the_gallerys_own_are_about_as_far_out_as_usual(generator: torch.Generator) -> None:
    """Also new ones of its kind, with fewer networks than dimensions; twice as far is four times as strange."""
    latents = torch.randn(80, 100, generator=generator)
    found = Familiarity.of(latents[:60])
    assert found is not None
    for z in latents[60:]:
        assert 0.3 < found.strangeness(z) < 3
        far = found.prior.mean + 2 * (z - found.prior.mean)
        assert found.strangeness(far) == pytest.approx(4 * found.strangeness(z), rel=1e-3)


def test_a_few_networks_say_nothing(generator: torch.Generator) -> None:
    assert Familiarity.of(torch.randn(FEWEST - 1, 4, generator=generator)) is None


class Round:
    """A ball, or a torus about the y axis."""

    def __init__(self, radius: float, tube: float | None = None) -> None:
        self.radius, self.tube = radius, tube

    def sdf(self, points: torch.Tensor) -> torch.Tensor:
        if self.tube is None:
            return points.norm(dim=1) - self.radius
        ring = points[:, [0, 2]].norm(dim=1) - self.radius
        return torch.stack([ring, points[:, 1]], 1).norm(dim=1) - self.tube

    def properties(self) -> dict[str, str | float]:
        return {}


@pytest.fixture(scope="module")
def shipped() -> tuple[Space, Gallery, Familiarity]:
    gallery = Gallery.open(SHIPPED / "gallery")
    found = Familiarity.of(gallery.latents)
    assert found is not None
    return load_space(SHIPPED), gallery, found


def test_no_shipped_chair_is_strange_to_the_others(shipped: tuple[Space, Gallery, Familiarity]) -> None:
    """Each judged by a gallery that it was left out of."""
    latents = shipped[1].latents
    for i in range(0, len(latents), 2):
        others = Familiarity.of(torch.cat([latents[:i], latents[i + 1 :]]))
        assert others is not None
        assert others.strangeness(latents[i]) < 0.7 * STRANGE, shipped[1].entries[i].id


def test_a_shipped_chair_is_represented_and_upside_down_it_is_stranger_and_never_well(
    shipped: tuple[Space, Gallery, Familiarity],
) -> None:
    space, gallery, familiarity = shipped
    for name in sorted(gallery.networks)[:2]:
        arch, theta = gallery.network(name) or pytest.fail(name)
        upright = embed(space, arch, theta, familiarity=familiarity)
        assert upright.represented, upright.verdict
        state = arch.layout.unflatten(theta)
        state["layers.0.weight"] = state["layers.0.weight"] * torch.tensor([1.0, -1.0, 1.0])
        flipped = embed(space, arch, arch.layout.flatten(state), familiarity=familiarity)
        assert not flipped.verdict.startswith("Well"), flipped.verdict
        assert upright.strangeness is not None
        assert flipped.strangeness is not None
        assert upright.strangeness < STRANGE / 2
        assert flipped.strangeness > 3 * upright.strangeness


def test_other_objects_are_not_represented_however_well_they_are_reproduced(
    shipped: tuple[Space, Gallery, Familiarity],
) -> None:
    space, _, familiarity = shipped
    cube = Union.of([box(torch.zeros(3), torch.full((3,), 0.6), 0.02)])
    config, generator = FitConfig(hidden=(64, 64), steps=300, fast=False), torch.Generator().manual_seed(0)
    theta = fit(*pools([Round(0.6), Round(0.6, 0.25), cube], config.pool, generator), config, generator)
    for one in theta:
        found = embed(space, config.arch, one, familiarity=familiarity)
        assert found.iou > 0.7, "the space can reproduce it"
        assert not found.represented, found.verdict
        assert not found.recognised, found
