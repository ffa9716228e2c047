import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspace.archs import Siren, architecture_from_json
from netspace.errors import UnknownArchitecture

hiddens = st.lists(st.integers(1, 24), min_size=1, max_size=5).map(tuple)


@given(hiddens, st.floats(0.5, 1000))
def test_a_sirens_json_is_inverted_by_architecture_from_json(hidden: tuple[int, ...], omega: float) -> None:
    arch = Siren(hidden=hidden, omega=omega)
    assert architecture_from_json(arch.to_json()) == arch


@given(hiddens, st.floats(1, 60))
def test_a_siren_is_sines_of_omega_times_linear_layers(hidden: tuple[int, ...], omega: float) -> None:
    arch = Siren(hidden=hidden, omega=omega)
    module, points = arch.build().double(), torch.rand(5, 3, dtype=torch.float64)
    h = points
    for layer in list(module.layers)[:-1]:
        h = torch.sin(omega * (h @ layer.weight.T + layer.bias))
    expected = (h @ module.layers[-1].weight.T + module.layers[-1].bias)[:, 0]
    torch.testing.assert_close(module(points), expected, atol=1e-9, rtol=1e-9)


def test_initial_networks_are_independent_and_within_the_siren_bounds(generator: torch.Generator) -> None:
    arch = Siren(hidden=(64, 32))
    theta = arch.initial(3, generator)
    state = arch.layout.unflatten(theta)
    bounds = {
        "layers.0.weight": 1 / 3,
        "layers.1.weight": math.sqrt(6 / 64) / 30,
        "layers.2.weight": math.sqrt(6 / 32) / 30,
    }
    for name, bound in bounds.items():
        assert state[name].abs().max() <= bound
        assert state[name].abs().max() > 0.9 * bound
    assert theta.shape == (3, arch.layout.size)
    assert not torch.equal(theta[0], theta[1])


def test_the_same_generator_state_gives_the_same_initial_networks() -> None:
    arch = Siren(hidden=(4,))
    a, b = (arch.initial(2, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(a, b)


def test_products_in_bfloat16_stay_near_those_in_float32(generator: torch.Generator) -> None:
    arch = Siren(hidden=(32, 32, 16))
    exact, rounded = arch.build(), arch.build(product_dtype=torch.bfloat16)
    rounded.load_state_dict(exact.state_dict())
    state = arch.layout.unflatten(arch.initial(1, generator)[0])
    for module in (exact, rounded):
        module.load_state_dict(state)
    points = torch.rand(100, 3, generator=generator)
    difference = (exact(points) - rounded(points)).abs().max()
    assert 0 < difference < 0.05


@pytest.mark.parametrize("hidden", [(), (0,), (4, -1), (2049,), (4,) * 17])
def test_impossible_widths_and_depths_are_refused(hidden: tuple[int, ...]) -> None:
    with pytest.raises(UnknownArchitecture, match="hidden layers") as caught:
        Siren(hidden=hidden)
    assert str(hidden) in str(caught.value)


@pytest.mark.parametrize("omega", [0.0, -30.0, math.nan, math.inf, 1e6])
def test_impossible_frequencies_are_refused(omega: float) -> None:
    with pytest.raises(UnknownArchitecture, match="omega in"):
        Siren(omega=omega)


def test_an_unknown_family_is_refused_by_name() -> None:
    with pytest.raises(UnknownArchitecture, match=r"'siren', 'vanilla'\], got 'transformer'"):
        architecture_from_json({"family": "transformer"})


def test_names_tell_architectures_apart() -> None:
    assert Siren().name == "siren-256-256"
    assert Siren(hidden=(8,), omega=20.0).name == "siren-8-omega20"
