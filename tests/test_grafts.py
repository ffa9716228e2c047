import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspace.data.points import grid_points, uniform_points
from netspace.data.solids import Union, box
from netspace.grafts import OVERLAP, Graft, Section
from netspace.stretch import Stretch, field_at


def table(width: float, height: float, depth: float, legs: float = 0.06) -> Union:
    """A slab of half width and half depth, centred at `height`, on a post; with a board standing on its back."""
    return Union.of(
        [
            box(torch.tensor([0.0, height, 0.0]), torch.tensor([width, 0.08, depth]), 0.01),
            box(torch.tensor([0.0, height / 2 - 0.4, 0.0]), torch.tensor([legs, (height + 0.8) / 2, legs]), 0.01),
            box(torch.tensor([0.0, height + 0.3, -depth + 0.1]), torch.tensor([width * 0.8, 0.3, 0.1]), 0.01),
        ]
    )


def volume(shape: Union, side: int = 64) -> Tensor:
    return shape.sdf(grid_points(side).reshape(-1, 3)).reshape(1, side, side, side)


A, B = table(0.6, 0.1, 0.5), table(0.4, -0.2, 0.6)


def test_the_largest_section_is_found_where_it_is() -> None:
    section = Section.largest(volume(A))
    assert abs(float(section.height) - 0.1) < 0.1
    torch.testing.assert_close(section.middle, torch.zeros(1, 2), atol=0.02, rtol=0)
    torch.testing.assert_close(section.half, torch.tensor([[0.6, 0.5]]), atol=0.04, rtol=0)


def test_an_empty_shape_has_a_section_all_the_same() -> None:
    section = Section.largest(torch.ones(2, 8, 8, 8))
    assert section.half.isfinite().all()
    assert (section.half > 0).all()


def graft(seed: int = 0) -> Graft:
    return Graft.between(Section.largest(volume(A)), Section.largest(volume(B)), torch.Generator().manual_seed(seed))


@given(st.integers(0, 50))
def test_points_are_moved_there_and_back(seed: int) -> None:
    points = uniform_points(20, torch.Generator().manual_seed(seed))[None]
    torch.testing.assert_close(graft(seed).sources(graft(seed).moved(points)), points, atol=1e-5, rtol=0)


@given(st.integers(0, 50))
def test_sections_meet_and_the_upper_part_stays_in_the_cube(seed: int) -> None:
    lower, upper = Section.largest(volume(A)), Section.largest(volume(B))
    g = graft(seed)
    seat = torch.stack([upper.middle[:, 0], upper.height, upper.middle[:, 1]], -1)[:, None]
    there = torch.stack([lower.middle[:, 0], lower.height, lower.middle[:, 1]], -1)[:, None]
    torch.testing.assert_close(g.moved(seat), there, atol=1e-5, rtol=0)
    assert float(g.moved(torch.tensor([[[0.0, 0.97, 0.0]]]))[0, 0, 1]) <= 0.97 + 1e-5


def test_a_shape_grafted_on_itself_in_place_is_that_shape(generator: torch.Generator) -> None:
    same = Graft(torch.ones(1, 3), torch.zeros(1, 3), Section.largest(volume(A)).height)
    points = uniform_points(500, generator)[None]
    values = A.sdf(points[0])[None]
    at, joined = same.samples((volume(A), points, values), (volume(A), points, values))
    exact = A.sdf(at[0])[None]
    far = (at[..., 1] - same.height).abs() > OVERLAP + exact.abs()
    torch.testing.assert_close(joined[far], exact[far], atol=0.02, rtol=0)
    assert torch.equal(joined < 0, exact < 0)


def test_below_is_the_lower_shape_above_the_upper() -> None:
    g = graft()
    grown = g.resample(volume(A), volume(B), Stretch(torch.ones(1, 3)), 64)[0]
    heights = grid_points(64)[0, :, 0, 1]
    below, above = heights < float(g.height) - 0.1, heights > float(g.height) + 0.1
    lower, upper = volume(A)[0], field_at(volume(B), g.sources(grid_points(64).reshape(1, -1, 3))).reshape(64, 64, 64)
    assert torch.equal(grown[:, below] < 0, lower[:, below] < 0)
    assert torch.equal(grown[:, above] < 0, upper[:, above] < 0)


def test_points_and_grids_show_the_same_shape(generator: torch.Generator) -> None:
    points = uniform_points(1000, generator)[None]
    sampled = [(volume(s), points, s.sdf(points[0])[None]) for s in (A, B)]
    at, values = graft().samples(sampled[0], sampled[1])
    assert at.shape == (1, 1000, 3)
    grown = graft().resample(sampled[0][0], sampled[1][0], Stretch(torch.ones(1, 3)), 96)
    inner = (at.abs().amax(-1) < 0.95) & (values.abs() < 0.2)
    assert float((field_at(grown, at) - values).abs()[inner].mean()) < 0.01


def test_most_points_are_where_their_own_part_is(generator: torch.Generator) -> None:
    points = uniform_points(1000, generator)[None]
    g = graft()
    at, _ = g.samples((volume(A), points, A.sdf(points[0])[None]), (volume(B), points, B.sdf(points[0])[None]))
    above = at[..., 1] - g.height
    assert float((above[:, :500] < OVERLAP).float().mean()) > 0.9
    assert float((above[:, 500:] > -OVERLAP).float().mean()) > 0.9


@pytest.mark.parametrize("values", [(0.3, 0.3, 0.0), (-0.1, -0.1, 0.0)])
def test_at_the_cut_what_is_solid_in_both_stays_solid(values: tuple[float, float, float]) -> None:
    lower, upper, above = (torch.tensor([v]) for v in values)
    assert bool(graft().joined(lower, upper, above) < 0) == (values[0] < 0)
