import math
from dataclasses import replace

import pytest
import torch
from classifiers import ARCHS, RESNET, classifier_space, image_set, inputs_for
from descent import losses
from torch import Tensor

from netspace.distillation import (
    Distillation,
    DistillationConfig,
    answers,
    encode_several,
    knowledge_distillation,
    tempered_kl,
)
from netspace.functional import run
from netspace.image_batches import ImageBatch, ImageBatchConfig, ImageBatches
from netspace.spaces import Space

TEACHER = DistillationConfig.teacher(accuracy=0.7, penalty=0.3)


@pytest.fixture
def space() -> Space:
    return classifier_space()


@pytest.fixture
def batch(space: Space, generator: torch.Generator) -> ImageBatch:
    """Five networks, two pairs of smallest and largest, so two latents between."""
    images = image_set()
    teacher = torch.randn(2, len(images.labels), 10, generator=generator)
    config = ImageBatchConfig(networks=5, images=3, pairs=9)
    return ImageBatches(space.architectures, inputs_for(space), images, config, teacher).draw(generator)


def plain_kl(targets: list[float], logits: list[float], temperature: float) -> float:
    """Eq. 1 by hand for one image."""
    t, p = ([math.exp(x / temperature) for x in row] for row in (targets, logits))
    t, p = ([x / sum(row) for x in row] for row in (t, p))
    return temperature**2 * sum(a * math.log(a / b) for a, b in zip(t, p, strict=True))


def plain_kd(targets: Tensor, logits: Tensor, labels: Tensor) -> float:
    """Eqs. 3-5 by hand for one network."""
    total = 0.0
    for t, p, label in zip(targets.tolist(), logits.tolist(), labels.tolist(), strict=True):
        cross_entropy = math.log(sum(math.exp(x) for x in p)) - p[label]
        total += 0.9 * plain_kl(t, p, 4.0) + 0.1 * cross_entropy
    return total / len(labels)


def test_equation_1_is_the_divergence_of_tempered_softmaxes_times_the_temperature_squared(
    generator: torch.Generator,
) -> None:
    targets, logits = torch.randn(2, 4, 5, generator=generator).unbind()
    found = tempered_kl(targets, logits, 4.0)
    expected = [plain_kl(t, p, 4.0) for t, p in zip(targets.tolist(), logits.tolist(), strict=True)]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=1e-4)


def test_equation_1_is_zero_for_the_same_answers_and_positive_for_others(generator: torch.Generator) -> None:
    logits = torch.randn(3, 10, generator=generator)
    torch.testing.assert_close(tempered_kl(logits, logits + 2.0, 4.0), torch.zeros(3), atol=1e-5, rtol=0)
    assert (tempered_kl(logits, logits.flip(1), 4.0) > 0).all()


def test_equations_3_to_5_weigh_the_teacher_and_the_labels(generator: torch.Generator) -> None:
    targets, logits = torch.randn(2, 2, 3, 10, generator=generator).unbind()
    labels = torch.randint(10, (2, 3), generator=generator)
    expected = [plain_kd(*row) for row in zip(targets, logits, labels, strict=True)]
    found = knowledge_distillation(targets, logits, labels, TEACHER)
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=1e-4)


def test_equations_6_to_12_are_means_over_networks_and_over_pairs(space: Space, batch: ImageBatch) -> None:
    small, large = ((batch.arch_ids == i).nonzero()[:, 0].tolist() for i in (0, 2))
    z = encode_several(space, batch.theta, batch.arch_ids)
    own, between = [], []
    for i, arch_id in enumerate(batch.arch_ids.tolist()):
        own.append((z[i], arch_id))
    pairs = [(a, b) for a in small for b in large]
    assert len(pairs) == 4
    found = Distillation(space, TEACHER)(batch)
    order = [tuple(pair) for pair in batch.ends[:, 5:].T.tolist()]
    assert sorted(order) == sorted(pairs), "every pair once, in any order"
    for a, b in order:
        between.append((0.5 * z[a] + 0.5 * z[b], 1))
    losses = []
    for j, (latent, arch_id) in enumerate(own + between):
        decoded = space.decode(latent[None], space.architectures[arch_id])
        logits = answers(space, decoded, batch.images[j : j + 1])[0]
        assert decoded.arch_logits is not None
        wanted = -decoded.arch_logits.log_softmax(1)[0, arch_id]
        losses.append(plain_kd(batch.targets[j], logits, batch.labels[j]) + float(wanted.detach()))
    assert space.accuracy is not None
    estimate = float((space.accuracy(z)[:, 0] - batch.accuracy).square().mean().detach())
    expected = sum(losses[:5]) / 5 + sum(losses[5:]) / 4 + 0.7 * estimate + 0.3 * float(z.square().mean().detach())
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-4)


