"""The held-out report: what a space makes of networks it has never seen, beside two baselines."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from netspace.behaviours import Behaviours
from netspace.embedding import RESOLUTION, RefineConfig, embed_sdf
from netspace.errors import EmptyLevelSet
from netspace.files import atomic_path, write_json
from netspace.grids import Grid, iou
from netspace.lines import latent_line, weight_line
from netspace.mesh import Solidity, grid_mesh, network_grid
from netspace.spaces.space import Space
from netspace.zoo import Zoo

Say = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Which networks, how many lines between random pairs of them, and where on the lines."""

    split: str = "test"
    limit: int = 0
    pairs: int = 100
    ts: tuple[float, ...] = (0.25, 0.5, 0.75)
    seed: int = 0
    refine: RefineConfig = field(default_factory=RefineConfig)


@dataclass(frozen=True)
class Twin:
    """One unseen network beside what the space decodes for it, and beside the nearest network of the zoo."""

    name: str
    source: str
    base: str
    back: str
    encoder_iou: float
    iou: float
    chamfer: float
    f_score: float
    parts: int
    input_parts: int
    nearest_iou: float


def _grid(space: Space, theta: Tensor) -> Grid:
    return network_grid(space.architectures[0], theta, RESOLUTION)


def nearest_in_zoo(zoo: Zoo, behaviours: Behaviours, index: int) -> int:
    """The training network whose solid has the largest IoU with network `index`, on the probes' grid."""
    train = zoo.indices("train")
    inside = (behaviours.probes[train] < 0).flatten(1)
    mine = (behaviours.probes[index] < 0).flatten()
    ratio = (inside & mine).sum(1) / (inside | mine).sum(1).clamp_min(1)
    return train[int(ratio.argmax())]


def twin(space: Space, zoo: Zoo, behaviours: Behaviours, index: int, config: EvaluateConfig) -> tuple[Twin, Tensor]:
    """-> (figures, z [D]) of one network of the zoo."""
    network = zoo.networks[index]
    theta, near = zoo.theta([index, nearest_in_zoo(zoo, behaviours, index)]).to(space.device)
    embedding = embed_sdf(space, zoo.arch, theta, config.refine)
    mine, neighbour = (network_grid(zoo.arch, t, RESOLUTION) for t in (theta, near))
    with torch.no_grad():
        decoded = _grid(space, space.decode(embedding.z[None].to(space.device)).theta[0])
    like = embedding.likeness
    figures = Twin(
        name=network.name,
        source=network.source,
        base=str(network.properties.get("base", "-")),
        back=str(network.properties.get("back", "-")),
        encoder_iou=embedding.first_iou,
        iou=like.iou,
        chamfer=like.chamfer,
        f_score=like.f_score,
        parts=Solidity.of(decoded).parts,
        input_parts=Solidity.of(mine).parts,
        nearest_iou=iou(mine.occupied(), neighbour.occupied()),
    )
    return figures, embedding.z


def summary(twins: Sequence[Twin]) -> dict[str, float]:
    """Means over twins, and the worst tenth's border of the IoU."""
    names = ("iou", "encoder_iou", "chamfer", "f_score", "nearest_iou")
    means = {name: float(np.mean([getattr(t, name) for t in twins])) for name in names}
    ious = [t.iou for t in twins]
    whole = float(np.mean([t.parts == 1 for t in twins]))
    return {
        "networks": len(twins),
        **means,
        "iou_worst_tenth": float(np.quantile(ious, 0.1)),
        "iou_worst": min(ious),
        "one_part": whole,
        "input_one_part": float(np.mean([t.input_parts == 1 for t in twins])),
    }


