"""The second map: neighbours stay together, and nothing moves that was there."""

import pytest
import torch
from torch import Tensor

from netspace import maps
from netspace.maps import among, neighbourhoods
from netspace.spaces.gallery import Projection


@pytest.fixture
def clusters(generator: torch.Generator) -> Tensor:
    """Five clusters of twelve in ten dimensions, far from one another."""
    centres = torch.eye(10)[:5] * 8
    return (centres[:, None] + torch.randn(5, 12, 10, generator=generator) * 0.5).reshape(60, 10)


def purity(places: Tensor) -> float:
    """Share of points whose nearest on the map is of the same cluster of twelve."""
    distance = torch.cdist(places, places)
    distance.fill_diagonal_(torch.inf)
    return float((distance.argmin(1) // 12 == torch.arange(len(places)) // 12).float().mean())


def test_neighbours_in_the_space_are_neighbours_on_the_map(clusters: Tensor) -> None:
    places = neighbourhoods(clusters)
    assert places.shape == (60, 2)
    assert float(places.abs().max()) == pytest.approx(1)
    assert purity(places) == 1
    assert purity(Projection.of(clusters)(clusters)) < 1, "two axes cannot tell five clusters apart"


def test_the_same_latents_give_the_same_map(clusters: Tensor) -> None:
    assert torch.equal(neighbourhoods(clusters), neighbourhoods(clusters.clone()))


def test_a_latent_of_the_gallery_lies_at_its_own_place(clusters: Tensor) -> None:
    places = neighbourhoods(clusters)
    torch.testing.assert_close(among(clusters, places, clusters), places)


def test_a_new_latent_lies_among_its_neighbours(clusters: Tensor) -> None:
    places = neighbourhoods(clusters)
    (new,) = among(clusters, places, clusters[:12].mean(0, keepdim=True))
    low, high = places[:12].amin(0), places[:12].amax(0)
    assert bool(((low <= new) & (new <= high)).all())


def test_more_latents_than_are_laid_out_at_once_find_their_place(
    clusters: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST", 30)
    places = neighbourhoods(clusters)
    assert places.shape == (60, 2)
    assert purity(places) > 0.9


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_few_latents_are_shown_on_their_principal_axes(clusters: Tensor, count: int) -> None:
    few = clusters[:count]
    torch.testing.assert_close(neighbourhoods(few), Projection.of(few)(few))


def test_equal_latents_do_no_harm() -> None:
    assert bool(torch.isfinite(neighbourhoods(torch.ones(20, 4))).all())
