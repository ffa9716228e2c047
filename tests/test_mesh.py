import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from netspace.archs import Siren
from netspace.data.solids import Union, box
from netspace.data.sources import chair_of_seed
from netspace.errors import EmptyLevelSet, NetSpaceError
from netspace.functional import run
from netspace.grids import Grid, dense_grid, sparse_grid
from netspace.mesh import (
    FORMATS,
    Solidity,
    as_float32,
    grid_mesh,
    mesh_bytes,
    network_grid,
    network_mesh,
    network_meshes,
    save_mesh,
)
from netspace.zoo import Zoo

Ball = Callable[..., Union]


@pytest.mark.parametrize("resolution", [24, 40, 64])
@pytest.mark.parametrize(("radius", "centre"), [(0.5, (0.0, 0.0, 0.0)), (0.3, (0.4, -0.2, 0.1))])
def test_a_balls_mesh_has_its_radius_centre_and_volume(
    resolution: int, radius: float, centre: tuple[float, ...], ball: Ball
) -> None:
    mesh = grid_mesh(sparse_grid(ball(radius, *centre).sdf, resolution))
    cell = 2 / resolution
    distance = np.linalg.norm(mesh.vertices - np.array(centre), axis=1)
    assert np.abs(distance - radius).max() < 0.1 * cell
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * math.pi * radius**3, rel=2 * (cell / radius) ** 2)
    assert mesh.euler_number == 2


