"""How right a classifier is, class by class, on the wire."""

from typing import Any

from pydantic import BaseModel, Field

from server.networks import NetworkOf
from server.tasks.base import ClassScores


class ClassOut(BaseModel):
    name: str = Field(examples=["frog"])
    accuracy: float | None = Field(description="Null where there is no image of it")
    images: int


class ClassesOut(BaseModel):
    """How right a classifier is, class by class."""

    accuracy: float
    images: int
    classes: list[ClassOut]

    @staticmethod
    def told(found: ClassScores) -> dict[str, Any]:
        """Its fields."""
        rows = zip(found.names, found.right, found.images, strict=True)
        classes = [ClassOut(name=name, accuracy=right / n if n else None, images=n) for name, right, n in rows]
        return {"accuracy": found.accuracy, "images": sum(found.images), "classes": classes}


class LatentClassesOut(ClassesOut):
    """The same of a latent's decoded twin, or of the network that was embedded."""

    latent: str
    of: NetworkOf
