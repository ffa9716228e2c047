"""What the library's tests share: tiny zoos and spaces, built in seconds and without child processes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
import torch
from classifiers import image_folder
from classifiers import zoo_config as classifier_zoo_config
from hypothesis import settings

from netspace import behaviours as behaviours_module
from netspace import cubes, grids
from netspace import zoo as zoo_module
from netspace.archs import Siren
from netspace.behaviours import Behaviours, sample_zoo
from netspace.data.images import ImageData, load_images
from netspace.data.solids import Union, capsule
from netspace.data.sources import ChairSource
from netspace.fit import FitConfig
from netspace.native import library
from netspace.spaces import Space, SpaceConfig
from netspace.spaces.config import BehaviourEncoderConfig, DictionaryDecoderConfig
from netspace.zoo import Zoo, ZooConfig, build_zoo, start_zoo

settings.register_profile("netspace", deadline=None, max_examples=25, derandomize=True, database=None)
settings.load_profile("netspace")


class InProcess(Executor):
    """Stands in for ProcessPoolExecutor: runs each call at once, in this process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(params=["in C", "on tensors"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of meshing, as the library has them and as they are without it."""
    if request.param == "on tensors":
        for module in (cubes, grids):
            monkeypatch.setattr(module, "library", lambda: None)
    elif library() is None:
        pytest.skip("no C compiler when NetSpace was installed")


REAL_SERVER = tuple(f"tests/page/test_{name}.py" for name in ("classifier_page", "journey", "tools_page"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes one runs a file's tests, which share what is costly, and one all of those of the page before
    a real server: two browsers that draw what it computes leave nothing to the servers behind them."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "page" if nodeid.startswith(REAL_SERVER) else super()._split_scope(nodeid)

    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in the same order wherever the tests run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def in_process() -> Iterator[None]:
    """No child processes for the rest of the session; the tests of the real pool use their own reference to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo_module, "ProcessPoolExecutor", InProcess)
        patch.setattr(behaviours_module, "ProcessPoolExecutor", InProcess)
        yield


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def arch() -> Siren:
    return Siren(hidden=(8, 6))


@pytest.fixture
def theta(arch: Siren, generator: torch.Generator) -> torch.Tensor:
    return arch.initial(1, generator)[0]


@pytest.fixture(scope="session")
def ball() -> Callable[..., Union]:
    """ball(radius, x, y, z): the solid ball of that radius and centre."""

    def make(radius: float, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Union:
        centre = torch.tensor([x, y, z])
        return Union.of([capsule(centre, centre, radius)])

    return make


@pytest.fixture(scope="session")
def zoo_config() -> ZooConfig:
    return ZooConfig(
        sources=(ChairSource(count=10, seed=3, val=2, test=3),),
        fit=FitConfig(hidden=(16, 16), steps=150, points=128, pool=2000, lr=5e-3, warmup=5, fast=False),
        shard_size=5,
        seed=1,
    )


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory, zoo_config: ZooConfig, in_process: None) -> Zoo:  # noqa: ARG001
    """Ten chairs (5 train, 2 val, 3 test) in two shards. Do not write into it."""
    root = tmp_path_factory.mktemp("zoo")
    start_zoo(root, zoo_config)
    build_zoo(root)
    return Zoo.open(root)


@pytest.fixture(scope="session")
def image_data(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    """Ten classes: 80 images to train on, 20 to validate, 40 to test. Do not write into their folder."""
    return load_images(image_folder(tmp_path_factory.mktemp("images")))


@pytest.fixture(scope="session")
def classifier_zoo(tmp_path_factory: pytest.TempPathFactory, in_process: None) -> Zoo:  # noqa: ARG001
    """Five LeNetLikes and five ResNet8s. Do not write into it."""
    root = tmp_path_factory.mktemp("classifiers")
    start_zoo(root, classifier_zoo_config(image_folder(root / "images")))
    build_zoo(root)
    return Zoo.open(root)


@pytest.fixture(scope="session")
def behaviours(zoo: Zoo) -> Behaviours:
    return sample_zoo(zoo)


@pytest.fixture(scope="session")
def space_config() -> SpaceConfig:
    """For the tiny zoo's architecture."""
    return SpaceConfig(
        name="tiny",
        title="A tiny space",
        latent=8,
        architectures=(Siren(hidden=(16, 16)),),
        encoder=BehaviourEncoderConfig(grid=48, channels=(4, 8, 8, 8)),
        decoder=DictionaryDecoderConfig(directions=6, hidden=16),
    )


@pytest.fixture
def space(space_config: SpaceConfig) -> Space:
    """Untrained, the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Space(space_config).eval().requires_grad_(False)


@pytest.fixture
def saved_space(space: Space, tmp_path: Path) -> Path:
    from netspace.spaces import save_space

    folder = tmp_path / "space"
    save_space(space, folder)
    return folder


@pytest.fixture(scope="session")
def evaluated(
    tmp_path_factory: pytest.TempPathFactory, zoo: Zoo, behaviours: Behaviours, space_config: SpaceConfig
) -> Path:
    """A run's folder: an untrained space and its report on two held-out networks. Do not write into it."""
    from netspace.embedding import RefineConfig
    from netspace.evaluate import EvaluateConfig, evaluate
    from netspace.spaces import save_space

    folder = tmp_path_factory.mktemp("evaluated")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        space = Space(space_config).eval().requires_grad_(False)
    save_space(space, folder)
    config = EvaluateConfig(limit=2, pairs=1, ts=(0.25, 0.5), refine=RefineConfig(steps=2, points=64))
    evaluate(space, zoo, behaviours, config, folder, lambda *_: None)
    return folder
