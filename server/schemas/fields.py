"""Values that several bodies and queries have, with their limits."""

from typing import Annotated

from pydantic import Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Reach = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]
"""A position on a line: 0 is a, 1 is b, and as far again beyond either end."""
Resolution = Annotated[int, Field(ge=16, le=256, description="Cells a side of the grid")]

Id = Annotated[str, Field(min_length=1, max_length=200, examples=["chairs.chair-00020"])]
PlaceText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4000,
        examples=["chairs.chair-00020:0.3,chairs.chair-00048:0.7,~seat_height:0.1"],
        description="1 to 16 terms: `LATENT:WEIGHT`, weights from -8 to 8, or `~DIRECTION:AMOUNT` (GET "
        "/spaces/{id}/directions), amounts in the direction's unit, at most 8 of its deviations",
    ),
]

Spot = Annotated[
    str, Field(min_length=1, max_length=4000, examples=["chairs.chair-00020"], description="A latent's id, or a place")
]

ACCURACY_FROM = (
    "`gallery`: measured on test images before the space shipped; `images`: measured on the service's own; `estimate`: "
    "linear in the latent; null where there is no accuracy"
)
