from dataclasses import replace

import pytest
import torch
from torch import Tensor

from netspace.batches import Batch, BatchConfig, Batches
from netspace.behaviours import Behaviours, Midpoints
from netspace.data.points import grid_points, uniform_points
from netspace.stretch import field_at

SLOPES = torch.tensor([[0.5, 0.2, -0.3], [-0.1, 0.4, 0.2], [0.3, -0.3, 0.1]])
CONFIG = BatchConfig(networks=8, points=40, stretch=0.15)


def linear_behaviours(probes: int = 8, volume: int = 16) -> Behaviours:
    """Three linear functions, which every interpolation reproduces."""
    generator = torch.Generator().manual_seed(0)
    points = 0.7 * torch.stack([uniform_points(300, generator) for _ in SLOPES])
    return Behaviours(
        probes=torch.einsum("xyzc,nc->nxyz", grid_points(probes), SLOPES),
        volume=torch.einsum("xyzc,nc->nxyz", grid_points(volume), SLOPES),
        points=points,
        values=torch.einsum("nmc,nc->nm", points, SLOPES),
    )


def draw(config: BatchConfig, rows: list[int], seed: int = 0, midpoints: Midpoints | None = None) -> Batch:
    return Batches(linear_behaviours(), rows, midpoints, config).draw(torch.Generator().manual_seed(seed))


def slopes(points: Tensor, values: Tensor) -> Tensor:
    """The linear functions' slopes [B, 3] from values [B, N] at points [B, N, 3]; asserts that they are linear."""
    found = torch.linalg.lstsq(points, values[..., None]).solution
    torch.testing.assert_close((points @ found)[..., 0], values, atol=2e-4, rtol=1e-3)
    return found[..., 0]


def probe_slopes(batch: Batch) -> Tensor:
    points = grid_points(8).reshape(-1, 3)
    inner = points.abs().amax(1) < 0.8
    points = points[inner].expand(len(batch.probes), -1, 3)
    return slopes(points, batch.probes.flatten(1)[:, inner])


@pytest.mark.parametrize("seed", range(4))
def test_probes_and_points_show_the_same_stretched_function(seed: int) -> None:
    batch = draw(CONFIG, [0, 1, 2], seed)
    torch.testing.assert_close(slopes(batch.points, batch.values), probe_slopes(batch), atol=1e-3, rtol=1e-3)


def test_both_networks_of_a_pair_are_stretched_alike() -> None:
    batches = [draw(CONFIG, [1], seed) for seed in range(4)]
    found = torch.stack([slopes(batch.points, batch.values) for batch in batches])
    torch.testing.assert_close(found[:, :4], found[:, 4:], atol=1e-3, rtol=1e-3)
    changed = (found[:, :4].abs() - SLOPES[1].abs()).abs().amax(2) > 1e-3
    assert changed.any(), "some pairs are stretched"
    assert not changed.all(), "and some are not"


def test_without_stretching_batches_hold_the_behaviours_themselves() -> None:
    batch, b = draw(replace(CONFIG, stretch=0.0), [0, 2]), linear_behaviours()
    torch.testing.assert_close(batch.probes, b.probes[batch.rows], atol=1e-5, rtol=0)
    torch.testing.assert_close(slopes(batch.points, batch.values), SLOPES[batch.rows], atol=1e-3, rtol=1e-3)


def test_bent_probes_and_points_show_the_same_function() -> None:
    batches = Batches(linear_behaviours(24, 32), [0, 1, 2], None, replace(CONFIG, bend=0.1))
    bent = []
    for seed in range(4):
        batch = batches.draw(torch.Generator().manual_seed(seed))
        inner = batch.points.abs().amax(2) < 0.8
        got = field_at(batch.probes, batch.points)
        torch.testing.assert_close(got[inner], batch.values[inner], atol=5e-3, rtol=0)
        straight = torch.linalg.lstsq(batch.points, batch.values[..., None])
        bent.append((batch.points @ straight.solution - batch.values[..., None]).abs().amax((1, 2)) > 1e-3)
    assert torch.cat(bent).any(), "some functions are bent"
    assert not torch.cat(bent).all(), "and some are not"


def test_batches_have_the_asked_sizes_and_only_the_given_rows() -> None:
    batch = draw(replace(CONFIG, union_pairs=2), [0, 2])
    assert batch.probes.shape == (8, 8, 8, 8)
    assert batch.points.shape == (8, 40, 3)
    assert batch.values.shape == (8, 40)
    assert batch.mid_points.shape == (2, 40, 3)
    assert batch.mid_values.shape == (2, 40)
    assert batch.ends.tolist() == [[0, 1], [4, 5]]
    assert set(batch.rows.tolist()) <= {0, 2}


