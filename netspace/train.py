"""One training loop for every space: resumable, on CPU, one GPU, or several under `torchrun`."""

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from netspace.batches import BatchConfig
from netspace.data.images import ImageData
from netspace.distillation import DistillationConfig
from netspace.errors import BadSpace
from netspace.files import atomic_path, write_json
from netspace.image_batches import ImageBatchConfig
from netspace.objectives import SdfDistillationConfig
from netspace.spaces.config import SpaceConfig
from netspace.spaces.space import Space
from netspace.spaces.store import load_space, save_space
from netspace.zoo import Zoo

OBJECTIVES = {"sdf": SdfDistillationConfig, "classifier": DistillationConfig}
BATCHES = {"sdf": BatchConfig, "classifier": ImageBatchConfig}
"""By the networks' task."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run. Exactly one of `steps` and `minutes` is positive: the budget of the schedule."""

    space: SpaceConfig
    objective: SdfDistillationConfig | DistillationConfig = field(default_factory=SdfDistillationConfig)
    batch: BatchConfig | ImageBatchConfig = field(default_factory=BatchConfig)
    steps: int = 0
    minutes: float = 0.0
    lr: float = 5e-4
    weight_decay: float = 0.0
    warmup: int = 200
    midpoints: int = 0
    """Pairs of procedural chairs whose halfway shape is sampled for `batch.chair_pairs`."""
    fresh: int = 0
    """Procedural chairs that are in no zoo and are learnt from their exact distances, for `batch.fresh`."""
    start: str = ""
    """Folder of a space whose weights to start from, if any."""
    base: str = "zoo"
    """What a dictionary's base weights of a classifier start from: "zoo" (the best training network by validation of
    that architecture, where the zoo has one) or "initial"."""
    unseen: tuple[int, ...] = ()
    """ClassIds of architectures whose networks in the zoo are not looked at: they are learnt from what lies between."""
    teacher: str = ""
    """Folder of a zoo whose best network by validation is the teacher, for objectives that need one."""
    validate_seconds: float = 120.0
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.steps > 0) == (self.minutes > 0):
            raise BadSpace(f"expected either steps or minutes to be positive, got {self.steps} and {self.minutes}")
        task = self.space.task
        if not isinstance(self.objective, OBJECTIVES[task]) or not isinstance(self.batch, BATCHES[task]):
            raise BadSpace(
                f"objective and batch: expected those of {task} networks, got {self.objective}, {self.batch}"
            )
        object.__setattr__(self, "unseen", tuple(self.unseen))
        if not set(self.unseen) <= set(range(len(self.space.architectures))):
            raise BadSpace(f"unseen: expected ClassIds below {len(self.space.architectures)}, got {list(self.unseen)}")
        if self.base not in ("zoo", "initial"):
            raise BadSpace(f"base: expected zoo or initial, got {self.base!r}")

    def to_json(self) -> dict:
        return {**asdict(replace(self)), "space": self.space.to_json()}

    @classmethod
    def from_json(cls, data: dict) -> "TrainConfig":
        """Inverse of `to_json`; raises BadSpace naming what it does not know."""
        try:
            space = SpaceConfig.from_json(data["space"])
            parts: dict[str, Any] = {
                "space": space,
                "objective": OBJECTIVES[space.task](**data.get("objective", {})),
                "batch": BATCHES[space.task](**data.get("batch", {})),
            }
            return cls(**{**data, **parts})
        except (KeyError, TypeError, ValueError) as error:
            raise BadSpace(f"training config: {type(error).__name__}: {error}") from error


Say = Callable[[str, int, int], None]
"""Called with (what is being prepared, done, total)."""


