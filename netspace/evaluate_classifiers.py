"""The held-out report of a space of classifiers: twins, lines, what lies between architectures, and LSO."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, median

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.classify import accuracy, agreement, predictions, straightness
from netspace.data.images import ImageData, ImageSet
from netspace.distill import Distill, DistillConfig
from netspace.errors import BadZoo
from netspace.files import write_json
from netspace.lines import latents_between, weight_line
from netspace.lso import LsoConfig, begin, optimise
from netspace.prior import Prior
from netspace.spaces.space import Space
from netspace.zoo import Zoo

Say = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


@dataclass(frozen=True, kw_only=True)
class ClassifierEvaluateConfig:
    """Held-out networks (`limit` of each architecture, 0 for all) on `images` test images (0 for all).

    `pairs` lines of `points` each, on `line_images` test images. Latents of `searches` networks of each architecture
    are optimised, compared by `validation` validation images.
    """

    split: str = "test"
    limit: int = 0
    images: int = 0
    pairs: int = 6
    points: int = 13
    line_images: int = 2000
    searches: int = 3
    validation: int = 2000
    lso: LsoConfig = field(default_factory=lambda: LsoConfig(steps=100, lr=0.05, prior=0.0))
    distill: DistillConfig = field(default_factory=DistillConfig)


class Kept:
    """Results that are kept in a folder as soon as they are known, for one state of space and settings."""

    def __init__(self, folder: Path, stamp: dict) -> None:
        self.folder = folder
        path, stamp = folder / "stamp.json", json.loads(json.dumps(stamp))
        if not path.exists() or json.loads(path.read_text()) != stamp:
            for old in folder.glob("*.json"):
                old.unlink()
            write_json(path, stamp)

    def __call__(self, name: str, compute: Callable[[], dict]) -> dict:
        path = self.folder / f"{name}.json"
        if not path.exists():
            write_json(path, compute())
        return json.loads(path.read_text())


def sample(images: ImageSet, count: int) -> ImageSet:
    """About `count` images, 0 for all: evenly spaced, since those of a folder lie sorted by class."""
    return images.select(slice(None, None, max(1, len(images) // count))) if count else images


@torch.no_grad()
def twin(space: Space, arch: Architecture, theta: Tensor, images: ImageSet) -> dict:
    """One unseen network theta [P] beside what the space decodes for it."""
    theta = theta.to(space.device)
    z = space.encode(theta[None], arch)
    decoded = space.decode(z)
    ((other, twin_theta),) = space.networks(decoded)
    mine, its = predictions(arch, theta, images), predictions(other, twin_theta, images)
    return {
        "architecture": arch.name,
        "decoded_architecture": other.name,
        "accuracy": accuracy(mine, images),
        "decoded_accuracy": accuracy(its, images),
        "agreement": agreement(mine, its),
        "estimate": float(space.estimate_accuracy(z)[0]),
        "latent": z[0].tolist(),
    }


def summary(twins: Sequence[dict]) -> dict[str, float]:
    """Means over twins, and the median accuracy of the inputs."""
    return {
        "networks": len(twins),
        "accuracy": mean(t["accuracy"] for t in twins),
        "median_accuracy": median(t["accuracy"] for t in twins),
        "decoded_accuracy": mean(t["decoded_accuracy"] for t in twins),
        "difference": mean(abs(t["decoded_accuracy"] - t["accuracy"]) for t in twins),
        "estimate_difference": mean(abs(t["estimate"] - t["accuracy"]) for t in twins),
        "agreement": mean(t["agreement"] for t in twins),
        "architecture_right": mean(float(t["decoded_architecture"] == t["architecture"]) for t in twins),
    }


def line_ends(space: Space, twins: Sequence[dict], count: int) -> list[tuple[int, int]]:
    """Pairs of positions: the worst with the best, or the smallest with the largest architecture."""
    order = sorted(range(len(twins)), key=lambda i: (twins[i]["accuracy"], i))
    if len(space.architectures) == 1:
        return list(zip(order, reversed(order), strict=True))[: min(count, len(order) // 2)]
    ends = [[i for i in order if twins[i]["architecture"] == space.architectures[k].name] for k in (0, -1)]
    return list(zip(*ends, strict=False))[:count]


@torch.no_grad()
def walk(
    space: Space, zoo: Zoo, rows: tuple[int, int], ends: tuple[Tensor, Tensor], ts: list[float], images: ImageSet
) -> dict:
    """Accuracy on the line between latents [D], and between raw weights where both are of one architecture."""
    decoded = space.decode(latents_between(space, ends[0].to(space.device), ends[1].to(space.device), ts))
    found = [accuracy(predictions(arch, theta, images), images) for arch, theta in space.networks(decoded)]
    out: dict = {
        "first": zoo.networks[rows[0]].name,
        "last": zoo.networks[rows[1]].name,
        "ts": ts,
        "accuracy": found,
        "architectures": [space.architectures[i].name for i in decoded.arch_ids.tolist()],
        "straightness": straightness(ts, found),
    }
    if decoded.arch_logits is not None:
        out["probabilities"] = decoded.arch_logits.softmax(1).tolist()
    archs = [zoo.networks[row].arch for row in rows]
    if archs[0] == archs[1]:
        a, b = (zoo.theta([row])[0] for row in rows)
        raw = weight_line(archs[0], a, b, ts).to(space.device)
        out["weights"] = [accuracy(predictions(archs[0], theta, images), images) for theta in raw]
    return out


@torch.no_grad()
def between(space: Space, small: Tensor, large: Tensor, images: ImageSet) -> dict:
    """Eqs. 7-12 held out: what latents at i/(A-1) between the smallest and the largest architecture are decoded to."""
    count = len(space.architectures)
    decoded = space.decode(
        latents_between(space, small.to(space.device), large.to(space.device), [i / (count - 1) for i in range(count)])
    )
    found = {}
    for i, (arch, theta) in enumerate(space.networks(decoded)):
        right = arch == space.architectures[i]
        found[space.architectures[i].name] = {
            "right": float(right),
            "accuracy": accuracy(predictions(arch, theta, images), images),
        }
    return found


def search(space: Space, data: ImageData, teacher: Tensor, given: dict, config: ClassifierEvaluateConfig) -> dict:
    """LSO from one network's latent: test accuracies of the input, its decoded copy and the best latent found."""
    arch = next(a for a in space.architectures if a.name == given["architecture"])
    objective = Distill(space, arch, data.train, teacher, sample(data.val, config.validation), config.distill)
    start = torch.tensor(given["latent"], device=space.device)
    prior = Prior.flat(space.code).to(space.device)
    state = begin(objective, prior, config.lso, start[None])
    before = float(state.best_value)
    for update in optimise(objective, prior, config.lso, state):
        state = update.state
    test = sample(data.test, config.images)
    return {
        "architecture": arch.name,
        "input": given["accuracy"],
        "decoded": objective.accuracy(start, test),
        "optimised": objective.accuracy(state.best, test),
        "validation": [1 - before, 1 - float(state.best_value)],
        "best_step": int(state.best_step),
        "steps": int(state.step),
    }


