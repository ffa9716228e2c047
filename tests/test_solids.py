from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspace.data.points import uniform_points
from netspace.data.solids import Primitive, Union, bar, box, capsule, cylinder, frame_along, normalised

coordinate = st.floats(-0.5, 0.5)
vector = st.tuples(coordinate, coordinate, coordinate).map(torch.tensor)


def rotation(seed: int) -> Tensor:
    q, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)))
    return q * torch.det(q)


PRIMITIVES: dict[str, Callable[[], Primitive]] = {
    "box": lambda: box(torch.tensor([0.1, -0.2, 0.0]), torch.tensor([0.3, 0.2, 0.4]), 0.0),
    "rounded box": lambda: box(torch.tensor([0.1, -0.2, 0.0]), torch.tensor([0.3, 0.2, 0.4]), 0.1, rotation(1)),
    "cylinder": lambda: cylinder(torch.tensor([-0.3, -0.2, 0.1]), torch.tensor([0.2, 0.3, 0.0]), 0.25, 0.05),
    "upright cylinder": lambda: cylinder(torch.tensor([0.0, -0.4, 0.0]), torch.tensor([0.0, 0.4, 0.0]), 0.2, 0.0),
    "capsule": lambda: capsule(torch.tensor([-0.3, -0.2, 0.1]), torch.tensor([0.2, 0.3, 0.0]), 0.15),
    "bar": lambda: bar(torch.tensor([-0.3, 0.2, 0.1]), torch.tensor([0.2, 0.1, 0.3]), 0.1, 0.2, 0.03),
}
each_primitive = pytest.mark.parametrize("primitive", [make() for make in PRIMITIVES.values()], ids=PRIMITIVES)


@given(vector, st.floats(0.01, 0.5), vector)
def test_a_balls_distance_gives_its_centre_and_radius(centre: Tensor, radius: float, point: Tensor) -> None:
    ball = Union.of([capsule(centre, centre, radius)])
    expected = (point - centre).norm() - radius
    torch.testing.assert_close(ball.sdf(point[None])[0], expected, atol=1e-5, rtol=1e-4)


@given(st.floats(0.05, 0.5), vector)
def test_a_cylinder_rounded_by_its_radius_is_a_ball(radius: float, point: Tensor) -> None:
    axis = torch.tensor([0.0, radius, 0.0])
    ball = Union.of([cylinder(-axis, axis, radius, radius)])
    torch.testing.assert_close(ball.sdf(point[None])[0], point.norm() - radius, atol=1e-5, rtol=1e-4)


@given(vector, vector, st.floats(0.02, 0.3), vector)
def test_a_capsules_distance_is_that_to_a_segment_less_its_radius(a: Tensor, b: Tensor, r: float, p: Tensor) -> None:
    along = b - a
    t = ((p - a) @ along / along.square().sum().clamp_min(1e-12)).clamp(0, 1)
    expected = (p - a - t * along).norm() - r
    got = Union.of([capsule(a, b, r)]).sdf(p[None])[0]
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


@given(st.integers(0, 50), vector, vector)
def test_a_rotated_box_is_the_box_in_rotated_coordinates(seed: int, centre: Tensor, point: Tensor) -> None:
    turn, half = rotation(seed), torch.tensor([0.3, 0.1, 0.2])
    turned = Union.of([box(centre, half, 0.05, turn)]).sdf(point[None])
    plain = Union.of([box(torch.zeros(3), half, 0.05)]).sdf(((point - centre) @ turn)[None])
    torch.testing.assert_close(turned, plain, atol=1e-5, rtol=1e-4)


def test_a_boxs_distance_is_known_at_its_faces_edges_and_corners() -> None:
    sdf = Union.of([box(torch.zeros(3), torch.tensor([0.1, 0.2, 0.3]), 0.0)]).sdf
    points = torch.tensor([[0.4, 0, 0], [0.1, 0.6, 0.7], [0.4, 0.6, 0.3], [0, 0, 0], [0.1, 0, 0], [0, 0.15, 0]])
    torch.testing.assert_close(sdf(points), torch.tensor([0.3, 0.5657, 0.5, -0.1, 0.0, -0.05]), atol=1e-4, rtol=0)


