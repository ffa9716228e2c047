"""What is measured gives the same results as what it is measured against."""

from collections.abc import Callable

import httpx
import numpy as np
import pytest
import torch

from benchmarks.__main__ import table
from benchmarks.load import CALLS, WEIGHTS, Crowd, report
from benchmarks.reference import dense_mesh, fit_one_by_one, looped_loss
from benchmarks.timing import quantile, seconds
from benchmarks.training import random_batch
from netspace.data.solids import Union
from netspace.fit import FitConfig, fit, pools
from netspace.mesh import network_mesh
from netspace.objectives import SdfDistillation, SdfDistillationConfig
from netspace.spaces import Space
from netspace.zoo import Zoo


def test_coarse_to_fine_gives_the_dense_mesh(zoo: Zoo) -> None:
    for theta in zoo.theta([0, 6]):
        dense, ours = dense_mesh(zoo.arch, theta, 32), network_mesh(zoo.arch, theta, 32)
        np.testing.assert_array_equal(dense.faces, ours.faces)
        np.testing.assert_allclose(dense.vertices, ours.vertices, atol=0.05 * 2 / 32)


def test_a_step_over_all_networks_has_the_looped_steps_loss_and_gradient(space: Space) -> None:
    config, space = SdfDistillationConfig(), Space(space.config)
    batch = random_batch(48, torch.Generator().manual_seed(0))
    looped = looped_loss(space, config, batch.probes, batch.points, batch.values)
    together = SdfDistillation(space, config).eval()(batch)["loss"]
    torch.testing.assert_close(together, looped, atol=1e-6, rtol=1e-5)
    parameters = list(space.parameters())
    ours, theirs = (torch.autograd.grad(loss, parameters) for loss in (together, looped))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-3)


def test_a_network_is_fitted_as_a_module_would_be(ball: Callable[..., Union]) -> None:
    config = FitConfig(hidden=(8, 8), steps=30, points=40, pool=60, fast=False)
    points, sdf = pools([ball(0.5)], 60, torch.Generator().manual_seed(0))
    start = config.arch.initial(1, torch.Generator().manual_seed(0))
    as_module = fit_one_by_one(points, sdf, config, torch.Generator().manual_seed(0))
    ours = fit(points, sdf, config, torch.Generator().manual_seed(0))
    assert (ours - start).abs().max() > 1e-3
    torch.testing.assert_close(ours, as_module, atol=1e-4, rtol=1e-3)


def test_the_load_report_tells_broken_promises() -> None:
    crowd = Crowd(httpx.AsyncClient(), [], [])
    crowd.note("mesh", httpx.Response(200), 0.5)
    crowd.note("latent", httpx.Response(200), 0.25)
    crowd.note("embed", httpx.Response(503, headers={"retry-after": "5"}), 0.1)
    assert crowd.broken == []
    crowd.note("embed", httpx.Response(503), 0.1)
    crowd.note("mesh", httpx.Response(500, text="oh"), 0.1)
    found = report(crowd, [1.0, 2.0, 2.0, 2.0, 3.0])
    assert found["requests"] == 5
    assert found["broken"] == ["embed: 503 ", "mesh: 500 oh"]
    assert found["cheap_p99_ms"] == 250
    assert found["memory_mib"] == {"start": 1.0, "settled": 2.0, "end": 3.0, "most": 3.0}
    assert set(WEIGHTS) == set(CALLS)


def test_medians_quantiles_and_tables() -> None:
    assert seconds(lambda: None) < 1
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0], 0.99) == 2.0
    machine = {"cores": 2, "cpu": "x", "gpu": None, "torch": "2"}
    text = table({"machine": machine, "rows": [{"benchmark": "b", "ours_ms": 1.234567}]})
    assert "| b | ours ms 1.23 |" in text
    assert "none at hand" in text


@pytest.mark.parametrize("name", ["meshing", "training", "serving", "start"])
def test_every_benchmark_can_be_called(name: str) -> None:
    assert callable(__import__(f"benchmarks.{name}", fromlist=["measure"]).measure)