def chosen_rows(space: Space, zoo: Zoo, config: ClassifierEvaluateConfig) -> list[int]:
    """Held-out networks of the architectures that the space decodes to. Raises BadZoo if there is none."""
    rows = []
    for arch in space.architectures:
        own = [i for i in zoo.indices(config.split) if zoo.networks[i].arch == arch]
        rows += own[: config.limit or None]
    if not rows:
        raise BadZoo(f"{zoo.root}: expected networks of split {config.split} that the space decodes to, got none")
    return rows


def evaluate_classifiers(
    space: Space,
    zoo: Zoo,
    data: ImageData,
    teacher: Tensor | None,
    config: ClassifierEvaluateConfig,
    folder: Path,
    say: Say,
    unseen: Sequence[str] = (),
) -> dict:
    """Writes report.json into `folder`; returns it. `teacher` [N, C] answers the training images, for LSO.

    `unseen` names the architectures whose networks the space was not trained on.

    Continues where it was interrupted: every result is kept as soon as it is known.
    """
    rows = chosen_rows(space, zoo, config)
    kept = Kept(folder / "evaluation", {"config": asdict(config), "model": _fingerprint(space)})
    test, few = sample(data.test, config.images), sample(data.test, config.line_images)
    twins = []
    for done, row in enumerate(rows, start=1):
        network = zoo.networks[row]
        say("embedding unseen networks", done, len(rows))
        compute = partial(twin, space, network.arch, zoo.theta([row])[0], test)
        twins.append({"name": network.name, **kept(f"twin-{row:05d}", compute)})
    ts = [i / (config.points - 1) for i in range(config.points)]
    lines, gaps = [], []
    pairs = line_ends(space, twins, config.pairs)
    for done, (a, b) in enumerate(pairs, start=1):
        say("walking lines", done, len(pairs))
        small, large = (torch.tensor(twins[i]["latent"]) for i in (a, b))
        places = (rows[a], rows[b])
        lines.append(kept(f"line-{done:03d}", partial(walk, space, zoo, places, (small, large), ts, few)))
        if len(space.architectures) > 1:
            gaps.append(kept(f"between-{done:03d}", partial(between, space, small, large, few)))
    searches = _searches(space, data, teacher, twins, config, kept, say)
    report = {
        "space": space.config.name,
        "task": "classifier",
        "split": config.split,
        "images": len(test),
        "classes": list(test.classes),
        "architectures": [arch.name for arch in space.architectures],
        "unseen": list(unseen),
        "config": asdict(config),
        "summary": summary(twins),
        "by_architecture": {name: summary(group) for name, group in _groups(twins).items()},
        "lines": lines,
        "straightness": mean(found["straightness"] for found in lines) if lines else None,
        "mean_straightness": _mean_straightness(lines, ts),
        "between": _between_means(gaps),
        "searches": searches,
        "networks": twins,
    }
    write_json(folder / "report.json", report)
    return report


def _searches(
    space: Space,
    data: ImageData,
    teacher: Tensor | None,
    twins: list[dict],
    config: ClassifierEvaluateConfig,
    kept: Kept,
    say: Say,
) -> list[dict]:
    if teacher is None or not config.searches:
        return []
    chosen = [t for group in _groups(twins).values() for t in group[: config.searches]]
    found = []
    for done, given in enumerate(chosen, start=1):
        say("optimising latents", done, len(chosen))
        result = kept(f"search-{given['name']}", partial(search, space, data, teacher, given, config))
        found.append({"name": given["name"], **result})
    return found


def _groups(twins: Sequence[dict]) -> dict[str, list[dict]]:
    groups: dict[str, list[dict]] = {}
    for t in twins:
        groups.setdefault(t["architecture"], []).append(t)
    return groups


def _mean_straightness(lines: Sequence[dict], ts: list[float]) -> float | None:
    """R^2 of the straight line through the lines' mean."""
    if not lines:
        return None
    return straightness(ts, [mean(values) for values in zip(*(found["accuracy"] for found in lines), strict=True)])


def _between_means(gaps: Sequence[dict]) -> dict:
    names = list(gaps[0]) if gaps else []
    return {
        name: {key: mean(gap[name][key] for gap in gaps) for key in ("right", "accuracy")} | {"lines": len(gaps)}
        for name in names
    }


def _fingerprint(space: Space) -> float:
    return float(sum(p.double().abs().sum() for p in space.parameters()))
