import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netspace.archs import Siren
from netspace.errors import ShapeMismatch
from netspace.layout import ParamLayout

shapes = st.lists(st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple), min_size=1, max_size=5)
leads = st.lists(st.integers(1, 3), max_size=2).map(tuple)


def layout_of(shapes: list[tuple[int, ...]]) -> ParamLayout:
    return ParamLayout(names=tuple(f"p{i}" for i in range(len(shapes))), shapes=tuple(shapes))


@given(shapes, leads)
def test_unflatten_then_flatten_is_the_identity(shapes: list[tuple[int, ...]], lead: tuple[int, ...]) -> None:
    layout = layout_of(shapes)
    theta = torch.randn((*lead, layout.size))
    assert torch.equal(layout.flatten(layout.unflatten(theta)), theta)


@given(shapes, leads)
def test_flatten_then_unflatten_is_the_identity(shapes: list[tuple[int, ...]], lead: tuple[int, ...]) -> None:
    layout = layout_of(shapes)
    state = {name: torch.randn((*lead, *shape)) for name, shape in zip(layout.names, shapes, strict=True)}
    back = layout.unflatten(layout.flatten(state))
    assert list(back) == list(layout.names)
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_parameters_are_stored_row_major_in_definition_order() -> None:
    layer = nn.Linear(2, 3)
    flat = ParamLayout.of(layer).flatten(layer.state_dict())
    assert torch.equal(flat, torch.cat([layer.weight.reshape(-1), layer.bias]))


def test_the_papers_sdf_network_has_67073_parameters() -> None:
    assert Siren().layout.size == 67_073
    assert sum(Siren().layout.sizes) == sum(p.numel() for p in Siren().build().parameters())


def test_a_missing_parameter_is_named() -> None:
    layout = ParamLayout.of(nn.Linear(2, 3))
    with pytest.raises(ShapeMismatch, match=r"bias: expected \(3,\), but the state dict has only \['weight'\]"):
        layout.flatten({"weight": torch.zeros(3, 2)})


@pytest.mark.parametrize("bad", [(2, 3), (3,), (), (3, 2, 1)])
def test_a_parameter_of_another_shape_is_named(bad: tuple[int, ...]) -> None:
    layout = ParamLayout.of(nn.Linear(2, 3))
    with pytest.raises(ShapeMismatch, match="weight: expected") as caught:
        layout.flatten({"weight": torch.zeros(bad), "bias": torch.zeros(3)})
    assert str(bad) in str(caught.value)


def test_theta_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(ShapeMismatch, match=r"theta: expected \[..., 9\], got \(2, 8\)"):
        ParamLayout.of(nn.Linear(2, 3)).unflatten(torch.zeros(2, 8))
