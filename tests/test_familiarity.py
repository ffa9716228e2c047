"""Familiarity: where a code lies beside those of training, on its own and for the space that ships."""

from pathlib import Path

import pytest
import torch

from netspace.data.solids import Union, box
from netspace.embedding import STRANGE, embed_sdf
from netspace.errors import BadSpace
from netspace.familiarity import FILE, Familiarity, prior_of
from netspace.fit import FitConfig, fit, pools
from netspace.prior import FEWEST, Prior
from netspace.spaces import Gallery, Space, load_space

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "chairs"


def test_those_of_training_are_about_as_far_out_as_usual(generator: torch.Generator) -> None:
    """Also new ones of their kind, with fewer networks than dimensions; twice as far is four times as strange."""
    latents = torch.randn(80, 100, generator=generator)
    found = Familiarity.of(latents[:60])
    assert found is not None
    for z in latents[60:]:
        assert 0.3 < found.strangeness(z) < 3
        mean = found.prior.kinds[0].mean
        far = mean + 2 * (z - mean)
        assert found.strangeness(far) == pytest.approx(4 * found.strangeness(z), rel=1e-3)


def test_a_few_networks_say_nothing(generator: torch.Generator) -> None:
    assert Familiarity.of(torch.randn(FEWEST - 1, 4, generator=generator)) is None


def test_what_is_kept_says_the_same_when_it_is_read(tmp_path: Path, generator: torch.Generator) -> None:
    codes = torch.randn(40, 16, generator=generator) * torch.logspace(-2, 1, 16)
    found = Familiarity.of(codes)
    assert found is not None
    found.save(tmp_path)
    read = Familiarity.open(tmp_path)
    assert read is not None
    for z in codes[:5]:
        assert read.strangeness(z) == pytest.approx(found.strangeness(z), rel=0.02)
    torch.testing.assert_close(prior_of(tmp_path, codes[:3]).kinds[0].precision, read.prior.kinds[0].precision)


def test_a_space_that_was_kept_without_is_judged_by_nothing_and_searched_about_its_gallery(tmp_path: Path) -> None:
    codes = torch.eye(4)
    assert Familiarity.open(tmp_path) is None
    torch.testing.assert_close(prior_of(tmp_path, codes).kinds[0].precision, Prior.of(codes).kinds[0].precision)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"nothing of the kind")
    with pytest.raises(BadSpace, match=FILE):
        Familiarity.open(tmp_path)


class Round:
    """A ball, or a torus about the y axis."""

    def __init__(self, radius: float, tube: float | None = None) -> None:
        self.radius, self.tube = radius, tube

    def sdf(self, points: torch.Tensor) -> torch.Tensor:
        if self.tube is None:
            return points.norm(dim=1) - self.radius
        ring = points[:, [0, 2]].norm(dim=1) - self.radius
        return torch.stack([ring, points[:, 1]], 1).norm(dim=1) - self.tube

    def properties(self) -> dict[str, str | float]:
        return {}


@pytest.fixture(scope="module")
def shipped() -> tuple[Space, Gallery, Familiarity]:
    found = Familiarity.open(SHIPPED)
    assert found is not None
    return load_space(SHIPPED), Gallery.open(SHIPPED / "gallery"), found


def test_hardly_a_shipped_chair_is_strange(shipped: tuple[Space, Gallery, Familiarity]) -> None:
    """None of them was trained on."""
    _, gallery, familiarity = shipped
    found = sorted(familiarity.strangeness(code) for code in gallery.codes)
    assert found[len(found) // 2] < 1.3
    assert sum(one >= STRANGE for one in found) <= len(found) // 20, found[-5:]


UPSIDE_DOWN, BACK_TO_FRONT = torch.diag(torch.tensor([1.0, -1.0, 1.0])), torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
ON_ITS_BACK = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def test_a_shipped_chair_is_represented_but_in_no_other_orientation(
    shipped: tuple[Space, Gallery, Familiarity],
) -> None:
    space, gallery, familiarity = shipped
    for name in sorted(gallery.networks)[:2]:
        arch, theta = gallery.network(name) or pytest.fail(name)
        upright = embed_sdf(space, arch, theta, familiarity=familiarity)
        assert upright.verdict.startswith("Well"), upright.verdict
        for turn in (UPSIDE_DOWN, BACK_TO_FRONT, ON_ITS_BACK):
            state = arch.layout.unflatten(theta)
            state["layers.0.weight"] = state["layers.0.weight"] @ turn
            turned = embed_sdf(space, arch, arch.layout.flatten(state), familiarity=familiarity)
            assert not turned.represented, (name, turned)


def test_other_objects_are_not_represented_however_well_they_are_reproduced(
    shipped: tuple[Space, Gallery, Familiarity],
) -> None:
    space, _, familiarity = shipped
    cube = Union.of([box(torch.zeros(3), torch.full((3,), 0.6), 0.02)])
    config, generator = FitConfig(hidden=(64, 64), steps=300, fast=False), torch.Generator().manual_seed(0)
    theta = fit(*pools([Round(0.6), Round(0.6, 0.25), cube], config.pool, generator), config, generator)
    for one in theta:
        found = embed_sdf(space, config.arch, one, familiarity=familiarity)
        assert found.iou > 0.7, "the space can reproduce it"
        assert not found.represented, found.verdict
        assert not found.recognised, found
