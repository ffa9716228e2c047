"""The paper's image classifiers: their sizes, their forward pass from theta, and batch norm folded."""

import pytest
import torch
from torch import Tensor

from netspace.archs import Classifier, LeNetLike, ResNet, VanillaCNN, architecture_from_json, fold_batchnorm
from netspace.errors import ShapeMismatch, UnknownArchitecture
from netspace.functional import run

CIFAR: list[Classifier] = [LeNetLike(), VanillaCNN(), ResNet(), ResNet(depth=14), ResNet(depth=32)]
TIN: list[Classifier] = [kind(image_size=64, classes=200) for kind in (LeNetLike, VanillaCNN, ResNet)]
ALL = [*CIFAR, *TIN]
PAPER = [
    (LeNetLike(), 62_006),
    (LeNetLike(image_size=64, classes=200), 79_612),
    (VanillaCNN(), 68_818),
    (VanillaCNN(image_size=64, classes=200), 112_856),
    (ResNet(depth=8), 77_706),
    (ResNet(depth=8, image_size=64, classes=200), 128_456),
    (ResNet(depth=32), 465_674),
    (ResNet(depth=32, image_size=64, classes=200), 516_424),
]


def name(value: object) -> str:
    return value.name if isinstance(value, Classifier) else str(value)


def trained(arch: ResNet, count: int, generator: torch.Generator) -> Tensor:
    """theta [count, P] of networks whose batch norm is far from the identity."""
    state = arch.layout.unflatten(arch.initial(count, generator))
    for key, value in state.items():
        if value.ndim == 2:
            state[key] = value + 0.3 * torch.rand(value.shape, generator=generator)
    return arch.layout.flatten(state)


@pytest.mark.parametrize(("arch", "parameters"), PAPER, ids=name)
def test_parameter_counts_are_those_of_the_papers_table(arch: Classifier, parameters: int) -> None:
    assert arch.layout.size == parameters
    assert sum(p.numel() for p in arch.build().parameters()) == parameters


@pytest.mark.parametrize("arch", [*ALL, ResNet(depth=20, batch_norm=True, classes=3)], ids=name)
def test_json_is_inverted(arch: Classifier) -> None:
    assert architecture_from_json(arch.to_json()) == arch
    assert (arch.task, arch.in_shape) == ("classifier", (3, arch.image_size, arch.image_size))


def test_names_tell_architectures_apart() -> None:
    assert [arch.name for arch in CIFAR] == ["LeNetLike", "VanillaCNN", "ResNet8", "ResNet14", "ResNet32"]
    assert len({arch.name for arch in [*ALL, ResNet(batch_norm=True), ResNet(classes=11)]}) == len(ALL) + 2


@pytest.mark.parametrize("shared", [True, False], ids=["shared images", "images per network"])
@pytest.mark.parametrize("arch", ALL, ids=name)
def test_networks_run_at_once_as_their_modules_do(arch: Classifier, shared: bool, generator: torch.Generator) -> None:
    theta = arch.initial(2, generator)
    images = torch.randn(*(() if shared else (2,)), 3, *arch.in_shape, generator=generator)
    logits = run(arch, theta, images)
    assert logits.shape == (2, 3, arch.classes)
    for i in range(2):
        module = arch.build()
        module.load_state_dict(arch.layout.unflatten(theta[i]))
        torch.testing.assert_close(logits[i], module(images if shared else images[i]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("arch", [LeNetLike(), VanillaCNN(), ResNet()], ids=name)
def test_gradients_at_once_equal_those_of_modules(arch: Classifier, generator: torch.Generator) -> None:
    theta = arch.initial(2, generator).requires_grad_()
    images = torch.randn(2, *arch.in_shape, generator=generator)
    (found,) = torch.autograd.grad(run(arch, theta, images).square().sum(), theta)
    for i in range(2):
        module = arch.build()
        module.load_state_dict(arch.layout.unflatten(theta[i].detach()))
        module(images).square().sum().backward()
        expected = arch.layout.flatten({key: p.grad for key, p in module.named_parameters()})
        torch.testing.assert_close(found[i], expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("arch", ALL, ids=name)
def test_initial_networks_are_independent_and_answer_with_moderate_logits(
    arch: Classifier, generator: torch.Generator
) -> None:
    theta = arch.initial(2, generator)
    assert not torch.equal(theta[0], theta[1])
    logits = run(arch, theta, torch.randn(16, *arch.in_shape, generator=generator))
    assert 0.01 < float(logits.std()) < 10


@pytest.mark.parametrize("depth", [8, 14, 32])
@pytest.mark.parametrize("size", [32, 64])
def test_folded_networks_equal_batch_norm_in_eval_mode(depth: int, size: int, generator: torch.Generator) -> None:
    arch = ResNet(depth=depth, image_size=size, classes=7, batch_norm=True)
    theta = trained(arch, 2, generator)
    images = torch.randn(4, *arch.in_shape, generator=generator)
    folded, small = fold_batchnorm(arch, arch.layout.unflatten(theta))
    assert folded == ResNet(depth=depth, image_size=size, classes=7)
    for i in range(2):
        module = arch.build().eval()
        module.load_state_dict(arch.layout.unflatten(theta[i]), strict=False)
        expected = module(images)
        for spec, parameters in ((arch, theta), (folded, small)):
            found = run(spec, parameters[i : i + 1], images)[0]
            assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_a_state_dict_of_a_module_folds_and_what_is_missing_is_named() -> None:
    state = ResNet(batch_norm=True).build().state_dict()
    folded, theta = fold_batchnorm(ResNet(batch_norm=True), state)
    assert theta.shape == (folded.layout.size,)
    del state["layer2.0.shortcut_bn.running_var"]
    with pytest.raises(ShapeMismatch, match=r"layer2.0.shortcut_bn.running_var"):
        fold_batchnorm(ResNet(batch_norm=True), state)


def test_folding_what_has_no_batch_norm_changes_nothing(generator: torch.Generator) -> None:
    theta = ResNet().initial(1, generator)[0]
    arch, same = fold_batchnorm(ResNet(), ResNet().layout.unflatten(theta))
    assert arch == ResNet()
    assert torch.equal(theta, same)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"family": "resnet", "depth": 9}, "6n\\+2 from 8 to 110, got 9"),
        ({"family": "resnet", "depth": 116}, "got 116"),
        ({"family": "lenet", "image_size": 48}, "got 48"),
        ({"family": "vanilla", "classes": 0}, "got 0"),
        ({"family": "vanilla", "classes": "10"}, "classes: expected int, got '10'"),
        ({"family": "resnet", "batch_norm": 1}, "batch_norm: expected bool, got 1"),
        ({"family": "lenet", "depth": 8}, "got \\['depth'\\]"),
        ({"family": "transformer"}, "got 'transformer'"),
    ],
)
def test_impossible_architectures_are_refused(data: dict, message: str) -> None:
    with pytest.raises(UnknownArchitecture, match=message):
        architecture_from_json(data)
