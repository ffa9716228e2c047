from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from netspace.curvature import DAMPING, answers_jacobian, curvature, whitening
from netspace.embedding import RefineConfig, refine
from netspace.errors import BadSpace
from netspace.functional import run
from netspace.objectives import distance
from netspace.spaces import Space, load_space, save_space


@pytest.fixture
def latent(generator: torch.Generator) -> Tensor:
    return torch.randn(8, generator=generator)


def test_whitened_steps_act_alike_but_for_the_damping(generator: torch.Generator) -> None:
    factor = torch.randn(30, 6, generator=generator).double() * torch.logspace(0, -3, 6).double()
    found = factor.T @ factor / 30
    damped = found + DAMPING * torch.linalg.eigvalsh(found)[-1] * torch.eye(6).double()
    white = whitening(found)
    assert torch.allclose(white.T @ damped @ white, torch.eye(6).double(), atol=1e-9)
    assert torch.allclose(white, white.T)


def test_the_jacobian_is_that_of_finite_differences(
    space: Space, latent: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = torch.rand(5, 3, generator=torch.Generator().manual_seed(3)) * 2 - 1
    monkeypatch.setattr("netspace.curvature.points_around", lambda *_: points)
    monkeypatch.setattr("netspace.curvature.NEAR", 100.0)
    step = 1e-2

    def answers(z: Tensor) -> Tensor:
        return run(space.architectures[0], space.decode(z[None]).theta, points)[0]

    columns = [(answers(latent + step * e) - answers(latent - step * e)) / (2 * step) for e in torch.eye(8)]
    assert torch.allclose(answers_jacobian(space, latent), torch.stack(columns, 1), atol=2e-3)


def test_curvature_is_symmetric_and_not_negative(space: Space, latent: Tensor) -> None:
    found = curvature(space, torch.stack([latent, -latent]))
    assert found.shape == (8, 8)
    assert torch.allclose(found, found.T)
    assert torch.linalg.eigvalsh(found)[0] > -1e-6 * torch.linalg.eigvalsh(found)[-1]


def test_a_badly_scaled_latent_is_refined_better_in_whitened_coordinates(
    space: Space, latent: Tensor, generator: torch.Generator
) -> None:
    """The same search, told that the answers' slopes are a thousandfold apart."""
    points = torch.rand(512, 3, generator=generator) * 2 - 1
    scale = torch.logspace(0, -3, 8)
    decode = space.decode
    values = run(space.architectures[0], decode(latent[None]).theta, points)[0]
    config = RefineConfig(steps=8, points=512, clamp=1.0)

    class Scaled:
        architectures = space.architectures
        whitening: Tensor | None = None

        def decode(self, z: Tensor) -> object:
            return decode(z * scale)

    def left(z: Tensor) -> float:
        answers = run(space.architectures[0], decode((z * scale)[None]).theta, points)
        return float(distance(answers, values[None], "mse", 1.0))

    scaled, start = Scaled(), torch.zeros(8)
    plain = left(refine(scaled, start, points, values, config))  # type: ignore[arg-type]
    scaled.whitening = torch.diag(1 / scale)
    assert left(refine(scaled, start, points, values, config)) < plain  # type: ignore[arg-type]


def test_whitening_is_kept_beside_the_weights(space: Space, tmp_path: Path) -> None:
    kept = load_space_with(space, torch.eye(8) * 3, tmp_path)
    assert kept.whitening is not None
    assert torch.equal(kept.whitening, torch.eye(8) * 3)
    assert "whitening" not in kept.state_dict()


def load_space_with(space: Space, white: Tensor, folder: Path) -> Space:
    space.whitening = white
    try:
        save_space(space, folder)
    finally:
        space.whitening = None
    return load_space(folder)


@pytest.mark.parametrize("content", [{"whitening": torch.eye(3)}, {"other": torch.eye(8)}])
def test_whitening_of_another_space_is_refused(content: dict, space: Space, tmp_path: Path) -> None:
    save_space(space, tmp_path)
    save_file(content, tmp_path / "whitening.safetensors")
    with pytest.raises(BadSpace, match="whitening"):
        load_space(tmp_path)
