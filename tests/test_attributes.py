"""Attributes: honest regressions on a gallery, and latents that reach what was asked for."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.attributes import Attributes, Target, soft_volume
from netspace.directions import FEWEST, Regression, offered, regress, regressions
from netspace.errors import BadObjective
from netspace.lso import LsoConfig, begin, optimise
from netspace.mesh import Solidity, network_grid
from netspace.prior import Prior
from netspace.spaces import Entry, Gallery, Space
from netspace.spaces.gallery import Projection


def gallery_of(latents: Tensor, properties: list[dict]) -> Gallery:
    entries = tuple(
        Entry(id=str(i), name=str(i), source="x", split="test", iou=1, f_score=1, position=(0.0, 0.0), properties=known)
        for i, known in enumerate(properties)
    )
    return Gallery(entries, latents, Projection.of(latents), {}, (Siren(hidden=(16, 16)),), Path("unused"))


@pytest.fixture
def latents(generator: torch.Generator) -> Tensor:
    return torch.randn(48, 8, generator=generator)


@pytest.fixture
def gallery(latents: Tensor, generator: torch.Generator) -> Gallery:
    """`height` is linear in the latent, `luck` is noise, `rare` known for few, `kind` a word, `same` constant."""
    luck = torch.randn(48, generator=generator)
    return gallery_of(
        latents,
        [
            {"height": 2 * float(z[0]) - float(z[3]) + 5, "luck": float(x), "kind": "a", "same": 1.0, "round": True}
            | ({"rare": 1.0 * i} if i < FEWEST - 1 else {})
            for i, (z, x) in enumerate(zip(latents, luck, strict=True))
        ],
    )


def test_a_linear_property_is_found_and_noise_is_called_noise(gallery: Gallery, latents: Tensor) -> None:
    known = regressions(gallery)
    assert set(known) == {"height", "luck"}
    assert known["height"].r2 > 0.99
    assert known["luck"].r2 < 0.3
    torch.testing.assert_close(known["height"](latents), 2 * latents[:, 0] - latents[:, 3] + 5, atol=0.05, rtol=0)
    assert [r.name for r in offered(known)] == ["height"]


def test_more_dimensions_than_networks_do_not_make_noise_predictable() -> None:
    generator = torch.Generator().manual_seed(4)
    found = regress("noise", torch.randn(30, 200, generator=generator), torch.randn(30, generator=generator))
    assert found.r2 < 0.3


def test_soft_volume_is_the_volume_of_the_solid(space: Space, generator: torch.Generator) -> None:
    arch = space.architectures[0]
    for z in torch.randn(3, 8, generator=generator):
        hard = Solidity.of(network_grid(arch, space.decode(z[None]).theta[0], 64)).volume
        assert float(soft_volume(space, z[None])) == pytest.approx(hard, rel=0.1, abs=0.1)


def reached(space: Space, gallery: Gallery, targets: dict[str, Target], start: Tensor, stay: float) -> Attributes:
    prior = Prior.of(gallery.latents)
    objective = Attributes.of(space, regressions(gallery), targets, prior, start, stay)
    config = LsoConfig(steps=120, lr=0.1, prior=1e-4, patience=120)
    *_, end = optimise(objective, prior, config, begin(objective, prior, config, start[None]))
    return objective, end.state.best


def test_a_property_is_moved_by_what_was_asked(space: Space, gallery: Gallery, latents: Tensor) -> None:
    objective, best = reached(space, gallery, {"height": Target(by=1.5)}, latents[0], 1e-4)
    height = regressions(gallery)["height"]
    assert float(height(best[None])) == pytest.approx(float(height(latents[:1])) + 1.5, abs=0.1)
    assert objective.verdict(best).startswith("Found by optimising attributes: height")


def test_the_volume_of_the_decoded_solid_follows_its_target(space: Space, gallery: Gallery, latents: Tensor) -> None:
    goal = float(soft_volume(space, latents[:1])) * 0.9
    _, best = reached(space, gallery, {"volume": Target(to=goal)}, latents[0], 0.0)
    assert float(soft_volume(space, best[None])) == pytest.approx(goal, rel=0.02)


def test_staying_keeps_the_latent_nearer_to_its_start(space: Space, gallery: Gallery, latents: Tensor) -> None:
    ends = [reached(space, gallery, {"height": Target(by=2.0)}, latents[0], stay)[1] for stay in (0.0, 5.0)]
    far, near = (float((end - latents[0]).norm()) for end in ends)
    assert near < far


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ({}, "at least one"),
        ({"wheels": Target(to=1.0)}, r"\['volume', 'height'\], got 'wheels'"),
        ({"luck": Target(to=1.0)}, "held-out R"),
        ({"height": Target(by=1.0)}, "needs a latent"),
    ],
)
def test_what_the_space_cannot_serve_is_refused(
    targets: dict[str, Target], words: str, space: Space, gallery: Gallery
) -> None:
    with pytest.raises(BadObjective, match=words):
        Attributes.of(space, regressions(gallery), targets, Prior.of(gallery.latents))


@pytest.mark.parametrize("given", [{}, {"to": 1.0, "by": 1.0}, {"to": float("inf")}])
def test_a_target_is_one_finite_number(given: dict[str, float]) -> None:
    with pytest.raises(BadObjective, match="either to or by"):
        Target(**given)


def test_a_regression_says_the_range_of_the_gallery(gallery: Gallery) -> None:
    height: Regression = regressions(gallery)["height"]
    values = [entry.properties["height"] for entry in gallery.entries]
    assert (height.low, height.high) == pytest.approx((min(values), max(values)), rel=1e-5)