@dataclass
class Progress:
    """Where a run stands; saved with every checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf


def share_done(config: TrainConfig, progress: Progress) -> float:
    """How much of the budget is used, in [0, 1]."""
    return progress.step / config.steps if config.steps else progress.seconds / (60 * config.minutes)


def rate_at(config: TrainConfig, progress: Progress) -> float:
    """Linear warm-up, then cosine decay to zero over the budget."""
    warm = min(1.0, (progress.step + 1) / config.warmup) if config.warmup else 1.0
    return config.lr * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, share_done(config, progress))))


class Task(Protocol):
    """What a run learns from: batches, what a batch asks for, and how good the space is at it."""

    @property
    def objective(self) -> nn.Module:
        """Called as objective(batch, generator) -> `loss` and its terms."""

    def draw(self, generator: torch.Generator) -> Any:
        """A batch; all that is random comes from the generator."""

    def validate(self) -> Mapping[str, float]:
        """`error`, which the best space has least of, and other figures on networks that are not trained on."""

    def complete(self, space: Space, folder: Path) -> None:
        """Measures once what the best space, trained to the end, is kept with: in its tensors or beside it."""


def task_of(
    space: Space, config: TrainConfig, zoo: Zoo, images: ImageData | None, fast: bool, workers: int, say: Say
) -> Task:
    if config.space.task == "sdf":
        from netspace.sdf_task import SdfTask

        return SdfTask(space, config, zoo, fast, workers)
    from netspace.classifier_task import ClassifierTask

    return ClassifierTask(space, config, zoo, images, fast, say)


class Run:
    """A training run in a folder: `state.pt` continues it, `model.safetensors` is the best by validation so far."""

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        zoo: Zoo,
        device: torch.device,
        fast: bool,
        workers: int = 1,
        images: ImageData | None = None,
        say: Say = lambda *_: None,
    ) -> None:
        self.folder, self.config, self.zoo, self.device = folder, config, zoo, device
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.space = Space(config.space).to(device)
        if config.start:
            self.space.load_state_dict(load_space(Path(config.start)).state_dict())
        self.task = task_of(self.space, config, zoo, images, fast, workers, say)
        self.optimiser = torch.optim.AdamW(
            [p for p in self.space.parameters() if p.requires_grad],
            lr=config.lr,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.generator = torch.Generator().manual_seed(config.seed + 1000 * self.rank)
        self.progress = Progress()

    @property
    def objective(self) -> nn.Module:
        return self.task.objective

    def restore(self) -> bool:
        """Continues from state.pt where there is one; raises BadSpace if it belongs to another config."""
        path = self.folder / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        if TrainConfig.from_json(json.loads(state["config"])) != self.config:
            raise BadSpace(f"{path} belongs to a run with other settings; train into another folder")
        self.space.load_state_dict(state["space"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
        self.progress = Progress(**state["progress"])
        return True

    def save(self) -> None:
        with atomic_path(self.folder / "state.pt") as temporary:
            torch.save(
                {
                    "config": json.dumps(self.config.to_json()),
                    "space": self.space.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "generator": self.generator.get_state(),
                    "progress": asdict(self.progress),
                },
                temporary,
            )

    def validate(self) -> dict[str, float]:
        self.objective.eval()
        figures = dict(self.task.validate())
        self.objective.train()
        return figures

    def step(self, objective: nn.Module) -> dict[str, Tensor]:
        batch = self.task.draw(self.generator)
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.config, self.progress)
        self.optimiser.zero_grad(set_to_none=True)
        terms = objective(batch, self.generator)
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(self.space.parameters(), 1.0)
        self.optimiser.step()
        self.progress.step += 1
        return {name: value.detach() for name, value in terms.items()}

    def agreed(self, seconds: float) -> float:
        """The first process' clock, so that all of them stop after the same step."""
        if self.world == 1:
            return seconds
        clock = torch.tensor(seconds, dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(clock, 0)
        return float(clock)

    def keep_best(self) -> dict[str, float]:
        """Validates, saves the space if it is the best so far, and the run; for the first process alone."""
        report = self.validate()
        if report["error"] < self.progress.best:
            self.progress.best = report["error"]
            save_space(self.space, self.folder)
        self.save()
        return report

    def complete(self) -> None:
        """Keeps with the best space what is measured at the end of training."""
        space = load_space(self.folder, self.device)
        self.task.complete(space, self.folder)
        save_space(space, self.folder)


def join_group(device: torch.device) -> torch.device:
    """Under torchrun, joins the process group and takes this process' GPU; elsewhere returns `device`."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return device
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


Report = Callable[[Progress, float, dict[str, float]], None]
"""Called with (progress, share done, figures) about once a second and after every validation."""


def train(run: Run, report: Report | None = None, stop_after: float = math.inf) -> Progress:
    """Trains until the budget is used or `stop_after` seconds have passed; continues a run that was interrupted.

    Raises BadSpace if the folder holds a run with other settings.
    """
    config = run.config
    run.restore()
    write_json(run.folder / "train.json", config.to_json())
    objective: nn.Module = run.objective
    if run.world > 1:
        objective = DistributedDataParallel(run.objective, find_unused_parameters=True)
    objective.train()
    start = last = checked = shown = time.monotonic()
    sums: dict[str, float] = {}
    count = 0
    while share_done(config, run.progress) < 1 and run.agreed(time.monotonic() - start) < stop_after:
        terms = run.step(objective)
        now = time.monotonic()
        run.progress.seconds = run.agreed(run.progress.seconds + now - last)
        last = now
        count += 1
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        if report is not None and now - shown > 5:
            report(run.progress, share_done(config, run.progress), {n: v / count for n, v in sums.items()})
            sums, count, shown = {}, 0, now
        if run.rank == 0 and now - checked > config.validate_seconds:
            figures = run.keep_best()
            if report is not None:
                report(run.progress, share_done(config, run.progress), {f"val_{n}": v for n, v in figures.items()})
            checked = last = time.monotonic()
    if run.rank == 0:
        figures = run.keep_best()
        if report is not None:
            report(run.progress, share_done(config, run.progress), {f"val_{n}": v for n, v in figures.items()})
        if share_done(config, run.progress) >= 1:
            run.complete()
    if run.world > 1:
        torch.distributed.barrier()
    return run.progress
