from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from netspace.data.solids import Union
from netspace.errors import NetSpaceError
from netspace.fit import FitConfig, clamped_l1, fit, learning_rate, loss_of, pools
from netspace.grids import iou, sparse_grid
from netspace.mesh import network_grid

Ball = Callable[..., Union]
CONFIG = FitConfig(hidden=(12, 12), steps=5, points=64, pool=400, fast=False)


def fitted(shapes: list[Union], config: FitConfig = CONFIG, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    sampled = [pools([shape], config.pool, torch.Generator().manual_seed(9)) for shape in shapes]
    return fit(torch.cat([p for p, _ in sampled]), torch.cat([s for _, s in sampled]), config, generator)


def test_networks_fitted_together_do_not_influence_one_another(ball: Ball) -> None:
    a = fitted([ball(0.5), ball(0.3)])
    b = fitted([ball(0.5), ball(0.7, 0.2)])
    torch.testing.assert_close(a[0], b[0], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(a[1], b[1], atol=1e-4)


def test_the_gradient_of_a_batch_is_that_of_each_network_alone(generator: torch.Generator) -> None:
    loss = loss_of(CONFIG.arch, 0.2, None)
    theta = CONFIG.arch.initial(3, generator).requires_grad_()
    points, sdf = torch.rand(3, 20, 3, generator=generator), torch.randn(3, 20, generator=generator) / 10
    (batched,) = torch.autograd.grad(loss(theta, points, sdf), theta)
    for i in range(3):
        one = slice(i, i + 1)
        (alone,) = torch.autograd.grad(loss(theta[one], points[one], sdf[one]), theta)
        torch.testing.assert_close(batched[i], alone[i], atol=1e-6, rtol=1e-4)


def test_the_same_generator_gives_the_same_networks(ball: Ball) -> None:
    assert torch.equal(fitted([ball(0.5)], seed=1), fitted([ball(0.5)], seed=1))
    assert not torch.equal(fitted([ball(0.5)], seed=1), fitted([ball(0.5)], seed=2))


def test_a_ball_is_fitted_by_a_small_network(ball: Ball) -> None:
    config = FitConfig(hidden=(32, 32), steps=300, points=256, pool=8000, lr=3e-3, fast=False)
    theta = fitted([ball(0.5)], config)[0]
    reached = iou(network_grid(config.arch, theta, 48).occupied(), sparse_grid(ball(0.5).sdf, 48).occupied())
    assert reached > 0.9


def test_progress_is_told_every_step_with_a_falling_loss(ball: Ball, generator: torch.Generator) -> None:
    told: list[tuple[int, float]] = []
    config = replace(CONFIG, steps=60)
    fit(*pools([ball(0.5)], config.pool, generator), config, generator, lambda step, loss: told.append((step, loss)))
    assert [step for step, _ in told] == list(range(1, 61))
    assert told[-1][1] < told[0][1] / 2


def test_fast_products_change_the_loss_and_its_gradient_little(ball: Ball, generator: torch.Generator) -> None:
    theta = CONFIG.arch.initial(1, generator).requires_grad_()
    points, sdf = pools([ball(0.5)], 400, generator)
    exact, fast = (loss_of(CONFIG.arch, 0.2, product)(theta, points, sdf) for product in (None, torch.bfloat16))
    assert float(fast.detach()) == pytest.approx(float(exact.detach()), rel=0.05)
    slopes = [torch.autograd.grad(loss, theta)[0] for loss in (exact, fast)]
    assert float(torch.cosine_similarity(*slopes)) > 0.97


def test_pools_hold_each_shapes_own_distances(ball: Ball, generator: torch.Generator) -> None:
    points, sdf = pools([ball(0.5), ball(0.3)], 100, generator)
    assert points.shape == (2, 100, 3)
    torch.testing.assert_close(sdf, points.norm(dim=2) - torch.tensor([[0.5], [0.3]]), atol=1e-5, rtol=1e-5)


def test_the_clamped_loss_has_no_gradient_beyond_the_clamp() -> None:
    prediction = torch.tensor([0.05, 0.5, -0.5, -0.1], requires_grad=True)
    loss = clamped_l1(prediction, torch.tensor([0.0, 0.1, -9.0, 3.0]), 0.2)
    torch.testing.assert_close(loss.detach(), torch.tensor([0.05, 0.1, 0.0, 0.3]))
    (slope,) = torch.autograd.grad(loss.sum(), prediction)
    assert slope.tolist() == [1, 0, 0, -1]


def test_the_learning_rate_warms_up_to_its_peak_and_decays_to_zero() -> None:
    rates = [learning_rate(step, 100, 1e-3, 10) for step in range(101)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == rates[10] == pytest.approx(1e-3)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0, abs=1e-12)


def test_no_warm_up_starts_at_the_peak() -> None:
    assert learning_rate(0, 10, 1e-3, 0) == pytest.approx(1e-3)


@pytest.mark.parametrize("bad", [{"steps": 0}, {"points": 0}, {"points": 500}, {"pool": 0}])
def test_impossible_settings_are_refused(bad: dict) -> None:
    with pytest.raises(NetSpaceError, match="1 <= points <= pool"):
        replace(CONFIG, **bad)