def test_the_sums_do_not_depend_on_how_many_pairs_a_batch_holds(space: Space, batch: ImageBatch) -> None:
    """Each pair's latents and images twice: the loss is the same."""
    twice = torch.cat([torch.arange(5), torch.arange(5, 9), torch.arange(5, 9)])
    repeated = replace(
        batch,
        ends=batch.ends[:, twice],
        **{name: getattr(batch, name)[twice] for name in ("gamma", "wanted_ids", "images", "labels", "targets")},
    )
    objective = Distillation(space, TEACHER)
    torch.testing.assert_close(objective(repeated)["loss"], objective(batch)["loss"])


def test_networks_of_several_architectures_answer_as_each_alone(space: Space, batch: ImageBatch) -> None:
    z = encode_several(space, batch.theta, batch.arch_ids)
    decoded = space.decode(z, batch.arch_ids)
    together = answers(space, decoded, batch.images[:5])
    for i, (arch, theta) in enumerate(space.networks(decoded)):
        assert arch == space.architectures[batch.arch_ids[i]]
        alone = run(arch, theta[None], batch.images[i : i + 1])[0]
        torch.testing.assert_close(together[i], alone, atol=1e-5, rtol=1e-4)


def test_sampled_answers_give_the_same_latents_as_the_weights(space: Space, batch: ImageBatch) -> None:
    objective = Distillation(space, TEACHER)
    again = objective.latents(replace(batch, responses=None))
    torch.testing.assert_close(objective.latents(batch), again, atol=1e-5, rtol=1e-4)


def test_noise_comes_from_the_generator_and_in_training_only(space: Space, batch: ImageBatch) -> None:
    noisy = Distillation(space, replace(TEACHER, noise=1.0)).train()
    a, b, c = (noisy(batch, torch.Generator().manual_seed(seed))["loss"] for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.allclose(a, c)
    torch.testing.assert_close(noisy.eval()(batch)["loss"], Distillation(space, TEACHER)(batch)["loss"])


def test_every_parameter_is_trained(space: Space, batch: ImageBatch) -> None:
    Distillation(space, TEACHER)(batch)["loss"].backward()
    missing = [name for name, p in space.named_parameters() if p.grad is None]
    assert missing == ["encoder.probes"], "which are fixed here"


def test_probe_images_can_be_learnt(batch: ImageBatch) -> None:
    config = classifier_space().config
    space = Space(replace(config, encoder=replace(config.encoder, learn=True)))
    Distillation(space, TEACHER)(replace(batch, responses=None))["loss"].backward()
    grad = dict(space.named_parameters())["encoder.probes"].grad
    assert grad is not None
    assert grad.any()


def test_a_few_steps_on_one_batch_lower_its_loss(generator: torch.Generator) -> None:
    space = classifier_space(archs=(ARCHS[0],))
    batches = ImageBatches(
        space.architectures, inputs_for(space, (0, 0, 0)), image_set(), ImageBatchConfig(networks=2, images=8), None
    )
    batch, objective = batches.draw(generator), Distillation(space, DistillationConfig(between=0.5))
    found = losses(objective, batch, space.parameters(), lr=1e-2, steps=20)
    assert found[-1] < 0.8 * found[0]


@pytest.mark.parametrize("bad", [{"targets": "labels"}, {"temperature": 0.0}])
def test_unknown_targets_and_temperatures_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="expected targets input, teacher or mixed and a positive temperature"):
        DistillationConfig(**bad)


def test_an_accuracy_that_is_not_known_is_not_learnt(space: Space, batch: ImageBatch) -> None:
    objective = Distillation(space, DistillationConfig())
    known = replace(batch, accuracy=batch.accuracy.clone())
    known.accuracy[1:] = torch.nan
    off = space.accuracy(objective.latents(batch))[0, 0] - batch.accuracy[0]  # type: ignore[misc]
    torch.testing.assert_close(objective(known)["accuracy"], off.square())
    known.accuracy[0] = torch.nan
    assert float(objective(known)["accuracy"].detach()) == 0
    assert bool(objective(known)["loss"].isfinite())


def test_only_one_architecture_has_no_class_id(generator: torch.Generator) -> None:
    space = classifier_space(archs=(RESNET,))
    config = ImageBatchConfig(networks=2, images=2, pairs=0)
    batch = ImageBatches((RESNET,), inputs_for(space, (0, 0)), image_set(), config, None).draw(generator)
    terms = Distillation(space, DistillationConfig())(batch)
    assert float(terms["class_id"]) == 0
    assert "between" not in terms
