import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from classifiers import LENET, RESNET, VANILLA

from netspace.classifier_task import best_of, inputs_of, start_from_zoo, teacher_answers
from netspace.classify import accuracy, logits, predictions
from netspace.data.images import ImageData
from netspace.distillation import DistillationConfig
from netspace.errors import BadImages, BadSpace, BadZoo
from netspace.image_batches import ImageBatchConfig
from netspace.spaces import Space, SpaceConfig, load_space
from netspace.spaces.config import (
    DictionaryDecoderConfig,
    ImageBehaviourEncoderConfig,
    PrepDecoderConfig,
    PrepEncoderConfig,
)
from netspace.train import Progress, Run, TrainConfig, train
from netspace.zoo import Zoo

CPU = torch.device("cpu")
SPACE = SpaceConfig(
    name="tiny",
    title="Tiny classifiers",
    latent=6,
    architectures=(LENET, VANILLA, RESNET),
    encoder=ImageBehaviourEncoderConfig(probes=5, hidden=(16,)),
    decoder=DictionaryDecoderConfig(directions=4, hidden=12, rank=1, gain=1.0),
)
SINGLE = replace(SPACE, architectures=(LENET,))


@pytest.fixture
def config(classifier_zoo: Zoo) -> TrainConfig:
    """All that is random is in it: noise, pairs, flips, a teacher."""
    return TrainConfig(
        space=SPACE,
        objective=DistillationConfig.teacher(noise=0.1),
        batch=ImageBatchConfig(networks=2, images=4, pairs=1),
        steps=4,
        lr=1e-3,
        warmup=1,
        teacher=str(classifier_zoo.root),
    )


def trained(folder: Path, config: TrainConfig, zoo: Zoo, images: ImageData) -> tuple[Run, Progress]:
    run = Run(folder, config, zoo, CPU, fast=False, images=images)
    return run, train(run)


@pytest.mark.parametrize("targets", ["teacher", "input", "mixed"])
def test_an_interrupted_run_ends_with_the_same_weights_as_an_uninterrupted_one(
    config: TrainConfig, classifier_zoo: Zoo, image_data: ImageData, tmp_path: Path, targets: str
) -> None:
    config = replace(config, objective=replace(config.objective, targets=targets))
    whole, progress = trained(tmp_path / "whole", config, classifier_zoo, image_data)
    interrupted = Run(tmp_path / "parts", config, classifier_zoo, CPU, fast=False, images=image_data)
    for _ in range(2):
        interrupted.step(interrupted.objective)
    interrupted.save()
    torch.manual_seed(99)  # what else the process draws does not matter
    continued, again = trained(tmp_path / "parts", config, classifier_zoo, image_data)
    for name, value in whole.space.state_dict().items():
        assert torch.equal(continued.space.state_dict()[name], value), name
    assert (again.step, again.best) == (progress.step, progress.best)


