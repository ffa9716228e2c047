from dataclasses import replace
from itertools import product

import pytest
import torch

from netspace.data.chairs import (
    ARMS,
    BACKS,
    BASES,
    MEASURES,
    RANGES,
    SEATS,
    Chair,
    ChairParams,
    between,
    in_between,
    primitives,
    random_params,
)
from netspace.data.points import surface_points, uniform_points
from netspace.data.shapes import HALF_EXTENT
from netspace.data.solids import Union
from netspace.data.sources import chair_of_seed
from netspace.grids import sparse_grid
from netspace.mesh import Solidity

KINDS = list(product(BASES, BACKS))


def params(seed: int, **changes: object) -> ChairParams:
    return replace(random_params(torch.Generator().manual_seed(seed)), **changes)


@pytest.mark.parametrize(("base", "back"), KINDS)
def test_every_kind_of_chair_is_one_part(base: str, back: str) -> None:
    for seed, arms in enumerate(ARMS):
        chair = Chair.of(params(seed, base=base, back=back, arms=arms, seat=SEATS[seed % 2]))
        solidity = Solidity.of(sparse_grid(chair.sdf, 80))
        assert solidity.parts == 1, f"seed {seed}, arms {arms}: {solidity}"


@pytest.mark.parametrize("base", BASES)
def test_chairs_are_centred_and_reach_the_normal_half_extent(base: str, generator: torch.Generator) -> None:
    chair = Chair.of(params(5, base=base))
    points = surface_points(chair, 20_000, generator)
    points = points[chair.sdf(points).abs() < 1e-3]
    low, high = points.amin(0), points.amax(0)
    assert (points.abs() <= HALF_EXTENT + 2e-3).all()
    assert float(torch.maximum(high, -low).max()) == pytest.approx(HALF_EXTENT, abs=0.01)
    torch.testing.assert_close(low, -high, atol=0.02, rtol=0)


@pytest.mark.parametrize("seat", SEATS)
def test_the_seat_is_at_the_height_that_its_parameter_says(seat: str) -> None:
    for height in (0.40, 0.46, 0.52):
        solid = Union.of(primitives(params(2, seat=seat, base="legs", arms="none", seat_height=height)))
        sdf = solid.sdf(torch.tensor([[0.0, height - 0.01, 0.0], [0.0, height, 0.0], [0.0, height + 0.05, 0.0]]))
        assert sdf[0] < 0
        assert sdf[1].abs() < 1e-6
        assert sdf[2] == pytest.approx(0.05, abs=1e-5)


def test_the_seats_width_is_what_its_parameter_says() -> None:
    p = params(2, seat="box", base="pedestal", arms="none", seat_width=0.5)
    middle = p.seat_height - p.seat_thickness / 2
    at_edge = Union.of(primitives(p)).sdf(torch.tensor([[0.25, middle, 0.1], [-0.25, middle, 0.1]]))
    torch.testing.assert_close(at_edge, torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("back", BACKS)
def test_chairs_stand_upright_with_their_back_towards_minus_z(back: str) -> None:
    for seed in range(3):
        chair = Chair.of(params(seed, back=back, arms="none", back_height=0.6))
        grid = sparse_grid(chair.sdf, 64)
        y, z = (grid.occupied().nonzero()[:, axis] * (2 / 64) - 1 for axis in (1, 2))
        assert z[y > 0.5 * HALF_EXTENT].max() < 0, "above the seat there is only the back"
        assert z[y < 0.1].max() > 0, "below, the chair reaches forward"


def test_chairs_are_symmetric_left_to_right_but_for_star_bases(generator: torch.Generator) -> None:
    points = uniform_points(500, generator)
    mirrored = points * torch.tensor([-1.0, 1.0, 1.0])
    for seed in range(5):
        chair = Chair.of(params(seed))
        torch.testing.assert_close(chair.sdf(points), chair.sdf(mirrored), atol=1e-5, rtol=1e-4)


def test_a_seed_decides_the_chair(generator: torch.Generator) -> None:
    points = uniform_points(100, generator)
    assert chair_of_seed(7).params == chair_of_seed(7).params
    assert torch.equal(chair_of_seed(7).sdf(points), chair_of_seed(7).sdf(points))
    assert chair_of_seed(7).params != chair_of_seed(8).params


def test_random_measures_stay_within_their_ranges_and_every_kind_occurs(generator: torch.Generator) -> None:
    drawn = [random_params(generator) for _ in range(200)]
    for name, (low, high) in RANGES.items():
        assert all(low <= getattr(p, name) <= high for p in drawn), name
    for name, kinds in (("base", BASES), ("back", BACKS), ("arms", ARMS), ("seat", SEATS)):
        assert {getattr(p, name) for p in drawn} == set(kinds)


def test_every_measure_has_a_range() -> None:
    numbers = {name for name, value in vars(params(0)).items() if isinstance(value, float)}
    assert set(MEASURES) == numbers == set(RANGES)


def test_properties_rebuild_the_parameters_to_four_digits() -> None:
    p = params(4)
    again = ChairParams(**p.properties())
    assert all(getattr(again, name) == pytest.approx(getattr(p, name), abs=5e-5) for name in MEASURES)
    assert (again.base, again.back, again.arms, again.seat) == (p.base, p.back, p.arms, p.seat)


def test_between_starts_at_the_first_chair_and_ends_at_the_second() -> None:
    a, b = params(1), params(2)
    assert between(a, b, 0.0) == a
    assert between(a, b, 1.0) == b
    half = between(a, b, 0.5)
    assert half.seat_height == pytest.approx((a.seat_height + b.seat_height) / 2)
    assert half.base == b.base


def test_in_between_of_a_chair_and_itself_is_that_chair(generator: torch.Generator) -> None:
    points = uniform_points(500, generator)
    for seed in range(4):
        p = params(seed)
        torch.testing.assert_close(in_between(p, p).sdf(points), Chair.of(p).sdf(points), atol=1e-5, rtol=1e-4)


def test_in_between_of_different_kinds_is_in_one_part() -> None:
    for (base_a, back_a), (base_b, back_b) in zip(KINDS[::3], KINDS[::-3], strict=True):
        a, b = params(1, base=base_a, back=back_a), params(2, base=base_b, back=back_b)
        assert Solidity.of(sparse_grid(in_between(a, b).sdf, 80)).parts == 1, (base_a, back_a, base_b, back_b)
