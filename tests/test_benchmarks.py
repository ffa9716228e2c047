"""What is measured gives the same results as what it is measured against."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scipy.spatial import cKDTree

from benchmarks.__main__ import kept
from benchmarks.goals import BEGIN, END, GOALS, figures, show
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
        apart, _ = cKDTree(dense.vertices).query(ours.vertices)
        assert apart.max() < 0.05 * 2 / 32
        assert len(ours.vertices) <= len(dense.vertices) < 1.05 * len(ours.vertices)  # scikit-image's have middles too
        assert ours.volume == pytest.approx(dense.volume, rel=0.05)


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


MACHINE = {"cores": 2, "cpu": "x", "bfloat16": False, "gpu": None, "torch": "2"}


def test_medians_and_quantiles() -> None:
    assert seconds(lambda: None) < 1
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0], 0.99) == 2.0


def test_a_goal_is_reached_missed_or_not_measured() -> None:
    rows = [
        {"benchmark": "meshing 128^3", "ratio": 7.9, "ratio_at_best": 9.0, "gpu_ratio": 30.0},
        {"benchmark": "start to ready", "seconds": 5.0},
    ]
    text = figures({"machine": MACHINE, "rows": rows})
    assert "| meshing 128^3, ratio | >= 8 x | 7.9 x | missed | 9 x | 30 x |" in text
    assert "| start to ready, seconds | <= 6 s | 5 s | reached |  |  |" in text
    assert "| meshing 256^3, ratio | >= 20 x | not measured |  |  |  |" in text
    assert "GPU: none at hand" in text


def test_figures_replace_those_on_the_page_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    for _ in range(2):
        show({"machine": MACHINE, "rows": [{"benchmark": "b", "ours_ms": 1.234567}]}, page)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}")
    assert text.endswith(f"{END}after\n")
    assert text.count("| b | ours ms 1.23 |") == 1
    assert "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="expected the lines"):
        show({"machine": MACHINE, "rows": []}, page)
    assert page.read_text() == "nothing\n"


def test_rows_of_another_machine_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"machine": MACHINE, "rows": [{"benchmark": "b", "ratio": 2}]}))
    assert kept(path, MACHINE) == {"b": {"benchmark": "b", "ratio": 2}}
    assert kept(path, {**MACHINE, "cores": 64}) == {}
    assert kept(tmp_path / "none.json", MACHINE) == {}


def test_every_goal_names_a_benchmarks_figure() -> None:
    source = "".join(path.read_text() for path in Path("benchmarks").glob("*.py") if path.name != "goals.py")
    for goal in GOALS:
        assert f'"{goal.figure}"' in source, goal


@pytest.mark.parametrize("name", ["meshing", "training", "serving", "start"])
def test_every_benchmark_can_be_called(name: str) -> None:
    assert callable(__import__(f"benchmarks.{name}", fromlist=["measure"]).measure)
