from dataclasses import replace

import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.behaviours import Behaviours
from netspace.compare import Likeness
from netspace.data.points import uniform_points
from netspace.embedding import (
    RECOGNISED,
    REPRESENTED,
    STRANGE,
    UNRECOGNISED,
    Embedding,
    RefineConfig,
    embed,
    refine,
    samples,
)
from netspace.errors import EmptyLevelSet, UnknownArchitecture
from netspace.functional import run
from netspace.grids import iou
from netspace.mesh import network_grid
from netspace.objectives import distance
from netspace.spaces import Space
from netspace.zoo import Zoo

QUICK = RefineConfig(steps=4, points=1024)


def loss(space: Space, z: Tensor, points: Tensor, values: Tensor, clamp: float = QUICK.clamp) -> float:
    return float(distance(run(space.architectures[0], space.decode(z[None]).theta, points), values[None], "mse", clamp))


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_refining_never_worsens_the_loss(
    steps: int, space: Space, behaviours: Behaviours, generator: torch.Generator
) -> None:
    for row in range(3):
        points, values = behaviours.points[row, :512].float(), behaviours.values[row, :512].float()
        z = torch.randn(8, generator=generator)
        refined = refine(space, z, points, values, replace(QUICK, steps=steps))
        assert loss(space, refined, points, values) <= loss(space, z, points, values)


def test_refining_approaches_a_network_that_the_space_can_decode(space: Space, generator: torch.Generator) -> None:
    goal = torch.randn(8, generator=generator)
    points = uniform_points(1024, generator)
    values = run(space.architectures[0], space.decode(goal[None]).theta, points)[0]
    start = goal + 2.0
    refined = refine(space, start, points, values, replace(QUICK, steps=40, clamp=1.0))
    assert loss(space, refined, points, values, 1.0) < 0.3 * loss(space, start, points, values, 1.0)


def test_no_steps_leave_the_latent(space: Space, behaviours: Behaviours) -> None:
    z, points, values = torch.zeros(8), behaviours.points[0, :64].float(), behaviours.values[0, :64].float()
    assert torch.equal(refine(space, z, points, values, replace(QUICK, steps=0)), z)


def test_refining_leaves_the_space_as_it_was(space: Space, behaviours: Behaviours) -> None:
    before = {name: value.clone() for name, value in space.state_dict().items()}
    refine(space, torch.zeros(8), behaviours.points[0, :64].float(), behaviours.values[0, :64].float(), QUICK)
    assert all(torch.equal(value, before[name]) for name, value in space.state_dict().items())
    assert all(p.grad is None for p in space.parameters())


def test_samples_are_the_networks_own_answers(zoo: Zoo) -> None:
    theta = zoo.theta([0])[0]
    points, values = samples(zoo.arch, theta, network_grid(zoo.arch, theta, 64), QUICK)
    assert points.shape == (1024, 3)
    torch.testing.assert_close(values, run(zoo.arch, theta[None], points)[0])


def test_an_embedding_says_how_well_its_decoded_network_agrees(space: Space, zoo: Zoo) -> None:
    theta = zoo.theta([0])[0]
    found = embed(space, zoo.arch, theta, QUICK)
    twin = network_grid(space.architectures[0], space.decode(found.z[None]).theta[0], 64)
    assert found.iou == pytest.approx(iou(twin.occupied(), network_grid(zoo.arch, theta, 64).occupied()))
    assert found.iou >= found.first_iou
    assert found.z.shape == (8,)


def test_embedding_is_the_same_every_time(space: Space, zoo: Zoo) -> None:
    a, b = (embed(space, zoo.arch, zoo.theta([1])[0], QUICK) for _ in range(2))
    assert torch.equal(a.z, b.z)
    assert a.iou == b.iou


def test_networks_of_other_widths_are_embedded(space: Space, generator: torch.Generator) -> None:
    arch = Siren(hidden=(10, 7, 5))
    theta = arch.initial(1, generator)
    state = arch.layout.unflatten(theta[0])
    middle = run(arch, theta, uniform_points(1000, generator)).median()
    state["layers.3.bias"] = state["layers.3.bias"] - middle  # half of the cube is inside
    found = embed(space, arch, arch.layout.flatten(state), QUICK)
    assert torch.isfinite(found.z).all()
    assert 0 <= found.iou <= 1


@pytest.mark.parametrize("offset", [50.0, -50.0])
def test_a_network_without_a_surface_is_refused(offset: float, space: Space, generator: torch.Generator) -> None:
    arch = Siren(hidden=(4,))
    state = arch.layout.unflatten(arch.initial(1, generator)[0])
    state["layers.1.bias"] = state["layers.1.bias"] + offset
    with pytest.raises(EmptyLevelSet, match="siren-4 has none there"):
        embed(space, arch, arch.layout.flatten(state))


def test_a_network_of_other_inputs_is_refused(space: Space, generator: torch.Generator) -> None:
    arch = Siren(hidden=(4,), in_features=2)
    with pytest.raises(UnknownArchitecture, match="3 inputs"):
        embed(space, arch, arch.initial(1, generator)[0])


@pytest.mark.parametrize(
    ("iou", "f_score", "word"),
    [
        (0.95, 0.9, "Well"),
        (0.8, 0.8, "Well"),
        (0.95, 0.79, "Roughly"),
        (0.79, 0.9, "Roughly"),
        (REPRESENTED, RECOGNISED, "Roughly"),
        (REPRESENTED - 0.01, 0.9, "Badly"),
        (0.9, RECOGNISED - 0.01, "Badly"),
    ],
)
def test_the_verdict_follows_volume_and_surface(iou: float, f_score: float, word: str) -> None:
    found = Embedding(torch.zeros(1), Likeness(iou, 0.01, f_score), 0.1)
    near = replace(found, strangeness=STRANGE - 0.1)
    known = replace(found, strangeness=2 * STRANGE, first_f_score=UNRECOGNISED)
    for other in (near, known):
        assert (other.verdict, other.represented) == (found.verdict, found.represented)
    assert found.verdict.startswith(f"{word} represented")
    assert f"{iou:.2f}" in found.verdict
    assert f"{f_score:.2f}" in found.verdict
    assert found.represented == (word != "Badly")


def test_what_the_encoder_did_not_know_is_not_represented_however_well_it_agrees() -> None:
    far = Embedding(torch.zeros(1), Likeness(0.95, 0.01, 0.9), 0.1, STRANGE, UNRECOGNISED - 0.01)
    assert not far.represented
    assert far.verdict.startswith("Reproduced, but not represented")
    assert "0.95" in far.verdict
    bad = replace(far, likeness=Likeness(0.3, 0.1, 0.2))
    assert bad.verdict.startswith("Badly represented"), "what is another shape is said to be one, near or far"
