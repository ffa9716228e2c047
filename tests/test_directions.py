"""Directions: a unit of one moves what it names by a unit, and no further from the gallery than it must."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.directions import Direction, components, directions, regressions
from netspace.prior import Gaussian
from netspace.spaces import Entry, Gallery
from netspace.spaces.gallery import Projection


def gallery_of(latents: Tensor, properties: list[dict]) -> Gallery:
    entries = tuple(
        Entry(id=str(i), name=str(i), source="x", split="test", iou=1, f_score=1, position=(0.0, 0.0), properties=known)
        for i, known in enumerate(properties)
    )
    return Gallery(entries, latents, Projection.of(latents), {}, Siren(hidden=(16, 16)), Path("unused"))


@pytest.fixture
def latents(generator: torch.Generator) -> Tensor:
    """Much wider along the first axis than along the others."""
    return torch.randn(60, 6, generator=generator) * torch.tensor([4.0, 1, 1, 1, 1, 1])


@pytest.fixture
def gallery(latents: Tensor, generator: torch.Generator) -> Gallery:
    """`seat_height` is linear in the latent, `luck` is noise, `arms` and `base` are words that follow it."""
    luck = torch.randn(60, generator=generator)
    return gallery_of(
        latents,
        [
            {
                "seat_height": float(z[0] / 4 + z[1]),
                "luck": float(x),
                "fit_iou": float(z[0]),
                "arms": "none" if z[0] < 0 else "bar" if z[2] < 0 else "panel",
                "base": "star" if z[1] > 0 else "legs",
            }
            for z, x in zip(latents, luck, strict=True)
        ],
    )


def test_attributes_come_best_first_then_components(gallery: Gallery) -> None:
    found = directions(gallery)
    kinds = [one.kind for one in found.values()]
    assert kinds == sorted(kinds)
    worth = [one.r2 for one in found.values() if one.kind == "attribute"]
    assert worth == sorted(worth, reverse=True)
    assert [name for name, one in found.items() if one.kind == "component"] == ["pc1", "pc2", "pc3", "pc4"]


def test_noise_and_how_well_a_network_was_fitted_are_no_directions(gallery: Gallery) -> None:
    assert {"luck", "fit_iou"}.isdisjoint(directions(gallery))
    assert "fit_iou" not in regressions(gallery)


def test_words_become_directions_of_their_own(gallery: Gallery) -> None:
    """Of what may be absent, whether it is there; of two kinds, one says it all."""
    found = directions(gallery)
    assert {"arms", "base.star"} <= set(found)
    assert "base.legs" not in found
    assert (found["arms"].title, found["base.star"].title, found["seat_height"].title) == (
        "Arms",
        "Star base",
        "Seat height",
    )
    assert (found["arms"].low, found["arms"].high) == (0, 1)


def test_one_unit_raises_the_prediction_by_one(gallery: Gallery, latents: Tensor) -> None:
    height = regressions(gallery)["seat_height"]
    step = directions(gallery)["seat_height"].step
    for amount in (-2.0, 0.5, 1.0):
        moved = height(latents + amount * step) - height(latents)
        torch.testing.assert_close(moved, torch.full((60,), amount), atol=1e-3, rtol=1e-3)


def test_no_step_that_does_as_much_is_more_plausible(gallery: Gallery, generator: torch.Generator) -> None:
    prior, height = Gaussian.of(gallery.latents), regressions(gallery)["seat_height"]
    step = directions(gallery)["seat_height"].step
    level = height.weights / height.weights.norm()
    others = torch.randn(50, 6, generator=generator)
    others = step + others - (others @ level)[:, None] * level  # all of them raise it as much
    assert (prior.square(others) >= prior.square(step[None]) * (1 - 1e-3)).all()


def test_components_are_orthogonal_and_in_standard_deviations(latents: Tensor) -> None:
    found = components(latents)
    steps = torch.stack([one.step for one in found])
    products = steps @ steps.T
    torch.testing.assert_close(products, torch.diag(products.diagonal()), atol=1e-3, rtol=0)
    assert [one.r2 for one in found] == sorted([one.r2 for one in found], reverse=True)
    scores = (latents - latents.mean(0)) @ steps.T / products.diagonal()
    torch.testing.assert_close(scores.std(0), torch.ones(4), atol=1e-3, rtol=0)
    assert found[0].low == pytest.approx(float(scores[:, 0].min()), abs=1e-3)
    assert 0 < sum(one.r2 for one in found) < 1


def test_two_latents_have_one_component_and_one_has_none() -> None:
    two: list[Direction] = components(torch.tensor([[0.0, 0, 0], [1, 1, 0]]))
    assert [one.name for one in two] == ["pc1"]
    assert two[0].r2 == pytest.approx(1)
    assert components(torch.zeros(1, 3)) == []
