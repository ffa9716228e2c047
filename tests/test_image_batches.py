from dataclasses import fields, replace

import pytest
import torch
from classifiers import ARCHS, RESNET, classifier_space, image_set, inputs_for
from torch import Tensor

from netspace.data.images import normalised
from netspace.functional import run
from netspace.image_batches import ImageBatch, ImageBatchConfig, ImageBatches, smallest_and_largest

CONFIG = ImageBatchConfig(networks=3, images=4, pairs=1)


def drawn(config: ImageBatchConfig = CONFIG, teacher: Tensor | None = None, seed: int = 0) -> ImageBatch:
    space = classifier_space()
    batches = ImageBatches(space.architectures, inputs_for(space), image_set(), config, teacher)
    return batches.draw(torch.Generator().manual_seed(seed))


def test_the_generator_decides_the_batch() -> None:
    a, b, c = (drawn(seed=seed) for seed in (3, 3, 4))
    for f in fields(ImageBatch):
        assert torch.equal(getattr(a, f.name), getattr(b, f.name)), f.name
    assert not torch.equal(a.images, c.images)


@pytest.mark.parametrize("networks", [1, 3, 6])
def test_architectures_take_turns(networks: int) -> None:
    counts = drawn(ImageBatchConfig(networks=networks, images=1, pairs=0)).arch_ids.bincount(minlength=3)
    assert counts.sum() == networks
    assert counts.max() - counts.min() <= 1


def test_pairs_of_the_smallest_and_largest_are_all_of_them() -> None:
    first, last = smallest_and_largest(torch.tensor([2, 0, 1, 0, 2, 3]), 4)
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [(1, 5), (3, 5)]


def test_between_the_ends_lie_the_other_architectures_at_even_fractions() -> None:
    space = classifier_space()
    inputs = inputs_for(space, (0, 2))
    four = ImageBatches((*ARCHS, replace(RESNET, depth=14)), replace(inputs, arch_ids=torch.tensor([0, 3])),
                        image_set(), replace(CONFIG, networks=2), torch.zeros(2, 24, 10))  # fmt: skip
    batch = four.draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(batch.gamma, torch.tensor([0.0, 0.0, 1 / 3, 2 / 3]))
    assert batch.wanted_ids[2:].tolist() == [1, 2]
    ends = batch.arch_ids[batch.ends[:, 2:]]
    assert ends.tolist() == [[0, 0], [3, 3]]


def test_the_teachers_answers_belong_to_the_images_as_they_are_shown() -> None:
    """A teacher whose answers are the brightness of each quarter of the image's left and right half."""
    images = image_set()
    shown = normalised(images.images)
    answer = shown.mean((1, 2))[:, :10]
    teacher = torch.stack([answer, shown.flip(-1).mean((1, 2))[:, :10]])
    batch = drawn(teacher=teacher)
    torch.testing.assert_close(batch.targets, batch.images.mean((2, 3))[..., :10])


def test_an_inputs_own_answers_are_the_targets_of_its_latent() -> None:
    batch, space = drawn(), classifier_space()
    for i, arch_id in enumerate(batch.arch_ids.tolist()):
        arch = space.architectures[arch_id]
        own = run(arch, batch.theta[i : i + 1, : arch.layout.size], batch.images[i])[0]
        torch.testing.assert_close(batch.targets[i], own)


def test_between_two_networks_lies_the_one_whose_accuracy_is_next_to_theirs_mixed() -> None:
    space = classifier_space(archs=(RESNET,))
    inputs = inputs_for(space, (0,) * 5)
    batches = ImageBatches((RESNET,), inputs, image_set(), replace(CONFIG, networks=4), None)
    batch = batches.draw(torch.Generator().manual_seed(1))
    (a, b), gamma = batch.ends[:, 4], batch.gamma[4]
    wanted = torch.lerp(batch.accuracy[a], batch.accuracy[b], gamma)
    row = int((inputs.accuracy - wanted).abs().argmin())
    torch.testing.assert_close(batch.targets[4], run(RESNET, inputs.theta[row : row + 1], batch.images[4])[0])


def mixed(seed: int = 0, networks: int = 8) -> tuple[ImageBatch, ImageBatches, Tensor]:
    """A batch of networks mixed with a teacher that answers 7 to everything, and 5 on every probe."""
    space = classifier_space()
    config = ImageBatchConfig(networks=networks, images=3, pairs=2)
    teacher, responses = torch.full((2, 24, 10), 7.0), torch.full((5, 10), 5.0)
    batches = ImageBatches(space.architectures, inputs_for(space), image_set(), config, teacher, responses)
    return batches.draw(torch.Generator().manual_seed(seed)), batches, responses


def shares_of(batch: ImageBatch, batches: ImageBatches, responses: Tensor) -> Tensor:
    """How much of each network's responses is the teacher's, by least squares."""
    found = []
    for theta, shown in zip(batch.theta, batch.responses, strict=True):  # type: ignore[arg-type]
        row = int((batches.inputs.theta - theta).abs().sum(1).argmin())
        own = batches.inputs.responses[row]  # type: ignore[index]
        away = responses - own
        found.append(float(((shown - own) * away).sum() / away.square().sum()))
        torch.testing.assert_close(shown, torch.lerp(own, responses, found[-1]))
    return torch.tensor(found)


def test_half_of_the_mixed_networks_are_as_they_are_and_only_of_those_is_the_accuracy_known() -> None:
    drawn = [mixed(seed) for seed in range(8)]
    shares = torch.cat([shares_of(*one) for one in drawn])
    known = torch.cat([batch.accuracy.isfinite() for batch, *_ in drawn])
    assert torch.equal(known, shares.abs() < 1e-5)
    assert 20 < int(known.sum()) < 44
    assert float(shares.max()) > 0.8
    assert float(shares.min()) > -1e-5


def test_a_mixed_network_is_wanted_to_answer_as_it_is_shown() -> None:
    """Logits are mixed linearly: on images by the same share as on probes, on lines by where on the line."""
    batch, batches, responses = mixed(3)
    share, space = shares_of(batch, batches, responses), classifier_space()
    assert len(batch.gamma) > len(share)
    for j, (a, b) in enumerate(batch.ends.T.tolist()):
        ends = []
        for i in (a, b):
            arch = space.architectures[int(batch.arch_ids[i])]
            ends.append(run(arch, batch.theta[i : i + 1, : arch.layout.size], batch.images[j])[0])
        own, mix = torch.lerp(*ends, batch.gamma[j]), torch.lerp(share[a], share[b], batch.gamma[j])
        torch.testing.assert_close(batch.targets[j], torch.lerp(own, torch.tensor(7.0), mix), atol=1e-4, rtol=1e-4)


def test_labels_belong_to_the_images() -> None:
    images, batch = image_set(), drawn(replace(CONFIG, flip=False))
    shown = normalised(images.images)
    for image, label in zip(batch.images.flatten(0, 1), batch.labels.flatten(), strict=True):
        row = int((shown - image).abs().flatten(1).sum(1).argmin())
        assert torch.equal(shown[row], image)
        assert images.labels[row] == label


@pytest.mark.parametrize("bad", [{"networks": 0}, {"images": 0}, {"pairs": -1}])
def test_empty_batches_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="expected positive numbers"):
        replace(CONFIG, **bad)