def test_the_generator_decides_the_batch() -> None:
    a, b, c = (draw(replace(CONFIG, union_pairs=2), [0, 1, 2], seed) for seed in (3, 3, 4))
    pairs = [(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True) if x is not None]
    assert all(torch.equal(x, y) for x, y in pairs)
    assert not torch.equal(a.points, c.points)


def test_the_union_of_a_function_with_itself_is_that_function() -> None:
    batch = draw(replace(CONFIG, union_pairs=4), [1])
    ends = slopes(batch.points, batch.values)[batch.ends[0]]
    torch.testing.assert_close(slopes(batch.mid_points, batch.mid_values), ends, atol=1e-3, rtol=1e-3)


def test_the_union_of_two_functions_is_their_smaller_value() -> None:
    batch = draw(replace(CONFIG, union_pairs=4), [0, 1, 2])
    found = slopes(batch.points, batch.values)
    both = torch.stack([torch.einsum("qnc,qc->qn", batch.mid_points, found[e]) for e in batch.ends])
    torch.testing.assert_close(batch.mid_values, both.amin(0), atol=2e-3, rtol=1e-2)


def test_known_midpoints_come_first_with_their_ends_stretched_alike() -> None:
    generator = torch.Generator().manual_seed(1)
    points = 0.7 * uniform_points(100, generator)[None]
    middle = SLOPES[:2].mean(0)
    midpoints = Midpoints(first=torch.tensor([0]), second=torch.tensor([1]), points=points, values=points @ middle)
    batch = draw(replace(CONFIG, chair_pairs=2, union_pairs=1), [2], midpoints=midpoints)
    assert batch.rows.tolist() == [0, 0, 2, 2, 1, 1, 2, 2]
    assert batch.ends.tolist() == [[0, 1, 2], [4, 5, 6]]
    found = slopes(batch.points, batch.values)
    between = slopes(batch.mid_points, batch.mid_values)
    torch.testing.assert_close(between[:2], (found[:2] + found[4:6]) / 2, atol=1e-3, rtol=1e-3)


def test_known_midpoints_must_be_given() -> None:
    with pytest.raises(ValueError, match="chair_pairs need midpoints"):
        draw(replace(CONFIG, chair_pairs=1), [0])


def test_midpoints_are_fuller_by_what_is_asked() -> None:
    exact, fuller = (draw(replace(CONFIG, stretch=0.0, union_pairs=2, fuller=f), [0, 1, 2]) for f in (0.0, 0.01))
    torch.testing.assert_close(fuller.mid_values, exact.mid_values - 0.01)


def test_fresh_rows_end_the_first_halves_and_no_others() -> None:
    batches = Batches(linear_behaviours(), [0, 1], None, replace(CONFIG, union_pairs=2, fresh=2), fresh=[2])
    for seed in range(4):
        rows = batches.draw(torch.Generator().manual_seed(seed)).rows.tolist()
        assert rows[2:4] == [2, 2]
        assert set(rows[:2] + rows[4:]) <= {0, 1}


def test_fresh_rows_must_be_given() -> None:
    with pytest.raises(ValueError, match="none were sampled"):
        draw(replace(CONFIG, fresh=1), [0])


def solids() -> Behaviours:
    """A wide flat ball-like seat with a post up and a leg, made of two ellipsoids; values are what the volume says."""
    grid = grid_points(32)
    seat = ((grid * torch.tensor([1.6, 6.0, 1.6])).norm(dim=-1) - 1) / 6
    post = ((grid - torch.tensor([0, 0.4, -0.3])) * torch.tensor([8.0, 2.0, 8.0])).norm(dim=-1) / 8 - 0.125
    volume = torch.stack([seat, torch.minimum(seat, post)])
    points = uniform_points(400, torch.Generator().manual_seed(0)).expand(2, 400, 3)
    return Behaviours(volume, volume, points, field_at(volume, points))


def test_grafts_end_the_second_halves_and_their_probes_and_points_agree() -> None:
    config = replace(CONFIG, networks=8, points=200, stretch=0.1, grafts=3)
    for seed in range(4):
        batch = Batches(solids(), [0, 1], None, config).draw(torch.Generator().manual_seed(seed))
        inner = (batch.points.abs().amax(2) < 0.9) & (batch.values.abs() < 0.1)
        error = ((field_at(batch.probes, batch.points) - batch.values).abs() * inner).sum(1) / inner.sum(1)
        assert float(error[5:].max()) < 0.02


@pytest.mark.parametrize(
    "bad",
    [
        {"networks": 7},
        {"chair_pairs": 3, "union_pairs": 2},
        {"chair_pairs": -1},
        {"chair_pairs": -1, "union_pairs": 1},
        {"union_pairs": 2, "fresh": 3},
        {"union_pairs": 2, "grafts": 3},
    ],
)
def test_impossible_batches_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="even number of networks"):
        replace(CONFIG, **bad)
