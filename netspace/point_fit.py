"""`fit_points`: the latent whose surface passes through given points and leaves empty what is known to be empty."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from netspace.data.clouds import Cloud
from netspace.data.points import FAR, uniform_points
from netspace.errors import BadObjective, BadPointCloud
from netspace.functional import run
from netspace.lso import CHECK, LsoConfig
from netspace.spaces.space import Space

POOL = 16384
"""Places about the cloud at which a network is held against what is known."""
NEAREST = 3
"""A gap in the cloud up to so many times the typical distance between neighbours is taken as closed."""
CLAMP = 0.1
"""Distances beyond it count as it: networks say anything far from the surface."""
TOLERANCE = 0.02
DETAILS, RIDGE = 0.05, 30.0
"""Of searches that find details: see LsoConfig."""


@dataclass(frozen=True, kw_only=True)
class PointsConfig:
    """What is known beside the points.

    `complete`: the whole surface was seen, so there is none elsewhere, and what can be reached from outside without
    passing the points is empty. `seen` (x, y, z, offset): that is so only where x X + y Y + z Z >= offset, as for a
    shape of which one side is missing. `viewpoints`: places from which the points were seen, so that all between is
    empty. `points` of the cloud and as many places about it make a step.
    """

    complete: bool = True
    seen: tuple[float, float, float, float] | None = None
    viewpoints: tuple[tuple[float, float, float], ...] = ()
    points: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.points < 1 or not np.isfinite(np.asarray(self.viewpoints, float)).all():
            raise BadObjective(f"expected points >= 1 and finite viewpoints, got {self.points} and {self.viewpoints}")
        if self.seen is not None and not (len(self.seen) == 4 and np.isfinite(self.seen).all() and any(self.seen[:3])):
            raise BadObjective(f"seen: expected a direction [x, y, z] and an offset, all finite, got {self.seen}")

    def depth(self, places: np.ndarray) -> np.ndarray:
        """[Q]: how deep places [Q, 3] lie in the region whose whole surface was seen; negative outside of it."""
        if not self.complete:
            return np.full(len(places), -np.inf)
        if self.seen is None:
            return np.full(len(places), np.inf)
        direction = np.asarray(self.seen[:3])
        return (places @ direction - self.seen[3]) / np.linalg.norm(direction)


def _directions() -> np.ndarray:
    """[26, 3]: the unit directions to a cube's faces, edges and corners."""
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    steps = steps[np.abs(steps).sum(1) > 0]
    return steps / np.linalg.norm(steps, axis=1, keepdims=True)


def _escapes(points: np.ndarray, places: np.ndarray, direction: np.ndarray, width: float) -> np.ndarray:
    """[Q] bool: from which places [Q, 3] a ray in `direction` meets no point [N, 3] within about `width`."""
    helper = np.eye(3)[np.abs(direction).argmin()]
    across = np.cross(direction, helper)
    across /= np.linalg.norm(across)
    frame = np.stack([across, np.cross(direction, across)], 1)
    cells = int(4 / width) + 3
    highest = np.full((cells, cells), -np.inf)
    seen, asked = (np.floor((x @ frame + 2) / width).astype(int) for x in (points, places))
    np.maximum.at(highest, (seen[:, 0], seen[:, 1]), points @ direction)
    padded = np.pad(highest, 1, constant_values=-np.inf)
    around = [padded[i : i + cells, j : j + cells] for i in range(3) for j in range(3)]
    return places @ direction > np.maximum.reduce(around)[asked[:, 0], asked[:, 1]]


def reachable(
    points: np.ndarray, places: np.ndarray, width: float, side: Sequence[float] = (0.0, 0.0, 0.0)
) -> np.ndarray:
    """[Q] bool: places [Q, 3] with a straight way out of a complete cloud [N, 3] whose gaps are up to `width`.

    The way does not lead away from `side` [3]: so it stays where the surface was seen, if only a half-space was.
    """
    ways = [direction for direction in _directions() if direction @ np.asarray(side) >= 0]
    out = [_escapes(points, places, direction, width) for direction in ways]
    return np.logical_or.reduce(out)


def seen_through(points: np.ndarray, places: np.ndarray, viewpoint: np.ndarray, width: float) -> np.ndarray:
    """[Q] bool: places that lie between a viewpoint [3] and a point seen from it."""
    ray, line = points - viewpoint, places - viewpoint
    depth, far = np.linalg.norm(ray, axis=1), np.linalg.norm(line, axis=1)
    gap, hit = cKDTree(ray / depth[:, None].clip(1e-9)).query(line / far[:, None].clip(1e-9))
    return (gap * depth[hit] < width / 2) & (far < depth[hit] - width)


def with_details(config: LsoConfig, known: PointsConfig) -> LsoConfig:
    """For a cloud of which all was seen, a search that finds the latent's details too; else they would fit the gap."""
    everything = known.complete and known.seen is None
    return replace(config, details=DETAILS if everything else 0.0, ridge=RIDGE if everything else 0.0)


