"""Classifiers trained many at once: none feels another, and an interruption changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netspace.archs import LeNetLike, ResNet, VanillaCNN
from netspace.data.images import ImageSet
from netspace.errors import BadZoo
from netspace.fit_classifiers import (
    Seat,
    Training,
    TrainingConfig,
    score,
    train_classifiers,
    training_module,
    with_statistics,
)
from netspace.functional import module_runner, run

QUICK = TrainingConfig(batch=8, lr=0.02, schedule="onecycle", small=0.5)
SEATS = [Seat(1, 1.0), Seat(2, 2.0), Seat(3, 1.5)]


@pytest.fixture(scope="module")
def images() -> ImageSet:
    """Thirty-two images of two classes that differ in their colours."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(32) % 2
    noise = torch.randint(100, (32, 3, 32, 32), generator=generator)
    noise[:, 0] += 100 * labels[:, None, None]
    return ImageSet(noise.to(torch.uint8), labels, ("dark", "red"))


@pytest.mark.parametrize("at_once", [True, False], ids=["vmap", "one after the other"])
@pytest.mark.parametrize("arch", [LeNetLike(classes=2), ResNet(classes=2)], ids=lambda a: a.name)
def test_networks_trained_at_once_are_those_trained_alone(
    arch: LeNetLike | ResNet, at_once: bool, images: ImageSet
) -> None:
    together = train_classifiers(arch, QUICK, SEATS, images, at_once=at_once)
    for seat, theta in zip(SEATS, together, strict=True):
        (alone,) = train_classifiers(arch, QUICK, [seat], images)
        torch.testing.assert_close(theta, alone, atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_training_that_was_interrupted_ends_as_one_that_was_not(
    optimiser: str, images: ImageSet, tmp_path: Path
) -> None:
    config, arch = replace(QUICK, optimiser=optimiser), ResNet(classes=2)
    whole = train_classifiers(arch, config, SEATS, images)
    begun = Training.begin(arch, config, SEATS, images)
    forward = module_runner(begun.arch, training_module(begun.arch))
    for _ in range(4):
        begun.advance(forward)
    begun.save(tmp_path / "partial")
    assert torch.equal(train_classifiers(arch, config, SEATS, images, tmp_path / "partial"), whole)


def test_a_damaged_partial_file_is_begun_anew(images: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "partial").write_bytes(b"half a file")
    found = train_classifiers(LeNetLike(classes=2), QUICK, SEATS[:1], images, tmp_path / "partial")
    assert torch.equal(found, train_classifiers(LeNetLike(classes=2), QUICK, SEATS[:1], images))


@pytest.mark.parametrize("arch", [LeNetLike(classes=2), VanillaCNN(classes=2), ResNet(classes=2)], ids=lambda a: a.name)
def test_training_teaches(arch: LeNetLike | VanillaCNN | ResNet, images: ImageSet) -> None:
    config = replace(QUICK, small=0.0, lr=0.005)
    (theta,) = train_classifiers(arch, config, [Seat(0, 12.0)], images)
    accuracy, loss = score(arch, theta, images)
    assert accuracy > 0.9
    assert loss < 0.5
    before, _ = score(arch, arch.initial(1, torch.Generator().manual_seed(0))[0], images)
    assert before < accuracy


def test_networks_of_other_seeds_differ_and_the_same_seed_is_the_same_network(images: ImageSet) -> None:
    arch, seats = LeNetLike(classes=2), [Seat(5, 1.0), Seat(5, 1.0), Seat(6, 1.0)]
    theta = train_classifiers(arch, QUICK, seats, images)
    assert torch.equal(theta[0], theta[1])
    assert not torch.allclose(theta[0], theta[2])


def test_statistics_of_batch_norm_make_eval_mode_agree_with_the_images(images: ImageSet) -> None:
    arch = ResNet(classes=2, batch_norm=True)
    theta = with_statistics(arch, arch.initial(1, torch.Generator().manual_seed(0))[0], images)
    from netspace.data.images import normalised

    shown = normalised(images.images)
    (trained,) = module_runner(arch, training_module(arch))(theta[None], shown)
    torch.testing.assert_close(run(arch, theta[None], shown)[0], trained, atol=0.05, rtol=0.05)


def test_score_is_accuracy_and_mean_cross_entropy(images: ImageSet) -> None:
    from netspace.data.images import normalised

    arch = VanillaCNN(classes=2)
    theta = arch.initial(1, torch.Generator().manual_seed(1))[0]
    logits = run(arch, theta[None], normalised(images.images))[0]
    accuracy, loss = score(arch, theta, images)
    assert accuracy == float((logits.argmax(1) == images.labels).float().mean())
    assert loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, images.labels)), abs=1e-5)


def test_the_rate_follows_its_schedule() -> None:
    steps = TrainingConfig(lr=1.0, schedule="steps", milestones=(0.5, 0.75))
    assert [steps.rate(s) for s in (0.0, 0.49, 0.5, 0.8)] == pytest.approx([1.0, 1.0, 0.1, 0.01])
    cycle = TrainingConfig(lr=1.0, schedule="onecycle", warmup=0.25)
    assert [cycle.rate(s) for s in (0.0, 0.125, 0.25, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.0])
    assert TrainingConfig(lr=0.3, schedule="constant").rate(0.9) == 0.3


@pytest.mark.parametrize(
    "change", [{"optimiser": "lion"}, {"schedule": "cosine"}, {"batch": 0}, {"lr": 0.0}, {"small": 1.5}]
)
def test_impossible_trainings_are_refused(change: dict) -> None:
    with pytest.raises(BadZoo):
        TrainingConfig(**change)


def test_a_training_that_diverges_says_so(images: ImageSet) -> None:
    with pytest.raises(BadZoo, match="diverged"):
        train_classifiers(LeNetLike(classes=2), replace(QUICK, lr=1e6), [Seat(0, 3.0)], images)