@pytest.mark.parametrize(
    "space",
    [
        SINGLE,
        replace(SPACE, encoder=replace(SPACE.encoder, learn=True)),
        replace(SPACE, latent=64, encoder=PrepEncoderConfig(width=800), decoder=PrepDecoderConfig(width=800)),
    ],
    ids=["single", "learnt probes", "paper"],
)
def test_every_kind_of_space_can_be_trained_saved_and_loaded(
    config: TrainConfig, classifier_zoo: Zoo, image_data: ImageData, tmp_path: Path, space: SpaceConfig
) -> None:
    objective = DistillationConfig() if space is SINGLE else config.objective
    run, progress = trained(
        tmp_path, replace(config, space=space, objective=objective, steps=1), classifier_zoo, image_data
    )
    assert progress.step == 1
    loaded = load_space(tmp_path)
    assert loaded.config == space
    z = torch.randn(2, space.latent, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(loaded.decode(z).theta, run.space.eval().decode(z).theta)
    assert TrainConfig.from_json(json.loads((tmp_path / "train.json").read_text())).space == space


def test_validation_says_the_same_every_time_and_tells_the_terms(
    config: TrainConfig, classifier_zoo: Zoo, image_data: ImageData, tmp_path: Path
) -> None:
    run = Run(tmp_path, config, classifier_zoo, CPU, fast=False, images=image_data)
    first, again = run.validate(), run.validate()
    assert first == again
    assert {"error", "distillation", "class_id", "between", "between_class_id", "accuracy"} <= set(first)


def test_base_weights_start_from_the_best_training_network_of_each_architecture(classifier_zoo: Zoo) -> None:
    space = Space(SPACE)
    names = start_from_zoo(space, classifier_zoo, space.architectures)
    for arch_id, arch in ((0, LENET), (2, RESNET)):
        rows = [i for i in classifier_zoo.indices("train") if classifier_zoo.networks[i].arch == arch]
        best = max(rows, key=lambda i: classifier_zoo.networks[i].properties["val_accuracy"])
        assert names[arch.name] == classifier_zoo.networks[best].name
        base = space.decoder.each[arch_id].base.detach()
        torch.testing.assert_close(base, classifier_zoo.theta([best])[0])
    assert set(names) == {"LeNetLike", "ResNet8"}, "the zoo has no VanillaCNN"


def test_inputs_are_the_zoos_networks_with_their_architectures_and_answers(classifier_zoo: Zoo) -> None:
    space = Space(SPACE).eval()
    inputs = inputs_of(space, classifier_zoo, "train", space.architectures)
    rows = classifier_zoo.indices("train")
    assert len(inputs) == len(rows) == 4
    for i, row in enumerate(rows):
        network = classifier_zoo.networks[row]
        assert space.architectures[inputs.arch_ids[i]] == network.arch
        assert torch.equal(inputs.theta[i, : network.arch.layout.size], classifier_zoo.theta([row])[0])
        assert inputs.accuracy[i] == pytest.approx(network.properties["val_accuracy"])
        assert inputs.parameters[i] == network.arch.layout.size


def test_a_zoo_without_the_spaces_architectures_is_refused(classifier_zoo: Zoo) -> None:
    with pytest.raises(BadZoo, match="expected networks of split train and one of VanillaCNN, got none"):
        inputs_of(Space(SPACE), classifier_zoo, "train", (VANILLA,))


def test_the_teacher_answers_every_image_as_it_is_and_flipped_and_is_asked_once(
    classifier_zoo: Zoo, image_data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = teacher_answers(classifier_zoo.root, image_data.val, CPU)
    arch, theta = best_of(classifier_zoo)
    torch.testing.assert_close(found[0].float(), logits(arch, theta, image_data.val), atol=2e-2, rtol=1e-2)
    flipped = replace(image_data.val, images=image_data.val.images.flip(-1))
    torch.testing.assert_close(found[1].float(), logits(arch, theta, flipped), atol=2e-2, rtol=1e-2)
    plain = teacher_answers(classifier_zoo.root, image_data.val, CPU, flip=False)
    assert torch.equal(plain, found[:1])
    monkeypatch.setattr("netspace.classifier_task.logits", None)
    assert torch.equal(teacher_answers(classifier_zoo.root, image_data.val, CPU), found)


def test_networks_of_unseen_architectures_are_not_looked_at(
    config: TrainConfig, classifier_zoo: Zoo, image_data: ImageData, tmp_path: Path
) -> None:
    unseen = replace(config, unseen=(2,), objective=replace(config.objective, between=0.0))
    run = Run(tmp_path, unseen, classifier_zoo, CPU, fast=False, images=image_data)
    assert set(run.task.batches.inputs.arch_ids.tolist()) == {0}
    base = run.space.decoder.each[2].base.detach()
    rows = classifier_zoo.indices("train", RESNET)
    assert all(not torch.allclose(base, theta) for theta in classifier_zoo.theta(rows))
    with pytest.raises(BadSpace, match=r"unseen: expected ClassIds below 3, got \[3\]"):
        replace(config, unseen=(3,))


def test_without_images_or_a_teacher_training_says_what_is_missing(
    config: TrainConfig, classifier_zoo: Zoo, image_data: ImageData, tmp_path: Path
) -> None:
    with pytest.raises(BadImages, match="--images"):
        Run(tmp_path, config, classifier_zoo, CPU, fast=False)
    with pytest.raises(BadSpace, match="teacher: expected the folder of a zoo"):
        Run(tmp_path, replace(config, teacher=""), classifier_zoo, CPU, fast=False, images=image_data)


def test_networks_are_mixed_with_a_teacher_only_where_the_encoder_sees_answers(
    config: TrainConfig, classifier_zoo: Zoo, image_data: ImageData, tmp_path: Path
) -> None:
    learnt = replace(config.space, encoder=ImageBehaviourEncoderConfig(probes=5, hidden=(16,), learn=True))
    mixed = replace(config, space=learnt, objective=DistillationConfig(targets="mixed"))
    with pytest.raises(BadSpace, match="targets mixed: expected an encoder image-behaviour with learn false"):
        Run(tmp_path, mixed, classifier_zoo, CPU, fast=False, images=image_data)


def test_a_config_of_the_other_task_is_refused(config: TrainConfig) -> None:
    with pytest.raises(BadSpace, match="expected those of classifier networks"):
        TrainConfig(space=config.space, steps=1)
    with pytest.raises(BadSpace, match="base: expected zoo or initial"):
        replace(config, base="imagenet")


def test_a_configs_json_is_inverted(config: TrainConfig) -> None:
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_accuracy_is_the_share_of_right_predictions(classifier_zoo: Zoo, image_data: ImageData) -> None:
    row = classifier_zoo.indices("test")[0]
    arch, theta = classifier_zoo.networks[row].arch, classifier_zoo.theta([row])[0]
    module = arch.build().eval()
    module.load_state_dict(arch.layout.unflatten(theta))
    predicted = predictions(arch, theta, image_data.test)
    with torch.no_grad():
        shown = (image_data.test.images / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor(
            [0.229, 0.224, 0.225]
        )[:, None, None]
        assert torch.equal(module(shown).argmax(1), predicted)
    right = sum(int(p) == int(t) for p, t in zip(predicted, image_data.test.labels, strict=True))
    assert accuracy(predicted, image_data.test) == pytest.approx(right / len(predicted))


@pytest.mark.parametrize(
    "path", sorted(Path("checkpoints").glob("*/train*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_the_configs_that_ship_can_be_read(path: Path) -> None:
    config = TrainConfig.from_json(json.loads(path.read_text()))
    assert config.space.name == path.parent.name
    if isinstance(config.objective, DistillationConfig) and config.objective.targets == "teacher":
        assert config.teacher
