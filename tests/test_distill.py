from dataclasses import replace

import pytest
import torch
from classifiers import ARCHS, RESNET, VANILLA, classifier_space, image_set
from torch import Tensor

from netspace.classify import accuracy, predictions, straightness
from netspace.distill import Distill, DistillConfig
from netspace.distillation import tempered_kl
from netspace.errors import BadObjective
from netspace.functional import run
from netspace.lso import CHECK, LsoConfig, State, begin, optimise
from netspace.prior import Gaussian, Prior
from netspace.spaces import Space

PRIOR = Prior((Gaussian(torch.zeros(6), torch.eye(6)),))
CONFIG = LsoConfig(steps=20, lr=0.05, prior=0.0)


@pytest.fixture
def space() -> Space:
    return classifier_space(archs=(VANILLA,)).requires_grad_(False)


def objective(space: Space, images: int = 8) -> Distill:
    """A teacher that is another network of the space."""
    training, validation = image_set(), image_set(seed=1)
    ((arch, theta),) = space.networks(space.decode(torch.ones(1, 6), VANILLA))
    from netspace.classify import logits

    return Distill(space, VANILLA, training, logits(arch, theta, training), validation, DistillConfig(images=images))


def test_terms_are_the_tempered_divergence_on_images_that_the_draw_decides(space: Space) -> None:
    found = objective(space)
    z = torch.zeros(1, 6)
    a, b, c = (found.terms(z, draw)["distillation"] for draw in (3, 3, 4))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    everything = objective(space, images=4000).terms(z, 0)["distillation"]
    from netspace.data.images import normalised

    theta = space.decode(z).theta
    logits = run(VANILLA, theta, normalised(found.training.images))[0]
    torch.testing.assert_close(everything[0], tempered_kl(found.teacher, logits, 4.0).mean(), rtol=0.1, atol=1e-3)


def test_latents_are_compared_by_the_validation_accuracy_of_that_same_latent(space: Space) -> None:
    """Every value that the search reports is the accuracy of the network decoded from the latent beside it."""
    found = objective(space)
    state = begin(found, PRIOR, CONFIG, torch.zeros(1, 6))
    checked = 0
    for update in optimise(found, PRIOR, CONFIG, state):
        state = update.state
        if update.value is not None:
            ((arch, theta),) = space.networks(space.decode(state.z[None]))
            right = accuracy(predictions(arch, theta, found.validation), found.validation)
            assert update.value == pytest.approx(1 - right, abs=1e-6)
            checked += 1
    assert checked == 2
    best = found.accuracy(state.best, found.validation)
    assert float(state.best_value) == pytest.approx(1 - best, abs=1e-6)


def test_the_divergence_falls(space: Space) -> None:
    found = objective(space, images=24)
    state = begin(found, PRIOR, CONFIG, torch.zeros(1, 6))
    losses = [update.terms["distillation"] for update in optimise(found, PRIOR, CONFIG, state)]
    assert losses[-1] < 0.9 * losses[0]


def test_an_interrupted_search_goes_on_bit_for_bit(space: Space) -> None:
    found = objective(space)
    whole = begin(found, PRIOR, CONFIG, torch.zeros(1, 6))
    for update in optimise(found, PRIOR, CONFIG, whole):
        whole = update.state
    part = begin(found, PRIOR, CONFIG, torch.zeros(1, 6))
    for _, update in zip(range(7), optimise(found, PRIOR, CONFIG, part), strict=False):
        part = update.state
    part = State.from_bytes(part.to_bytes())
    for update in optimise(found, PRIOR, CONFIG, part):
        part = update.state
    assert part.to_bytes() == whole.to_bytes()


def test_a_latent_of_another_architecture_counts_as_wrong() -> None:
    """The labels are what the decoded network predicts, so it is always right."""
    space, z, images = classifier_space().requires_grad_(False), torch.zeros(6), image_set()
    ((own, theta),) = space.networks(space.decode(z[None]))
    labelled = replace(images, labels=predictions(own, theta, images))
    for arch in ARCHS:
        found = Distill(space, arch, images, torch.zeros(24, 10), labelled)
        error = float(found.terms(z[None], CHECK)["validation_error"])
        assert error == (0 if arch == own else 1)


def test_staying_the_same_architecture_is_a_term_of_several() -> None:
    space = classifier_space().requires_grad_(False)
    found = Distill(space, RESNET, image_set(), torch.zeros(24, 10), image_set(), DistillConfig(images=4))
    terms = found.terms(torch.zeros(1, 6), 0)
    logits: Tensor = space.decode(torch.zeros(1, 6)).arch_logits
    torch.testing.assert_close(terms["class_id"], -logits.log_softmax(1)[:, 2])
    found.config = replace(found.config, class_id=0.0)
    assert set(found.terms(torch.zeros(1, 6), 0)) == {"distillation"}


def test_what_makes_no_sense_is_refused(space: Space) -> None:
    with pytest.raises(BadObjective, match="expected logits of 24 images"):
        Distill(space, VANILLA, image_set(), torch.zeros(3, 10), image_set())
    with pytest.raises(BadObjective, match="expected images >= 1"):
        DistillConfig(images=0)


def test_a_verdict_tells_the_validation_accuracy(space: Space) -> None:
    found = objective(space)
    right = found.accuracy(torch.zeros(6), found.validation)
    assert f"{right:.1%} of 24 validation images" in found.verdict(torch.zeros(6))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 2.0, 3.0, 4.0], 1.0), ([2.0, 2.0, 2.0, 2.0], 1.0), ([1.0, -1.0, -1.0, 1.0], 0.0)],
    ids=["straight", "constant", "symmetric"],
)
def test_straightness_is_the_r2_of_the_best_straight_line(values: list[float], expected: float) -> None:
    assert straightness([0.0, 1.0, 2.0, 3.0], values) == pytest.approx(expected, abs=1e-9)
