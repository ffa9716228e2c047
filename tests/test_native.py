"""The loops in C and those on tensors do the same."""

import shutil
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from netspace import cubes, grids, native
from netspace.data.sources import chair_of_seed
from netspace.fields import network_field
from netspace.grids import Field, Grid, sparse_grid
from netspace.zoo import Zoo

built = pytest.mark.skipif(native.library() is None, reason="no C compiler when NetSpace was installed")


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc"))), reason="no C compiler")
def test_the_library_is_built_where_there_is_a_compiler() -> None:
    assert native.library() is not None


def both_grids(field: Field, resolution: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Grid, Grid]:
    """In C, and on tensors."""
    quick = sparse_grid(field, resolution)
    with monkeypatch.context() as patch:
        patch.setattr(grids, "library", lambda: None)
        return quick, sparse_grid(field, resolution)


@built
@pytest.mark.parametrize("steepness", [0.2, 1.0, 7.0])
@pytest.mark.parametrize("resolution", [1, 2, 17, 33, 50, 64])
def test_grids_of_chairs_are_those_on_tensors(
    resolution: int, steepness: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 1):
        shape = chair_of_seed(seed).sdf
        quick, plain = both_grids(lambda p, shape=shape: steepness * shape(p), resolution, monkeypatch)
        assert quick.evaluated == plain.evaluated
        torch.testing.assert_close(quick.values, plain.values, atol=1e-6, rtol=1e-5)


@built
def test_grids_of_networks_are_those_on_tensors(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    for theta in zoo.theta([0, 3]):
        quick, plain = both_grids(network_field(zoo.arch, theta), 64, monkeypatch)
        assert quick.evaluated == pytest.approx(plain.evaluated, abs=5)  # a bound may round to either side of zero
        torch.testing.assert_close(quick.values, plain.values, atol=1e-5, rtol=1e-5)


@built
def test_grids_of_fields_that_rise_and_fall_everywhere_are_those_on_tensors(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = 9 * torch.randn(3, 8, generator=generator)

    def field(points: Tensor) -> Tensor:
        return torch.sin(points @ waves).sum(1) / 8

    quick, plain = both_grids(field, 40, monkeypatch)
    assert quick.evaluated == plain.evaluated
    torch.testing.assert_close(quick.values, plain.values, atol=1e-5, rtol=1e-5)


def noise() -> Iterator[Tensor]:
    """In which every case occurs; zeros and infinities too."""
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        values = torch.randn(torch.randint(1, 22, (3,), generator=generator).tolist(), generator=generator)
        values.view(-1)[:: seed + 3] *= 0 if seed % 2 else torch.inf
        yield values
    yield torch.ones(5, 5, 5)
    yield -torch.ones(5, 5, 5)


@built
def test_surfaces_are_those_on_tensors_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for values in noise():
        quick = cubes.marching_cubes(values)
        with monkeypatch.context() as patch:
            patch.setattr(cubes, "library", lambda: None)
            plain = cubes.marching_cubes(values)
        for a, b in zip(quick, plain, strict=True):
            assert a.dtype == b.dtype
            torch.testing.assert_close(a, b, atol=0, rtol=0, equal_nan=True)


def test_without_the_library_or_unwanted_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    unkept = native.library.__wrapped__
    monkeypatch.setattr(native, "find_spec", lambda _: None)
    assert unkept() is None
    monkeypatch.undo()
    monkeypatch.setenv(native.WANTED, "False")
    assert unkept() is None


def test_what_has_no_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def grid_crossing(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(native, "library", Full)
    with pytest.raises(MemoryError, match="grid_crossing"):
        native.call("grid_crossing", 3)
    with pytest.raises(AssertionError, match="contiguous"):
        native.call("grid_crossing", torch.zeros(3, 3).T)
