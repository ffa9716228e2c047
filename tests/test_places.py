"""Places: written, read and evaluated."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspace.directions import Direction, components
from netspace.errors import BadPlace, UnknownName
from netspace.places import Place, Term, is_place

LATENTS = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([0.0, 2.0])}
PC1: Direction = components(torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 0.1]]))[0]
names = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-_.:"), min_size=1, max_size=12)
terms = st.builds(Term, names, st.floats(-8, 8), st.booleans())


@given(st.lists(terms, min_size=1, max_size=16).filter(lambda given: any(not term.along for term in given)))
def test_what_is_written_is_read_again(given: list[Term]) -> None:
    place = Place(tuple(given))
    assert Place.parse(str(place)) == place


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_a_place_is_the_weighted_sum_of_its_terms(a: float, b: float) -> None:
    z = Place.parse(f"a:{a},b:{b},~pc1:2").at(LATENTS, {"pc1": PC1})
    torch.testing.assert_close(z, a * LATENTS["a"] + b * LATENTS["b"] + 2 * PC1.step)


def test_weights_that_sum_to_one_between_equal_latents_stay_there() -> None:
    z = Place.parse("a:0.3,a:1.2,a:-0.5").at(LATENTS, {})
    torch.testing.assert_close(z, LATENTS["a"])


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "LATENT:WEIGHT"),
        ("a", 0, "LATENT:WEIGHT"),
        (":1", 0, "LATENT:WEIGHT"),
        ("a:1,~:1", 1, "LATENT:WEIGHT"),
        ("a:1,b:", 1, "a number"),
        ("a:1,b:1_0", 1, "a number"),
        ("a:inf", 0, "a number"),
        ("a:1e300", 0, "from -8 to 8"),
        ("a:-8.01", 0, "from -8 to 8"),
        ("a:1,~pc2:1", 1, "one of ['pc1'], got 'pc2'"),
        ("a:1,~pc1:-9", 1, "from -8 to 8, got -9"),
        ("a:1,~pc1:1e999", 1, "from -8 to 8"),
    ],
)
def test_a_bad_term_is_named_with_what_was_expected(text: str, position: int, words: str) -> None:
    with pytest.raises(BadPlace) as caught:
        Place.parse(text).at(LATENTS, {"pc1": PC1})
    assert list(caught.value.terms) == [position]
    assert words in caught.value.terms[position]
    assert f"at: term {position + 1}" in str(caught.value)


def test_all_bad_terms_are_named_together() -> None:
    with pytest.raises(BadPlace) as caught:
        Place.parse("a,b:1,c:x", field="start")
    assert (caught.value.field, list(caught.value.terms)) == ("start", [0, 2])


@pytest.mark.parametrize(("text", "words"), [("~pc1:1", "at least one latent"), (",".join(["a:1"] * 17), "got 17")])
def test_too_many_terms_and_directions_alone_are_refused(text: str, words: str) -> None:
    with pytest.raises(BadPlace, match=words):
        Place.parse(text)


def test_a_latent_that_is_not_there_is_named_by_its_term() -> None:
    def find(name: str) -> torch.Tensor:
        if name not in LATENTS:
            raise UnknownName(f"no latent {name!r}")
        return LATENTS[name]

    assert list(Place.parse("a:1,~pc1:1,b:1").look_up(find)) == ["a", "b"]
    with pytest.raises(UnknownName, match="term 2: no latent 'c'"):
        Place.parse("a:1,c:1").look_up(find)


def test_a_name_is_no_place() -> None:
    assert not is_place("chairs.chair-00012")
    assert is_place("a:1")
    assert is_place("a,b")