@dataclass(frozen=True)
class Evidence:
    """What a cloud says: `surface` [N, 3] is on the surface; at `places` [Q, 3], `reach` [Q] away from the nearest
    point, |sdf| is at most reach, at least `least` [Q], and positive where `empty` [Q] bool is known."""

    surface: Tensor
    normals: Tensor | None
    places: Tensor
    reach: Tensor
    least: Tensor
    empty: Tensor
    spacing: float

    @staticmethod
    def check(cloud: Cloud, empty: Tensor | None) -> None:
        """Raises BadPointCloud for points, or places [E, 3] known to be empty, that are not in the cube."""
        cloud.in_cube()
        if empty is None:
            return
        if empty.ndim != 2 or empty.shape[1] != 3 or not len(empty):
            raise BadPointCloud(f"empty: expected points [E, 3], got {list(empty.shape)}")
        if not bool((empty.abs() <= 1).all()):
            raise BadPointCloud(f"empty: expected points in [-1, 1]^3, got one at {float(empty.abs().max()):.4g}")

    @classmethod
    def of(cls, cloud: Cloud, config: PointsConfig, empty: Tensor | None = None) -> "Evidence":
        """`empty` [E, 3] are places in the cube that the caller knows to be empty. Raises BadPointCloud."""
        cls.check(cloud, empty)
        points = cloud.points.cpu().double().numpy()
        tree = cKDTree(points)
        neighbour = tree.query(points, k=2)[0][:, 1]
        spacing = float(np.clip(NEAREST * np.median(neighbour), 0.01, 0.2))
        places = _places(cloud.points.cpu(), config.seed)
        known = np.zeros(len(places), bool)
        at = places.double().numpy()
        if config.complete:
            side = (0.0, 0.0, 0.0) if config.seen is None else config.seen[:3]
            known |= (config.depth(at) >= 0) & reachable(points, at, spacing, side)
        for viewpoint in config.viewpoints:
            known |= seen_through(points, at, np.asarray(viewpoint, float), spacing)
        if empty is not None:
            # As many times as it takes for the caller's word to be heard beside our own places.
            times = max(1, len(places) // 4 // max(1, len(empty)))
            places = torch.cat([places, empty.float().repeat(times, 1)])
            known = np.concatenate([known, np.ones(times * len(empty), bool)])
        reach = torch.from_numpy(tree.query(places.double().numpy())[0]).float()
        sure = torch.from_numpy(known)
        # The nearest surface may lie where nothing was seen, just beyond the border.
        depth = torch.from_numpy(config.depth(places.double().numpy())).float()
        least = (torch.minimum(reach, depth).clamp_max(CLAMP) - spacing).clamp_min(0)
        return cls(cloud.points, cloud.normals, places, reach, least, sure, spacing)

    def to(self, device: torch.device) -> "Evidence":
        normals = None if self.normals is None else self.normals.to(device)
        surface, places, reach = (x.to(device) for x in (self.surface, self.places, self.reach))
        return Evidence(surface, normals, places, reach, self.least.to(device), self.empty.to(device), self.spacing)


def _places(surface: Tensor, seed: int) -> Tensor:
    """[POOL, 3]: half about the cloud, half in all of the cube."""
    generator = torch.Generator().manual_seed(seed)
    pick = torch.randint(len(surface), (POOL // 2,), generator=generator)
    near = surface[pick] + 2 * FAR * torch.randn(POOL // 2, 3, generator=generator)
    places = torch.cat([near.clamp(-1, 1), uniform_points(POOL - POOL // 2, generator)])
    return places[torch.randperm(POOL, generator=generator)]


@dataclass(frozen=True)
class FitPoints:
    """The objective: terms in the cube's units, each a mean over the points that it speaks of."""

    space: Space
    evidence: Evidence
    config: PointsConfig = field(default_factory=PointsConfig)
    kind: str = "fit_points"

    def _rows(self, count: int, among: int, generator: torch.Generator) -> Tensor:
        return torch.randint(among, (count,), generator=generator).to(self.space.device)

    def terms(self, z: Tensor, draw: int) -> dict[str, Tensor]:
        """`surface`: |sdf| at the points (offset along normals where there are any); `reach`, `elsewhere`, `empty`: see
        Evidence."""
        e, count = self.evidence, self.config.points * (4 if draw == CHECK else 1)
        generator = torch.Generator().manual_seed((self.config.seed * 1_000_003 + draw + 1) % 2**63)
        on = self._rows(count, len(e.surface), generator)
        about = self._rows(count, len(e.places), generator)
        points, places = e.surface[on], e.places[about]
        offset = torch.zeros(count, device=z.device)
        if e.normals is not None:
            offset = (0.02 * torch.randn(count, generator=generator)).to(z.device)
            points = points + offset[:, None] * e.normals[on]
        answers = run(self.space.architectures[0], self.space.decode(z).theta, torch.cat([points, places]))
        answers = answers.clamp(-CLAMP, CLAMP)
        at_points, at_places = answers[:, :count], answers[:, count:]
        reach, least = e.reach[about].clamp_max(CLAMP), e.least[about]
        inside = torch.where(e.empty[about], least - at_places, 0.0).clamp_min(0)
        return {
            "surface": (at_points - offset).abs().mean(1),
            "reach": (at_places.abs() - reach).clamp_min(0).mean(1),
            "elsewhere": (least - at_places.abs()).clamp_min(0).mean(1),
            "empty": inside.mean(1),
        }

    @torch.no_grad()
    def verdict(self, z: Tensor) -> str:
        points = self.evidence.surface[:4096]
        off = run(self.space.architectures[0], self.space.decode(z[None]).theta, points)[0].abs()
        share = float((off < TOLERANCE).float().mean())
        near = f"{share:.0%} of them within {TOLERANCE} of its surface, {float(off.mean()):.3f} on average"
        return f"Found by fitting points: {near}."


def viewpoints_from(values: Sequence[Sequence[float]]) -> tuple[tuple[float, float, float], ...]:
    """[[x, y, z], ...] as the config holds them. Raises BadObjective for another length."""
    if any(len(value) != 3 for value in values):
        raise BadObjective(f"viewpoints: expected [x, y, z] each, got {[list(value) for value in values]}")
    return tuple((float(x), float(y), float(z)) for x, y, z in values)
