"""Spaces of SDF networks: what they decode to are solids."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from torch import Tensor

from netspace.archs import Architecture
from netspace.embedding import embed_sdf as embed
from netspace.embedding import represented, verdict
from netspace.lines import describe
from netspace.report import DECODED, network_picture, png
from netspace.spaces import Entry
from server.errors import NotAClassifier
from server.tasks.base import ClassScores, Embedded, Figures, Network, ShapePoint

if TYPE_CHECKING:
    from server.networks import Line
    from server.registry import LoadedSpace
    from server.store import StoredLatent


class Shapes:
    """See `server.tasks.base.Task`."""

    name: str = "sdf"
    objectives: tuple[str, ...] = ("fit_points", "attributes")

    def __init__(self, space: "LoadedSpace") -> None:
        self._loaded, self._space = space, space.space

    def reads(self, arch: Architecture) -> bool:
        return (arch.task, arch.in_shape) == ("sdf", self._space.architectures[0].in_shape)

    def check_shapes(self) -> None:
        pass

    def embed(self, arch: Architecture, theta: Tensor) -> Embedded:
        found = embed(self._space, arch, theta, familiarity=self._loaded.familiarity)
        ((twin_arch, twin),) = self._space.networks(self._space.decode(found.z[None].to(self._space.device)))
        return Embedded(
            z=found.z,
            iou=found.iou,
            represented=found.represented,
            verdict=found.verdict,
            properties=asdict(describe(arch, theta.to(self._space.device))),
            picture=self.draw(twin_arch, twin),
        )

    def describe(self, _: Tensor, arch: Architecture, theta: Tensor) -> dict[str, Any]:
        return asdict(describe(arch, theta))

    def draw(self, arch: Architecture, theta: Tensor) -> bytes:
        return png(network_picture(arch, theta, DECODED))

    def card(self, *_: object) -> bytes:
        return b""

    def of_entry(self, entry: Entry) -> Figures:
        return Figures(
            iou=entry.iou,
            represented=represented(entry.iou, entry.f_score),
            verdict=verdict(entry.iou, entry.f_score),
        )

    def of_stored(self, stored: "StoredLatent") -> Figures:
        return Figures(iou=stored.iou, represented=stored.represented, verdict=stored.verdict)

    def point(self, _: "Line", t: float, network: Network) -> ShapePoint:
        found = describe(*network)
        return ShapePoint(
            t=t,
            architecture=network[0].name,
            volume=found.volume,
            parts=found.parts,
            largest_share=found.largest_share,
            empty=found.empty,
        )

    def classes(self, *_: object) -> ClassScores:
        raise NotAClassifier(f"{self._loaded.id!r} is a space of shapes: only classifiers know classes")