@each_primitive
def test_the_gradient_has_length_one_away_from_the_medial_axis(
    primitive: Primitive, generator: torch.Generator
) -> None:
    points = uniform_points(2000, generator).requires_grad_()
    sdf = Union.of([primitive]).sdf(points)
    (slope,) = torch.autograd.grad(sdf.sum(), points)
    outside = sdf > 1e-3  # the medial axis of a convex solid lies inside
    torch.testing.assert_close(slope[outside].norm(dim=1), torch.ones(int(outside.sum())), atol=1e-4, rtol=0)


@each_primitive
def test_a_point_moved_by_its_distance_lies_on_the_surface(primitive: Primitive, generator: torch.Generator) -> None:
    solid = Union.of([primitive])
    points = uniform_points(1000, generator).requires_grad_()
    sdf = solid.sdf(points)
    (slope,) = torch.autograd.grad(sdf.sum(), points)
    outside = sdf > 0
    moved = (points - sdf[:, None] * slope)[outside]
    assert solid.sdf(moved).abs().max() < 1e-5


@each_primitive
def test_distances_are_1_lipschitz(primitive: Primitive, generator: torch.Generator) -> None:
    sdf = Union.of([primitive, box(torch.full((3,), 0.4), torch.full((3,), 0.2), 0.02)]).sdf
    a, b = uniform_points(3000, generator), uniform_points(3000, generator)
    assert ((sdf(a) - sdf(b)).abs() <= (a - b).norm(dim=1) + 1e-5).all()


def test_the_distance_of_a_union_is_the_smallest_of_its_parts(generator: torch.Generator) -> None:
    parts = [make() for make in PRIMITIVES.values()]
    points = uniform_points(500, generator)
    each = torch.stack([Union.of([part]).sdf(points) for part in parts])
    torch.testing.assert_close(Union.of(parts).sdf(points), each.amin(0))


@each_primitive
def test_the_extent_bounds_all_inside_points_and_is_reached(primitive: Primitive, generator: torch.Generator) -> None:
    points = uniform_points(60_000, generator)
    inside = points[Union.of([primitive]).sdf(points) < 0] - primitive.centre
    extent = primitive.extent()
    assert (inside.abs() <= extent + 1e-5).all()
    # The support function along the axes: a plane that touches the solid lies `extent` from its centre.
    far = primitive.centre + 100 * torch.cat([torch.eye(3), -torch.eye(3)])
    assert (Union.of([primitive]).sdf(far) >= 100 - extent.repeat(2) - 1e-3).all()
    assert (inside.amax(0) > 0.7 * extent).all()


@given(vector)
def test_a_frame_along_a_direction_is_a_rotation(direction: Tensor) -> None:
    frame = frame_along(direction)
    torch.testing.assert_close(frame.T @ frame, torch.eye(3), atol=1e-5, rtol=0)
    assert torch.det(frame) == pytest.approx(1, abs=1e-4)
    if direction.norm() > 0:
        torch.testing.assert_close(frame[:, 1], direction / direction.norm(), atol=1e-5, rtol=0)


@given(vector, st.floats(0.1, 3.0))
def test_normalised_solids_are_centred_and_scaled(shift: Tensor, half_extent: float) -> None:
    parts = [
        Primitive(p.round, p.centre + shift, p.rotation, p.half, p.rounding) for p in (f() for f in PRIMITIVES.values())
    ]
    made = normalised(parts, half_extent)
    low = torch.stack([p.centre - p.extent() for p in made]).amin(0)
    high = torch.stack([p.centre + p.extent() for p in made]).amax(0)
    torch.testing.assert_close(low, -high, atol=1e-4, rtol=0)
    assert float(high.max()) == pytest.approx(half_extent, rel=1e-4)


def test_normalising_scales_distances_alike(generator: torch.Generator) -> None:
    parts = [make() for make in PRIMITIVES.values()]
    made = normalised(parts, 0.82)
    scale = float(made[0].half[0] / parts[0].half[0])
    shift = made[0].centre - parts[0].centre * scale
    points = uniform_points(500, generator)
    torch.testing.assert_close(
        Union.of(made).sdf(points * scale + shift), Union.of(parts).sdf(points) * scale, atol=1e-5, rtol=1e-4
    )
