"""The networks that ship beside a space: latents, names, properties, pictures, and the weights of some."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from netspace.archs import Architecture, architecture_from_json
from netspace.errors import BadSpace, UnknownName
from netspace.files import atomic_path, write_json


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A network of the gallery; `position` on the 2-D map, `architecture` a place in `Gallery.architectures`.

    How alike its decoded twin is to it: `iou` and `f_score` of SDF networks, `agreement` of classifiers.
    """

    id: str
    name: str
    source: str
    split: str
    position: tuple[float, float]
    properties: dict[str, str | float | bool]
    iou: float = 0.0
    f_score: float = 0.0
    agreement: float | None = None
    architecture: int = 0


@dataclass(frozen=True, kw_only=True)
class AccuracyLine:
    """Accuracies on `images` test images along the line between the gallery's networks `first` and `last`.

    At every t: the decoded network's accuracy and the probability of each architecture; `weights` is the accuracy with
    raw weights, where both networks are of one architecture.
    """

    first: str
    last: str
    images: int
    ts: tuple[float, ...]
    accuracy: tuple[float, ...]
    probabilities: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...] | None = None

    def reversed(self) -> "AccuracyLine":
        """The same from `last` to `first`."""
        return AccuracyLine(
            first=self.last,
            last=self.first,
            images=self.images,
            ts=tuple(1 - t for t in self.ts[::-1]),
            accuracy=self.accuracy[::-1],
            probabilities=self.probabilities[::-1],
            weights=None if self.weights is None else self.weights[::-1],
        )

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "AccuracyLine":
        parts = {name: tuple(data[name]) for name in ("ts", "accuracy")}
        rows = tuple(tuple(row) for row in data["probabilities"])
        weights = None if data.get("weights") is None else tuple(data["weights"])
        return cls(**{**data, **parts, "probabilities": rows, "weights": weights})


@dataclass(frozen=True)
class Projection:
    """Latents [.., D] -> map [.., 2]: the first two principal axes, scaled to about [-1, 1]."""

    mean: Tensor  # [D]
    axes: Tensor  # [D, 2]

    @classmethod
    def of(cls, latents: Tensor) -> "Projection":
        """PCA of latents [M, D]; each axis' sign is fixed so that its largest entry is positive."""
        mean = latents.mean(0)
        _, _, v = torch.linalg.svd(latents - mean, full_matrices=False)
        axes = torch.zeros(latents.shape[1], 2)
        axes[:, : min(2, len(v))] = v[:2].T
        axes = axes * torch.where(axes.gather(0, axes.abs().argmax(0, keepdim=True)) < 0, -1.0, 1.0)
        reach = ((latents - mean) @ axes).abs().amax(0).clamp_min(1e-6)
        return cls(mean, axes / reach)

    def __call__(self, latents: Tensor) -> Tensor:
        return (latents.cpu() - self.mean) @ self.axes


