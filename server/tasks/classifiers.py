"""Spaces of image classifiers: what they decode to has an architecture and an accuracy."""

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.card import classifier_card
from netspace.classifier_embedding import embed_classifier, represented, verdict
from netspace.classify import predictions, right_by_class
from netspace.report import png
from netspace.spaces import Entry
from netspace.spaces.encoders import ImageBehaviourEncoder
from server.errors import NotAShape
from server.tasks.base import AccuracyFrom, ClassifierPoint, ClassScores, Embedded, Figures, Network

if TYPE_CHECKING:
    from server.networks import Line
    from server.registry import LoadedSpace
    from server.store import StoredLatent

MOST_KEPT = 20_000
"""Evaluated networks whose scores are kept in memory."""
SAME_T = 1e-4
"""Positions on a line that are one."""
DIGITS = 4

Known = tuple[float | None, AccuracyFrom | None]


class Classifiers:
    """See `server.tasks.base.Task`."""

    name: str = "classifier"
    objectives: tuple[str, ...] = ("distill",)

    def __init__(self, space: "LoadedSpace") -> None:
        self._loaded, self._space, self._images = space, space.space, space.images
        self._scores: OrderedDict[str, ClassScores] = OrderedDict()

    def reads(self, arch: Architecture) -> bool:
        first = self._space.architectures[0]
        same = (arch.task, arch.in_shape, getattr(arch, "classes", None)) == (
            first.task,
            first.in_shape,
            getattr(first, "classes", None),
        )
        return same and (isinstance(self._space.encoder, ImageBehaviourEncoder) or arch in self._space.architectures)

    def check_shapes(self) -> None:
        raise NotAShape(
            f"{self._loaded.id!r} is a space of image classifiers, which have no shape: ask for their accuracy by "
            "POST /interpolate, or for the network itself"
        )

    def embed(self, arch: Architecture, theta: Tensor) -> Embedded:
        images = self._images.at_hand(self._space.architectures[0]) if self.reads(arch) else None
        if images is None and not isinstance(self._space.encoder, ImageBehaviourEncoder):
            images = self._images.test(self._space.architectures[0])  # which says what is missing
        found = embed_classifier(self._space, arch, theta, images)
        figures = {name: round(value, DIGITS) for name, value in found.figures.items()}
        return Embedded(
            z=found.z,
            represented=found.represented,
            verdict=found.verdict,
            properties={
                **figures,
                "accuracy_from": "images" if found.measured else "estimate",
                "architecture": found.architecture,
                "decoded_architecture": found.decoded_architecture,
            },
        )

    def describe(self, z: Tensor, arch: Architecture, theta: Tensor) -> dict[str, Any]:
        images = self._images.at_hand(arch)
        value = self._evaluated(arch, theta).accuracy if images is not None else self._estimate(z)
        source = "estimate" if images is None else "images"
        return {"accuracy": round(value, DIGITS), "accuracy_from": source, "architecture": arch.name}

    def draw(self, *_: object) -> bytes:
        return b""

    def card(self, figures: Figures, architecture: Architecture) -> bytes:
        known = self._space.architectures
        rank = known.index(architecture) if architecture in known else len(known)
        return png(classifier_card(architecture.name, figures.accuracy, rank))

    def of_entry(self, entry: Entry) -> Figures:
        z = self._loaded.gallery.latent(entry.id)
        agreement, accuracy = entry.agreement or 0.0, entry.properties.get("accuracy")
        name = self._loaded.gallery.architecture(entry.id).name
        return Figures(
            agreement=agreement,
            accuracy=None if accuracy is None else float(accuracy),
            accuracy_from=None if accuracy is None else "gallery",
            represented=represented(agreement),
            verdict=verdict(agreement, name, self._loaded.decoded_architecture(z).name),
        )

    def of_stored(self, stored: "StoredLatent") -> Figures:
        known = stored.properties
        return Figures(
            agreement=known.get("agreement"),
            accuracy=known.get("accuracy"),
            accuracy_from=known.get("accuracy_from"),
            represented=stored.represented,
            verdict=stored.verdict,
        )

    def point(self, line: "Line", t: float, network: Network) -> ClassifierPoint:
        arch, theta = network
        accuracy, source = self._shipped(line, t)
        if accuracy is None and self._images.at_hand(arch) is not None:
            accuracy, source = self._evaluated(arch, theta).accuracy, "images"
        if accuracy is None and line.arch is None:
            accuracy, source = self._estimate(line.latent(t)), "estimate"
        return ClassifierPoint(
            t=t,
            architecture=arch.name,
            probabilities=self._probabilities(line, t, arch),
            accuracy=accuracy,
            accuracy_from=source,
        )

    def classes(self, line: "Line", t: float) -> ClassScores:
        arch, theta = line.network(t)
        self._images.test(arch)
        return self._evaluated(arch, theta)

    def _shipped(self, line: "Line", t: float) -> Known:
        """What was measured before the space shipped: on a line of the gallery, or of one of its networks."""
        if line.entries is None:
            return None, None
        gallery, of_weights = self._loaded.gallery, line.arch is not None
        walked = gallery.line(*line.entries)
        values = None if walked is None else walked.weights if of_weights else walked.accuracy
        if walked is not None and values is not None:
            for at, value in zip(walked.ts, values, strict=True):
                if abs(at - t) < SAME_T:
                    return value, "gallery"
        for end, entry_id in enumerate(line.entries):
            entry = next(entry for entry in gallery.entries if entry.id == entry_id)
            known = entry.properties.get("accuracy" if of_weights else "decoded_accuracy")
            if abs(end - t) < SAME_T and known is not None:
                return float(known), "gallery"
        return None, None

    @torch.no_grad()
    def _probabilities(self, line: "Line", t: float, arch: Architecture) -> dict[str, float]:
        if line.arch is not None:
            return {arch.name: 1.0}
        logits = self._space.arch_logits(line.latent(t)[None].to(self._space.device))
        shares = [1.0] if logits is None else logits[0].softmax(0).tolist()
        names = (known.name for known in self._space.architectures)
        return {name: round(share, DIGITS) for name, share in zip(names, shares, strict=True)}

    @torch.no_grad()
    def _estimate(self, z: Tensor) -> float:
        return round(float(self._space.estimate_accuracy(z[None].to(self._space.device))[0]), DIGITS)

    def _evaluated(self, arch: Architecture, theta: Tensor) -> ClassScores:
        """On the evaluation set; a network that was evaluated before is not again. Raises ImagesMissing."""
        images = self._images.test(arch)
        key = hashlib.sha256(arch.name.encode() + theta.detach().cpu().numpy().tobytes()).hexdigest()
        if key not in self._scores:
            right, count = right_by_class(predictions(arch, theta, images), images)
            scores = ClassScores(names=images.classes, right=tuple(right.tolist()), images=tuple(count.tolist()))
            self._scores[key] = scores
            if len(self._scores) > MOST_KEPT:
                self._scores.popitem(last=False)
        return self._scores[key]
