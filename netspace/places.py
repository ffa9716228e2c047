"""Places of a space: weighted latents and steps along named directions, as people and pages write them.

`chair-00012:0.3,chair-00044:0.7,~seat_height:0.1` is three tenths of one latent, seven of another, and a tenth of a
unit more seat height.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from netspace.directions import Direction
from netspace.errors import BadPlace, UnknownName

T = TypeVar("T")
Blend = Callable[[Tensor, Tensor], Tensor]
"""weights [B, K], latents [K, D] -> [B, D]; see `Space.blend`."""

MOST_TERMS = 16
MOST_WEIGHT = 8.0
MOST_DEVIATIONS = 8.0
"""Of a direction's amount, in standard deviations of the gallery."""
SEPARATOR, AMOUNT, DIRECTION = ",", ":", "~"
NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?")


@dataclass(frozen=True)
class Term:
    """`amount` times the latent `name`, or so many units of the direction `name`."""

    name: str
    amount: float
    along: bool = False

    def __str__(self) -> str:
        return f"{DIRECTION if self.along else ''}{self.name}{AMOUNT}{self.amount!r}"


@dataclass(frozen=True)
class Place:
    """Latents of one space blended, and steps along its directions. `str` and `parse` are each other's inverse."""

    terms: tuple[Term, ...]
    field: str = "at"

    @classmethod
    def parse(cls, text: str, field: str = "at") -> "Place":
        """Raises BadPlace, which names every bad term, for text that is no place; `field` is what callers call it."""
        parts = text.split(SEPARATOR)
        if not 1 <= len(parts) <= MOST_TERMS:
            raise BadPlace(f"{field}: expected 1 to {MOST_TERMS} terms, got {len(parts)}", field)
        terms, wrong = [], {}
        for i, part in enumerate(parts):
            try:
                terms.append(_term(part.strip()))
            except ValueError as error:
                wrong[i] = f"{error}, got {_shown(part)}"
        if wrong:
            raise BadPlace.of(field, wrong)
        if all(term.along for term in terms):
            raise BadPlace(f"{field}: expected at least one latent to start from, got directions alone", field)
        return cls(tuple(terms), field)

    def __str__(self) -> str:
        return SEPARATOR.join(map(str, self.terms))

    def look_up(self, find: Callable[[str], T]) -> dict[str, T]:
        """What `find` has for every latent's name, in order. Raises UnknownName, with the term's position."""
        found = {}
        for i, term in enumerate(self.terms):
            try:
                if not term.along:
                    found[term.name] = find(term.name)
            except UnknownName as error:
                raise UnknownName(f"{self.field}: term {i + 1}: {error}") from error
        return found

    def at(
        self, latents: Mapping[str, Tensor], directions: Mapping[str, Direction], blend: Blend = torch.matmul
    ) -> Tensor:
        """z [D]; `blend` is the space's own. Raises BadPlace for a direction or amount that the space does not have."""
        wrong = {i: why for i, term in enumerate(self.terms) if (why := _unusable(term, directions))}
        if wrong:
            raise BadPlace.of(self.field, wrong)
        weights = torch.tensor([[term.amount for term in self.terms if not term.along]])
        blended = blend(weights, torch.stack([latents[term.name] for term in self.terms if not term.along]))[0]
        for term in self.terms:
            if term.along:
                step = directions[term.name].step
                blended[: len(step)] += term.amount * step
        return blended


def is_place(text: str) -> bool:
    """Whether the text is meant as a place, not as the name of one latent."""
    return AMOUNT in text or SEPARATOR in text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _term(text: str) -> Term:
    """Raises ValueError with what was expected."""
    name, found, amount = text.removeprefix(DIRECTION).rpartition(AMOUNT)
    along = text.startswith(DIRECTION)
    if not found or not name:
        raise ValueError("expected LATENT:WEIGHT or ~DIRECTION:AMOUNT")
    if not NUMBER.fullmatch(amount):
        raise ValueError(f"expected a number after the last '{AMOUNT}'")
    if not along and not abs(float(amount)) <= MOST_WEIGHT:
        raise ValueError(f"expected a weight from -{MOST_WEIGHT:g} to {MOST_WEIGHT:g}")
    return Term(name, float(amount), along)


def _unusable(term: Term, directions: Mapping[str, Direction]) -> str:
    """What is wrong with a term along a direction, empty if nothing is."""
    if not term.along:
        return ""
    if term.name not in directions:
        return f"expected a direction, one of {list(directions)}, got {_shown(term.name)}"
    most = MOST_DEVIATIONS * directions[term.name].deviation
    if not abs(term.amount) <= most:
        return f"{term.name}: expected an amount from {-most:.4g} to {most:.4g}, got {term.amount:g}"
    return ""
