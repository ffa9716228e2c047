import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspace.archs import Siren
from netspace.errors import BadLatent, ShapeMismatch
from netspace.lines import describe, latent_line, line, weight_line
from netspace.mesh import Solidity, network_grid
from netspace.spaces import Space
from netspace.zoo import Zoo

number = st.floats(-10, 10)
vectors = st.lists(st.tuples(number, number), min_size=1, max_size=5)


@given(vectors)
def test_a_line_starts_at_a_and_ends_at_b(pairs: list[tuple[float, float]]) -> None:
    a, b = torch.tensor([p[0] for p in pairs]), torch.tensor([p[1] for p in pairs])
    ends = line(a, b, [0.0, 1.0])
    assert torch.equal(ends[0], a)
    assert torch.equal(ends[1], b)


@given(vectors, st.lists(st.floats(-2, 3), min_size=1, max_size=4))
def test_a_line_backwards_is_the_same_line(pairs: list[tuple[float, float]], ts: list[float]) -> None:
    a, b = torch.tensor([p[0] for p in pairs]), torch.tensor([p[1] for p in pairs])
    torch.testing.assert_close(line(a, b, ts), line(b, a, [1 - t for t in ts]), atol=1e-4, rtol=1e-4)


def test_beyond_its_ends_a_line_goes_on() -> None:
    assert line(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0]), [-1.0, 2.0]).tolist() == [[-1, 1], [2, 1]]


def test_the_ends_of_a_latent_line_are_the_decoded_ends(space: Space, generator: torch.Generator) -> None:
    a, b = torch.randn(2, 8, generator=generator)
    arch, theta = latent_line(space, a, b, [0.0, 0.5, 1.0, 1.5])
    assert arch == space.architectures[0]
    assert theta.shape == (4, arch.layout.size)
    ends = space.decode(torch.stack([a, (a + b) / 2, b, 1.5 * b - 0.5 * a])).theta
    torch.testing.assert_close(theta, ends, atol=1e-6, rtol=1e-5)


def test_the_middle_of_a_weight_line_is_the_mean_of_the_weights(zoo: Zoo) -> None:
    a, b = zoo.theta([0, 1])
    theta = weight_line(zoo.arch, a, b, [0.0, 0.5, 1.0])
    assert torch.equal(theta[0], a)
    assert torch.equal(theta[2], b)
    torch.testing.assert_close(theta[1], (a + b) / 2)


def test_weights_of_another_architecture_are_refused(zoo: Zoo) -> None:
    a = zoo.theta([0])[0]
    with pytest.raises(ShapeMismatch, match=rf"siren-8: expected \[41\], got \({zoo.arch.layout.size},\)"):
        weight_line(Siren(hidden=(8,)), a, a, [0.5])
    with pytest.raises(ShapeMismatch, match="two ends of one shape"):
        weight_line(zoo.arch, a, a[:-1], [0.5])


def test_latents_that_do_not_fit_are_refused(space: Space) -> None:
    with pytest.raises(BadLatent, match=r"expected \[B, 8\]"):
        latent_line(space, torch.zeros(9), torch.zeros(9), [0.5])
    with pytest.raises(ShapeMismatch, match="two ends of one shape"):
        latent_line(space, torch.zeros(8), torch.zeros(9), [0.5])
    for bad in (math.nan, math.inf):
        with pytest.raises(BadLatent, match="finite latents"):
            latent_line(space, torch.zeros(8), torch.full((8,), bad), [0.5])


def test_a_description_is_that_of_the_networks_solid(zoo: Zoo) -> None:
    theta = zoo.theta([0])[0]
    found, solid = describe(zoo.arch, theta, 32), Solidity.of(network_grid(zoo.arch, theta, 32))
    assert (found.volume, found.parts, found.largest_share) == (solid.volume, solid.parts, solid.largest_share)
    assert not found.empty
    assert found.volume > 0


def test_a_network_without_a_surface_is_described_as_empty(generator: torch.Generator) -> None:
    arch = Siren(hidden=(4,))
    state = arch.layout.unflatten(arch.initial(1, generator)[0])
    state["layers.1.bias"] = state["layers.1.bias"] + 50
    found = describe(arch, arch.layout.flatten(state), 16)
    assert found.empty
    assert (found.volume, found.parts, found.largest_share) == (0.0, 0, 0.0)


def test_a_line_of_no_positions_is_refused(space: Space) -> None:
    z = torch.zeros(space.config.latent)
    with pytest.raises(ShapeMismatch, match="ts: expected at least one position"):
        latent_line(space, z, z, [])