@dataclass(frozen=True)
class Gallery:
    """Entries in order, their latents [M, D], the map's projection, and the parameters theta [P] of those that ship.

    `lines` are what was measured between some of them before it shipped. `code` of a latent's numbers are its code, the
    others details; None where all are.
    """

    entries: tuple[Entry, ...]
    latents: Tensor
    projection: Projection
    networks: dict[str, Tensor]
    architectures: tuple[Architecture, ...]
    folder: Path
    lines: tuple[AccuracyLine, ...] = ()
    code: int | None = None

    @classmethod
    def open(cls, folder: Path) -> "Gallery":
        """Reads `folder` (a space's `gallery/`). Raises BadSpace if a file is missing or unreadable."""
        try:
            data = json.loads((folder / "gallery.json").read_text())
            tensors = load_file(folder / "latents.safetensors")
            networks = load_file(folder / "networks.safetensors")
            entries = tuple(Entry(**{**e, "position": tuple(e["position"])}) for e in data["entries"])
            known = data["architectures"] if "architectures" in data else [data["architecture"]]
            architectures = tuple(architecture_from_json(arch) for arch in known)
            lines = tuple(AccuracyLine.from_json(line) for line in data.get("lines", []))
            projection = Projection(tensors["mean"].float(), tensors["axes"].float())
            latents = tensors["latents"].float()
        except (OSError, json.JSONDecodeError, SafetensorError, KeyError, TypeError) as error:
            raise BadSpace(f"{folder}: not a gallery ({type(error).__name__}: {error})") from error
        if len(entries) != len(latents):
            raise BadSpace(f"{folder}: {len(entries)} entries but {len(latents)} latents")
        return cls(entries, latents, projection, networks, architectures, folder, lines, data.get("code"))

    def save(self, pictures: dict[str, bytes], dtype: torch.dtype = torch.float32) -> None:
        """Writes the gallery and its pictures (PNG by id) into `self.folder`, latents and weights as `dtype`.

        Inverse of `open`.
        """
        for name, content in pictures.items():
            with atomic_path(self.folder / "pictures" / f"{name}.png") as temporary:
                temporary.write_bytes(content)
        with atomic_path(self.folder / "networks.safetensors") as temporary:
            save_file({name: theta.to(dtype).contiguous() for name, theta in self.networks.items()}, temporary)
        with atomic_path(self.folder / "latents.safetensors") as temporary:
            projection = {"mean": self.projection.mean.contiguous(), "axes": self.projection.axes.contiguous()}
            save_file({"latents": self.latents.to(dtype).contiguous(), **projection}, temporary)
        entries = [asdict(entry) for entry in self.entries]
        data: dict = {"architectures": [arch.to_json() for arch in self.architectures], "entries": entries}
        if self.code is not None:
            data["code"] = self.code
        if self.lines:
            data["lines"] = [line.to_json() for line in self.lines]
        write_json(self.folder / "gallery.json", data)

    @property
    def codes(self) -> Tensor:
        """[M, C]: the latents without their details, by which it is told where the gallery lives."""
        return self.latents[:, : self.code]

    @property
    def arch(self) -> Architecture:
        """The only architecture of its networks."""
        assert len(self.architectures) == 1, "networks of several architectures: ask for an entry's"
        return self.architectures[0]

    def architecture(self, entry_id: str) -> Architecture:
        """Of the original network; raises UnknownName."""
        return self.architectures[self.entries[self._row(entry_id)].architecture]

    def line(self, first: str, last: str) -> "AccuracyLine | None":
        """What was measured between two entries, in the direction asked for."""
        for line in self.lines:
            if (line.first, line.last) == (first, last):
                return line
            if (line.last, line.first) == (first, last):
                return line.reversed()
        return None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {entry.id: row for row, entry in enumerate(self.entries)}

    def _row(self, entry_id: str) -> int:
        if entry_id not in self._rows:
            raise UnknownName(f"no network {entry_id!r} in the gallery")
        return self._rows[entry_id]

    def latent(self, entry_id: str) -> Tensor:
        """z [D] of an entry; raises UnknownName."""
        return self.latents[self._row(entry_id)]

    def picture(self, entry_id: str) -> bytes | None:
        """PNG, or None where none was drawn; raises UnknownName."""
        self._row(entry_id)
        path = self.folder / "pictures" / f"{entry_id}.png"
        return path.read_bytes() if path.exists() else None

    def network(self, entry_id: str) -> tuple[Architecture, Tensor] | None:
        """(architecture, theta [P]) of the original network if its weights ship; raises UnknownName."""
        self._row(entry_id)
        theta = self.networks.get(entry_id)
        return None if theta is None else (self.architecture(entry_id), theta.float())

    def position(self, z: Tensor) -> tuple[float, float]:
        """z [D] -> place on the map."""
        x, y = self.projection(z).tolist()
        return x, y

    def nearest(self, z: Tensor, count: int) -> list[tuple[Entry, float]]:
        """The `count` entries with the smallest Euclidean distance to z [D], nearest first."""
        distance = (self.latents - z.cpu()).norm(dim=1)
        order = distance.argsort()[:count].tolist()
        return [(self.entries[i], float(distance[i])) for i in order]
