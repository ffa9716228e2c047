import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspace.archs import Siren
from netspace.errors import ShapeMismatch
from netspace.prep import from_prep, prep_height, to_prep


@given(st.integers(1, 200), st.integers(1, 17), st.sampled_from([1, 2, 8]), st.integers(0, 3))
def test_to_prep_then_from_prep_is_the_identity(size: int, width: int, multiple: int, batch: int) -> None:
    theta = torch.arange(1.0, 1 + size).repeat(batch, 1) if batch else torch.arange(1.0, 1 + size)
    height = prep_height(size, width, multiple)
    prep = to_prep(theta, height, width)
    assert prep.shape[-2:] == (height, width)
    assert torch.equal(from_prep(prep, size), theta)


@given(st.integers(1, 200), st.integers(1, 17), st.sampled_from([1, 2, 8]))
def test_prep_height_is_the_smallest_multiple_that_fits(size: int, width: int, multiple: int) -> None:
    height = prep_height(size, width, multiple)
    assert height % multiple == 0
    assert (height - multiple) * width < size <= height * width


def test_a_prep_is_filled_row_by_row_and_padded_with_zeros() -> None:
    assert to_prep(torch.arange(1.0, 6.0), 2, 4).tolist() == [[1, 2, 3, 4], [5, 0, 0, 0]]


def test_the_papers_sdf_network_has_8_rows_of_10000() -> None:
    assert prep_height(Siren().layout.size, 10_000, multiple=8) == 8


def test_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="theta: 9 parameters do not fit a PRep of 2 x 4"):
        to_prep(torch.zeros(9), 2, 4)


def test_more_parameters_than_a_prep_holds_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match=r"\(3, 2, 4\) holds fewer than 9"):
        from_prep(torch.zeros(3, 2, 4), 9)
