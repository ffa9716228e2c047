"""Small pictures of classifiers, which have no shape: the architecture's name, and a ring that closes with accuracy."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLOURS = ((94, 150, 214), (214, 146, 72), (92, 176, 122), (190, 108, 178), (206, 98, 98), (130, 130, 150))
"""Of architectures in the order of their sizes."""
FINE = 2
"""Drawn so many times larger, then reduced."""


def classifier_card(name: str, accuracy: float | None, rank: int = 0, size: int = 128) -> np.ndarray:
    """-> image [size, size, 4] uint8 on a transparent ground; `rank` is the architecture's place in its space.

    An accuracy, in [0, 1], that is not known leaves the ring open.
    """
    side = size * FINE
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    colour, width, margin = COLOURS[rank % len(COLOURS)], side // 14, side // 9
    box = (margin, margin, side - margin, side - margin)
    draw.ellipse(box, fill=(*colour, 40))
    draw.arc(box, 0, 360, (*colour, 90), width)
    if accuracy is not None:
        draw.arc(box, -90, -90 + 360 * accuracy, (*colour, 255), width)
    figure = "?" if accuracy is None else f"{100 * accuracy:.0f}%"
    _write(draw, (side / 2, 0.44 * side), figure, side / 4.6, colour)
    _write(draw, (side / 2, 0.64 * side), name, min(side / 9, 1.1 * side / max(1, len(name))), colour)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: float, colour: tuple[int, int, int]
) -> None:
    draw.text(place, text, (*colour, 255), ImageFont.load_default(size), anchor="mm")
