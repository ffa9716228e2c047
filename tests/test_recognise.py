from collections import OrderedDict
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from netspace.archs import Siren, recognise
from netspace.errors import NetSpaceError, NonFiniteValues, UnknownArchitecture
from netspace.functional import run

hiddens = st.lists(st.integers(1, 12), min_size=1, max_size=6).map(tuple)


def state_of(hidden: tuple[int, ...], seed: int = 0) -> dict[str, Tensor]:
    arch = Siren(hidden=hidden)
    return arch.layout.unflatten(arch.initial(1, torch.Generator().manual_seed(seed))[0])


@given(hiddens, st.integers(0, 100))
def test_a_recognised_network_answers_as_the_module_does(hidden: tuple[int, ...], seed: int) -> None:
    module = Siren(hidden=hidden).build()
    module.load_state_dict(state_of(hidden, seed))
    arch, theta = recognise(module.state_dict())
    points = 2 * torch.rand(16, 3, generator=torch.Generator().manual_seed(seed)) - 1
    assert arch == Siren(hidden=hidden)
    torch.testing.assert_close(run(arch, theta[None], points)[0], module(points))


@pytest.mark.parametrize(
    "key", ["state_dict", "model_state_dict", "model", "mlp", "net", "network", "module", "weights"]
)
def test_a_state_dict_under_a_usual_key_is_the_same_network(key: str) -> None:
    state = state_of((5, 4))
    arch, theta = recognise({key: state, "epoch": 3, "optimizer": {"lr": 0.1}})
    assert arch == Siren(hidden=(5, 4))
    assert torch.equal(theta, recognise(state)[1])


def test_nested_wrappers_are_opened() -> None:
    state = state_of((5, 4))
    assert torch.equal(recognise({"model": {"state_dict": state}})[1], recognise(state)[1])


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "net.", "_orig_mod.module."])
def test_prefixes_do_not_matter(prefix: str) -> None:
    state = state_of((5, 4))
    assert torch.equal(recognise({prefix + n: t for n, t in state.items()})[1], recognise(state)[1])


@pytest.mark.parametrize(
    "names",
    [
        ("net.0.linear", "net.1.linear", "net.2.linear", "net.3"),
        ("0", "2", "4", "6"),
        ("fc1", "fc2", "fc3", "out"),
        ("first", "hidden.0", "hidden.10", "last"),
        ("layers.8", "layers.9", "layers.10", "layers.11"),
    ],
)
def test_other_names_in_any_order_are_the_same_network(names: tuple[str, ...]) -> None:
    state = state_of((5, 5, 5))
    renamed = {f"{n}.{kind}": state[f"layers.{i}.{kind}"] for i, n in enumerate(names) for kind in ("weight", "bias")}
    shuffled = OrderedDict(sorted(renamed.items(), key=lambda item: item[0][::-1]))
    assert torch.equal(recognise(shuffled)[1], recognise(state)[1])


def test_hidden_layers_are_ordered_by_number_not_by_text() -> None:
    state = state_of((4,) * 12)
    backwards = dict(reversed(state.items()))
    assert torch.equal(recognise(backwards)[1], recognise(state)[1])


def test_omega_beside_the_weights_is_read() -> None:
    assert recognise({"state_dict": state_of((4,)), "omega": 12.5})[0].omega == 12.5
    assert recognise({"state_dict": state_of((4,))})[0].omega == 30.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(dtype: torch.dtype) -> None:
    state = {name: value.to(dtype) for name, value in state_of((4,)).items()}
    arch, theta = recognise(state)
    assert theta.dtype == torch.float32
    assert torch.equal(theta, arch.layout.flatten(state).float())


def mlp(*widths: int) -> dict[str, Tensor]:
    return nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(widths))).state_dict()


def changed(name: str, value: Any) -> dict[str, Tensor]:
    return {**state_of((5, 4)), name: value}


REFUSED: dict[str, tuple[Any, type[NetSpaceError], str]] = {
    "a list": ([1, 2], UnknownArchitecture, "got list"),
    "a module": (nn.Linear(1, 1), UnknownArchitecture, "got Linear"),
    "an empty dict": ({}, UnknownArchitecture, "no tensor"),
    "a dict without tensors": ({"epoch": 3}, UnknownArchitecture, r"\['epoch'\] with no tensor"),
    "a classifier": (mlp(784, 100, 10), UnknownArchitecture, r"\(100, 784\)"),
    "two inputs": (mlp(2, 8, 1), UnknownArchitecture, r"\(8, 2\)"),
    "two outputs": (mlp(3, 8, 2), UnknownArchitecture, r"\(2, 8\)"),
    "no hidden layer": (mlp(3, 1), UnknownArchitecture, r"\(1, 3\)"),
    "a convolution": (nn.Conv2d(3, 8, 3).state_dict(), UnknownArchitecture, r"\(8, 3, 3, 3\)"),
    "batch norm": (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict(), UnknownArchitecture, "running_mean"),
    "a layer without bias": (nn.Linear(3, 1, bias=False).state_dict(), UnknownArchitecture, "pairs of"),
    "a gap in the chain": (changed("layers.1.weight", torch.zeros(4, 6)), UnknownArchitecture, r"1.weight.*\(4, 6\)"),
    "a bias too long": (changed("layers.1.bias", torch.zeros(5)), UnknownArchitecture, r"\(4, 5\) and \(5,\)"),
    "a bias with two dimensions": (changed("layers.1.bias", torch.zeros(4, 1)), UnknownArchitecture, r"\(4, 1\)"),
    "integers": (changed("layers.1.bias", torch.zeros(4, dtype=torch.int64)), UnknownArchitecture, "bias: .*int64"),
    "complex": (changed("layers.1.bias", torch.zeros(4, dtype=torch.complex64)), UnknownArchitecture, "complex64"),
    "NaN": (changed("layers.1.bias", torch.full((4,), torch.nan)), NonFiniteValues, "layers.1.bias"),
    "infinity": (changed("layers.0.weight", torch.full((5, 3), torch.inf)), NonFiniteValues, "layers.0.weight"),
    "too large for float32": (
        changed("layers.1.bias", torch.full((4,), 1e300, dtype=torch.float64)), NonFiniteValues, "layers.1.bias"
    ),
    "too wide a layer": (mlp(3, 4096, 1), UnknownArchitecture, "4096"),
    "text for omega": ({"state_dict": state_of((4,)), "omega": "fast"}, UnknownArchitecture, "omega: .*got str"),
    "an impossible omega": ({"state_dict": state_of((4,)), "omega": -1}, UnknownArchitecture, "got -1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_and_said_what_it_is(case: str) -> None:
    content, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        recognise(content)
