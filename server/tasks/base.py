"""The interface of a task: what a space's networks do decides how they are embedded, described, drawn and searched."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from torch import Tensor

from netspace.archs import Architecture
from netspace.spaces import Entry

if TYPE_CHECKING:
    from server.networks import Line
    from server.store import StoredLatent

Network = tuple[Architecture, Tensor]
"""(architecture, theta [P])."""
AccuracyFrom = Literal["gallery", "images", "estimate"]
"""Where an accuracy comes from: measured before the space shipped, on the service's own images, or linear in z."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How alike a network and its decoded twin are, and how right it is; None for what has no meaning or is unknown."""

    represented: bool
    verdict: str
    iou: float | None = None
    agreement: float | None = None
    accuracy: float | None = None
    accuracy_from: AccuracyFrom | None = None


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """An upload's z [D] on the CPU and all that is kept of what was found; `picture` is a PNG, or empty."""

    z: Tensor
    represented: bool
    verdict: str
    properties: dict[str, Any]
    iou: float = 0.0
    picture: bytes = b""


@dataclass(frozen=True, kw_only=True)
class ShapePoint:
    """What the solid at t of a line is."""

    t: float
    architecture: str
    volume: float
    parts: int
    largest_share: float
    empty: bool


@dataclass(frozen=True, kw_only=True)
class ClassifierPoint:
    """What the classifier at t of a line is; `probabilities` are those of the architectures, by name."""

    t: float
    architecture: str
    probabilities: dict[str, float]
    accuracy: float | None
    accuracy_from: AccuracyFrom | None


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Of every class its name, how many of how many images were put into it rightly."""

    names: tuple[str, ...]
    right: tuple[int, ...]
    images: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        return sum(self.right) / sum(self.images)


class Task(Protocol):
    """One for every loaded space. Networks lie on the space's device, latents on the CPU."""

    name: str
    objectives: tuple[str, ...]
    """What jobs can ask for."""

    def reads(self, arch: Architecture) -> bool:
        """Whether the space's encoder can read networks of `arch`."""

    def check_shapes(self) -> None:
        """Raises NotAShape where the networks have none."""

    def embed(self, arch: Architecture, theta: Tensor, /) -> Embedded:
        """Raises what the library's embedding raises."""

    def describe(self, z: Tensor, arch: Architecture, theta: Tensor, /) -> dict[str, Any]:
        """Properties of the network that z [D] decodes to."""

    def draw(self, arch: Architecture, theta: Tensor, /) -> bytes:
        """A PNG to be kept, or nothing where `card` draws."""

    def card(self, figures: Figures, architecture: Architecture, /) -> bytes:
        """A PNG of a latent of which none is kept, or nothing."""

    def of_entry(self, entry: Entry) -> Figures:
        """Of a network of the gallery."""

    def of_stored(self, stored: "StoredLatent") -> Figures:
        """Of an upload, a kept place or a job's result."""

    def point(self, line: "Line", t: float, network: Network, /) -> ShapePoint | ClassifierPoint:
        """What the network at t of the line is."""

    def classes(self, line: "Line", t: float, /) -> ClassScores:
        """Of the network at t of the line, class by class. Raises ImagesMissing and NotAClassifier."""
