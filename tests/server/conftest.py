"""The service in front of a tiny space, with a fresh database for every test or one for a whole module."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faults import fast
from tiny import LIMIT, UPLOADED, ball, make_space

from netspace.checkpoint import network_bytes
from netspace.embedding import RefineConfig, embed
from server.app import create_app
from server.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx2
    from fastapi.testclient import TestClient


@pytest.fixture(scope="session", autouse=True)
def quick_refinement() -> Iterator[None]:
    """The library's embedding in fewer steps: what it finds is tested elsewhere."""
    few = RefineConfig(steps=4, points=128)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.tasks.shapes.embed", partial(embed, config=few))
        yield


@pytest.fixture(scope="session")
def space_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the space `tiny` alone."""
    root = tmp_path_factory.mktemp("spaces")
    make_space(root / "tiny")
    return root


@pytest.fixture(scope="session")
def settings_in(space_folder: Path) -> Callable[..., Settings]:
    """Settings whose database and front end lie in a folder."""

    def make(folder: Path, **changes: Any) -> Settings:
        values = {
            "spaces": space_folder,
            "device": "cpu",
            "compile": False,
            "database_url": f"sqlite:///{folder}/latents.sqlite",
            "max_upload_bytes": LIMIT,
            "frontend": folder / "frontend",
            "rate_limit": "",
            "upload_limit": "",
            "worker": False,
        }
        return Settings(**{**values, **changes})

    return make


@pytest.fixture
def settings(settings_in: Callable[..., Settings], tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """The service with an empty database."""
    with TestClient(create_app(settings)) as opened:
        yield opened


@pytest.fixture
def service(settings: Settings) -> Iterator[TestClient]:
    """As `client`, for jobs that are run by other processes: short chunks, and workers soon missed."""
    with TestClient(create_app(fast(settings))) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(settings_in: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for a module's tests that leave no trace."""
    with TestClient(create_app(settings_in(tmp_path_factory.mktemp("shared")))) as opened:
        yield opened


@pytest.fixture(scope="module")
def uploaded(shared: TestClient) -> dict[str, Any]:
    """A ball of another architecture than the space's own, uploaded to `shared`: the answer to POST /embed."""
    answer = shared.post("/embed", files={"file": ("my ball.pt", network_bytes(UPLOADED, ball(UPLOADED, 0.58)))})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="session")
def small_files() -> list[bytes]:
    """Two checkpoints."""
    return [network_bytes(UPLOADED, ball(UPLOADED, radius)) for radius in (0.55, 0.6)]