def breakdown(twins: Sequence[Twin]) -> dict[str, dict[str, dict[str, float]]]:
    """`summary` by source, and of the procedural networks by base and by back."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for key in ("source", "base", "back"):
        chosen = twins if key == "source" else [t for t in twins if getattr(t, key) != "-"]
        groups = sorted({getattr(t, key) for t in chosen})
        out[key] = {group: summary([t for t in chosen if getattr(t, key) == group]) for group in groups}
    return out


@dataclass(frozen=True)
class Solid:
    """What one point of a line is."""

    empty: bool
    parts: int
    largest_share: float
    watertight: bool


def solid(grid: Grid) -> Solid:
    inside = grid.occupied()
    if not inside.any() or inside.all():
        return Solid(True, 0, 0.0, False)
    s = Solidity.of(grid)
    return Solid(False, s.parts, s.largest_share, bool(grid_mesh(grid).is_watertight))


def shares(solids: Sequence[Solid]) -> dict[str, float]:
    """The shares of points that are non-empty, in one part, nearly so (98% of the volume), watertight."""
    return {
        "points": len(solids),
        "non_empty": float(np.mean([not s.empty for s in solids])),
        "one_part": float(np.mean([s.parts == 1 for s in solids])),
        "nearly_one_part": float(np.mean([s.largest_share >= 0.98 for s in solids])),
        "watertight": float(np.mean([s.watertight for s in solids])),
        "mean_parts": float(np.mean([s.parts for s in solids])),
    }


def random_pairs(count: int, pairs: int, seed: int) -> list[tuple[int, int]]:
    """Distinct ends, drawn from `count` networks."""
    rng = np.random.default_rng(seed)
    return [(int(a), int(b)) for a, b in (rng.choice(count, 2, replace=False) for _ in range(pairs))]


def walk(space: Space, zoo: Zoo, indices: list[int], z: Tensor, config: EvaluateConfig, say: Say) -> dict:
    """What lies on lines between random pairs, through latents and through raw weights."""
    found: dict[str, dict[float, list[Solid]]] = {of: {t: [] for t in config.ts} for of in ("latent", "weights")}
    kinds = []
    pairs = random_pairs(len(indices), config.pairs, config.seed) if len(indices) > 1 else []
    for done, (a, b) in enumerate(pairs, start=1):
        kinds.append("-".join(sorted(zoo.networks[indices[i]].source for i in (a, b))))
        ends = zoo.theta([indices[a], indices[b]]).to(space.device)
        _, through_latents = latent_line(space, z[a], z[b], config.ts)
        for of, thetas in (
            ("latent", through_latents),
            ("weights", weight_line(zoo.arch, ends[0], ends[1], config.ts)),
        ):
            for t, theta in zip(config.ts, thetas, strict=True):
                found[of][t].append(solid(_grid(space, theta)))
        say("walking lines", done, len(pairs))
    out: dict = {of: {str(t): shares(solids) for t, solids in by_t.items()} for of, by_t in found.items() if pairs}
    for kind in sorted(set(kinds)):
        middle = found["latent"][config.ts[len(config.ts) // 2]]
        out.setdefault("latent_midpoints_by_source", {})[kind] = shares(
            [s for s, k in zip(middle, kinds, strict=True) if k == kind]
        )
    return out


def evaluate(space: Space, zoo: Zoo, behaviours: Behaviours, config: EvaluateConfig, folder: Path, say: Say) -> dict:
    """Writes report.json and the latents of the split into `folder`; returns the report.

    Continues where it was interrupted: each network's figures are kept as soon as they are known. Networks without a
    surface are named in the report and left out of its figures.
    """
    asked = zoo.indices(config.split)[: config.limit or None]
    indices, twins, latents = _twins(space, zoo, behaviours, asked, config, folder / "evaluation", say)
    report = {
        "space": space.config.name,
        "split": config.split,
        "resolution": RESOLUTION,
        "refine": asdict(config.refine),
        "without_surface": [zoo.networks[i].name for i in asked if i not in set(indices)],
        "summary": summary(twins),
        **{f"by_{key}": value for key, value in breakdown(twins).items()},
        "lines": walk(space, zoo, indices, latents, config, say),
        "networks": [asdict(t) for t in twins],
    }
    write_json(folder / "report.json", report)
    with atomic_path(folder / "latents.safetensors") as temporary:
        save_file({"z": latents, "rows": torch.tensor(indices)}, temporary)
    return report


def _twins(
    space: Space, zoo: Zoo, behaviours: Behaviours, indices: list[int], config: EvaluateConfig, folder: Path, say: Say
) -> tuple[list[int], list[Twin], Tensor]:
    """Rows of the zoo, figures and latents [n, D] of the networks that have a surface; raises EmptyLevelSet if none."""
    stamp = folder / "config.json"
    settings = json.loads(json.dumps({"refine": asdict(config.refine), "model": _fingerprint(space)}))
    if not stamp.exists() or json.loads(stamp.read_text()) != settings:
        for old in folder.glob("*.safetensors"):
            old.unlink()
        write_json(stamp, settings)
    rows, twins, latents = [], [], []
    for done, index in enumerate(indices, start=1):
        path = folder / f"{index:05d}.safetensors"
        say("embedding unseen networks", done, len(indices))
        if not path.exists():
            try:
                figures, z = twin(space, zoo, behaviours, index, config)
            except EmptyLevelSet:
                continue
            with atomic_path(path) as temporary:
                save_file({"z": z.contiguous()}, temporary, {"twin": json.dumps(asdict(figures))})
        with safe_open(path, "pt") as file:
            twins.append(Twin(**json.loads(file.metadata()["twin"])))
        latents.append(load_file(path)["z"])
        rows.append(index)
    if not rows:
        raise EmptyLevelSet(f"expected networks with a surface to evaluate, got {len(indices)} without any")
    return rows, twins, torch.stack(latents)


def _fingerprint(space: Space) -> float:
    return float(sum(p.double().abs().sum() for p in space.parameters()))