def test_faces_are_counter_clockwise_seen_from_outside(ball: Ball) -> None:
    mesh = grid_mesh(sparse_grid(ball(0.5).sdf, 24))
    a, b, c = (np.asarray(mesh.vertices)[mesh.faces[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    assert ((normals * (a + b + c)).sum(1) >= 0).mean() > 0.999
    assert mesh.volume > 0


def test_a_solid_that_leaves_the_cube_is_closed_at_its_faces() -> None:
    beam = Union.of([box(torch.zeros(3), torch.tensor([2.0, 0.3, 0.3]), 0.0)])
    mesh = grid_mesh(sparse_grid(beam.sdf, 32))
    assert mesh.is_watertight
    assert np.abs(mesh.vertices).max() <= 1
    assert mesh.volume == pytest.approx(2 * 0.6 * 0.6, rel=0.05)


def test_a_mesh_of_coarse_to_fine_values_is_that_of_dense_ones() -> None:
    sdf = chair_of_seed(3).sdf
    sparse, dense = grid_mesh(sparse_grid(sdf, 48)), grid_mesh(dense_grid(sdf, 48))
    assert np.array_equal(sparse.faces, dense.faces)
    np.testing.assert_allclose(sparse.vertices, dense.vertices, atol=1e-4)


def test_a_networks_mesh_lies_on_its_level_zero(zoo: Zoo) -> None:
    theta = zoo.theta([0])[0]
    mesh = network_mesh(zoo.arch, theta, 64)
    values = run(zoo.arch, theta[None], torch.from_numpy(np.asarray(mesh.vertices)).float())[0]
    inside = np.abs(mesh.vertices).max(1) < 0.99
    assert np.abs(values.numpy()[inside]).mean() < 2e-3
    assert mesh.is_watertight
    assert np.abs(mesh.vertices).max() <= 1


@pytest.mark.parametrize(
    ("value", "words"), [(0.3, "no point .* minimum is 0.3"), (-0.3, "every point .* maximum is -0.3")]
)
def test_a_field_without_a_surface_is_reported_not_meshed(value: float, words: str) -> None:
    with pytest.raises(EmptyLevelSet, match=words):
        grid_mesh(Grid(torch.full((9, 9, 9), value), 729))


def test_a_network_without_a_surface_is_reported(generator: torch.Generator) -> None:
    arch = Siren(hidden=(4,))
    state = arch.layout.unflatten(arch.initial(1, generator)[0])
    state["layers.1.bias"] = state["layers.1.bias"] + 50
    with pytest.raises(EmptyLevelSet, match="16"):
        network_mesh(arch, arch.layout.flatten(state), 16)


def test_a_networks_grid_holds_its_own_answers(zoo: Zoo) -> None:
    theta = zoo.theta([1])[0]
    grid = network_grid(zoo.arch, theta, 16)
    dense = dense_grid(lambda p: run(zoo.arch, theta[None], p)[0], 16)
    assert torch.equal(grid.occupied(), dense.occupied())


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_loads_back_as_the_same_mesh(file_format: str, ball: Ball, tmp_path: Path) -> None:
    mesh = grid_mesh(sparse_grid(ball(0.5, 0.2, -0.1, 0.3).sdf, 24))
    content = mesh_bytes(mesh, file_format)
    loaded = trimesh.load_mesh(io.BytesIO(content), file_type=file_format)
    np.testing.assert_allclose(loaded.bounds, mesh.bounds, atol=1e-5)
    assert len(loaded.faces) == len(mesh.faces)
    assert loaded.volume == pytest.approx(mesh.volume, rel=1e-4)
    save_mesh(mesh, tmp_path / f"ball.{file_format.upper()}")
    assert (tmp_path / f"ball.{file_format.upper()}").read_bytes() == content


def test_an_unknown_mesh_format_is_refused_by_name(ball: Ball, tmp_path: Path) -> None:
    mesh = grid_mesh(sparse_grid(ball(0.5).sdf, 16))
    with pytest.raises(NetSpaceError, match="one of glb, stl, ply, obj, got 'fbx'"):
        save_mesh(mesh, tmp_path / "ball.fbx")
    assert not list(tmp_path.iterdir())


def test_two_balls_are_two_parts_with_their_shares(ball: Ball) -> None:
    large, small = ball(0.4, -0.5), ball(0.2, 0.5)

    def both(points: Tensor) -> Tensor:
        return torch.minimum(large.sdf(points), small.sdf(points))

    solidity = Solidity.of(sparse_grid(both, 64))
    assert solidity.parts == 2
    assert solidity.largest_share == pytest.approx(8 / 9, abs=0.02)
    assert solidity.volume == pytest.approx(4 / 3 * math.pi * (0.4**3 + 0.2**3), rel=0.05)


def test_one_ball_is_one_part_and_nothing_is_none(ball: Ball) -> None:
    assert Solidity.of(sparse_grid(ball(0.5).sdf, 32)).parts == 1
    assert Solidity.of(sparse_grid(ball(0.5).sdf, 32)).largest_share == 1
    assert Solidity.of(Grid(torch.ones(5, 5, 5), 0)) == Solidity(volume=0.0, parts=0, largest_share=0.0)


def test_corners_that_touch_diagonally_are_one_part() -> None:
    values = torch.ones(5, 5, 5)
    values[1, 1, 1] = values[2, 2, 2] = -1
    assert Solidity.of(Grid(values, 0)).parts == 1


def test_positions_go_out_as_contiguous_float32() -> None:
    array = np.arange(12, dtype=np.float64).reshape(3, 4).T
    for out in (as_float32(array), as_float32(torch.from_numpy(array))):
        assert out.dtype == np.dtype("<f4")
        assert out.flags.c_contiguous
        np.testing.assert_array_equal(out, array)


def test_meshes_made_together_are_those_made_alone(zoo: Zoo) -> None:
    nothing = torch.zeros(zoo.arch.layout.size)
    thetas = torch.stack([*zoo.theta([0, 6]), nothing])
    together = network_meshes(zoo.arch, thetas, 24)
    assert together[2] is None
    for theta, mesh in zip(thetas[:2], together[:2], strict=True):
        assert mesh is not None
        alone = network_mesh(zoo.arch, theta, 24)
        np.testing.assert_allclose(mesh.vertices, alone.vertices, atol=1e-6)
        np.testing.assert_array_equal(mesh.faces, alone.faces)
