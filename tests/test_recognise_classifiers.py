"""Uploaded classifiers: whatever they are called and wrapped in, with batch norm or folded."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from netspace.archs import Classifier, LeNetLike, ResNet, Siren, VanillaCNN, fold_batchnorm, recognise
from netspace.checkpoint import network_bytes, read_network
from netspace.errors import NetSpaceError, NonFiniteValues, NotACheckpoint, ShapeMismatch, UnknownArchitecture
from netspace.functional import run

KNOWN: list[Classifier] = [
    kind
    for size, classes in ((32, 10), (64, 200), (32, 3))
    for kind in (
        LeNetLike(image_size=size, classes=classes),
        VanillaCNN(image_size=size, classes=classes),
        ResNet(depth=8, image_size=size, classes=classes),
        ResNet(depth=20, image_size=size, classes=classes),
    )
]
WITH_NORM = [ResNet(depth=8, batch_norm=True), ResNet(depth=14, image_size=64, classes=5, batch_norm=True)]


def name(value: object) -> str:
    return value.name if isinstance(value, Classifier) else str(value)


def lively(module: nn.Module) -> nn.Module:
    """Every number of its state random, so that no two layers can be taken for one another unnoticed."""
    generator = torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.1 + 0.2 * torch.rand(tensor.shape, generator=generator))
    return module.eval()


def assert_answers_as(module: nn.Module, content: Any, arch: Classifier) -> None:
    found, theta = recognise(content)
    assert found == arch
    assert isinstance(found, Classifier)
    images = torch.rand(2, *arch.in_shape, generator=torch.Generator().manual_seed(1)) - 0.5
    expected = module(images)
    assert (run(found, theta[None], images)[0] - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("arch", KNOWN, ids=name)
def test_a_modules_state_dict_is_recognised(arch: Classifier) -> None:
    module = lively(arch.build())
    assert_answers_as(module, module.state_dict(), arch)


@pytest.mark.parametrize("arch", WITH_NORM, ids=name)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {f"module.{n}": t for n, t in s.items()},
        lambda s: {f"backbone.{n}": t for n, t in s.items()},
        lambda s: {n: t for n, t in s.items() if not n.endswith("num_batches_tracked")},
        lambda s: dict(sorted(s.items(), reverse=True)),
        lambda s: dict(sorted(s.items())),
        lambda s: {n.replace("bn", "norm").replace("shortcut_norm", "downsample.1"): t for n, t in s.items()},
    ],
    ids=["plain", "wrapped", "module.", "any prefix", "no counters", "reversed", "sorted", "other names"],
)
def test_batch_norm_is_folded_however_the_state_dict_comes(arch: ResNet, wrap: Callable[[dict], dict]) -> None:
    module = lively(arch.build())
    folded, _ = fold_batchnorm(arch, module.state_dict())
    assert_answers_as(module, wrap(module.state_dict()), folded)


class Other(nn.Module):
    """ResNet14 as others write it: torchvision's names, biases, the shortcut before the rest, a flat stem."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16))
        self.stages = nn.ModuleList()
        for inputs, outputs in ((16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)):
            stride = 1 if inputs == outputs else 2
            block = nn.ModuleDict()
            if stride == 2:
                block["downsample"] = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
            block["main"] = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1),
                nn.BatchNorm2d(outputs),
            )
            self.stages.append(block)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.leaky_relu(self.stem(x))
        for block in self.stages:
            assert isinstance(block, nn.ModuleDict)
            side = block["downsample"](h) if "downsample" in block else h
            h = nn.functional.leaky_relu(block["main"](h) + side)
        return self.head(h.mean((2, 3)))


@pytest.mark.parametrize("alphabetical", [False, True])
def test_another_writers_resnet_is_the_same_network(alphabetical: bool) -> None:
    module = lively(Other())
    state = module.state_dict()
    assert_answers_as(module, dict(sorted(state.items())) if alphabetical else state, ResNet(depth=14))


@pytest.mark.parametrize("arch", [LeNetLike(), VanillaCNN()], ids=name)
def test_names_and_order_do_not_matter_where_shapes_suffice(arch: Classifier) -> None:
    module = lively(arch.build())
    prefixes = {n.rpartition(".")[0] for n in module.state_dict()}
    other = {prefix: f"part{37 * i % 11}.layer{i}" for i, prefix in enumerate(sorted(prefixes))}
    renamed = {f"{other[n.rpartition('.')[0]]}.{n.rpartition('.')[2]}": t for n, t in module.state_dict().items()}
    assert_answers_as(module, dict(sorted(renamed.items(), key=lambda item: item[0][::-1])), arch)


def test_layers_without_numbers_are_taken_in_the_order_of_their_definition() -> None:
    module = lively(ResNet(depth=8).build())
    words = {"layer1.0.conv1": "zeta", "layer1.0.conv2": "alpha", "layer3.0.conv2": "beta"}
    renamed = {}
    for key, tensor in module.state_dict().items():
        prefix, _, kind = key.rpartition(".")
        renamed[f"{words.get(prefix, prefix)}.{kind}"] = tensor
    assert_answers_as(module, renamed, ResNet(depth=8))


def test_sirens_are_recognised_as_before() -> None:
    arch = Siren(hidden=(4, 4))
    theta = arch.initial(1, torch.Generator().manual_seed(0))[0]
    assert recognise(arch.layout.unflatten(theta))[0] == arch


@pytest.mark.parametrize("file_format", ["pt", "safetensors"])
@pytest.mark.parametrize("arch", KNOWN[:4], ids=name)
def test_a_classifiers_file_is_read_back_and_loads_into_a_plain_module(arch: Classifier, file_format: str) -> None:
    theta = arch.initial(1, torch.Generator().manual_seed(0))[0]
    content = network_bytes(arch, theta, file_format)
    found, back = read_network(content)
    assert found == arch
    assert torch.equal(back, theta)
    if file_format == "pt":
        module = arch.build().eval()
        module.load_state_dict(torch.load(io.BytesIO(content), weights_only=True)["state_dict"])
        images = torch.rand(2, *arch.in_shape)
        torch.testing.assert_close(module(images), run(arch, theta[None], images)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("depth", [8, 56, 110])
@pytest.mark.parametrize("trained", ["sgd", "adam"])
def test_uploads_of_training_programs_pass_the_lists_of_what_is_allowed(depth: int, trained: str) -> None:
    arch = ResNet(depth=depth, batch_norm=True)
    module = arch.build()
    kind = torch.optim.Adam if trained == "adam" else torch.optim.SGD
    optimiser = kind(module.parameters(), lr=0.01, **({} if trained == "adam" else {"momentum": 0.9}))
    module(torch.rand(2, 3, 32, 32)).sum().backward()
    optimiser.step()
    file = io.BytesIO()
    torch.save({"model": module.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 4}, file)
    assert read_network(file.getvalue())[0] == ResNet(depth=depth)
    assert read_network(save(module.state_dict()))[0] == ResNet(depth=depth)


def test_a_pickled_module_is_refused_without_being_loaded() -> None:
    file = io.BytesIO()
    torch.save(ResNet().build(), file)
    with pytest.raises(NotACheckpoint, match="asks for more than tensors"):
        read_network(file.getvalue())


def resnet18() -> dict[str, Tensor]:
    """The shapes of torchvision's."""
    state: dict[str, Tensor] = {}

    def conv(prefix: str, norm: str, inputs: int, outputs: int, size: int) -> None:
        state[f"{prefix}.weight"] = torch.zeros(outputs, inputs, size, size)
        for kind in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{kind}"] = torch.ones(outputs)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(0)

    conv("conv1", "bn1", 3, 64, 7)
    for stage, (inputs, outputs) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), start=1):
        for block in range(2):
            prefix = f"layer{stage}.{block}"
            conv(f"{prefix}.conv1", f"{prefix}.bn1", inputs if block == 0 else outputs, outputs, 3)
            conv(f"{prefix}.conv2", f"{prefix}.bn2", outputs, outputs, 3)
            if block == 0 and stage > 1:
                conv(f"{prefix}.downsample.0", f"{prefix}.downsample.1", inputs, outputs, 1)
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    return state


def changed(arch: Classifier, **change: Tensor | None) -> dict[str, Tensor]:
    state = {**arch.build().state_dict(), **{key.replace("__", "."): value for key, value in change.items()}}
    return {key: value for key, value in state.items() if value is not None}


REFUSED: dict[str, tuple[dict[str, Tensor], type[NetSpaceError], str]] = {
    "torchvision's resnet18": (
        resnet18(), UnknownArchitecture,
        r"got 20 convolutions, 1 linear layers, 20 batch norms: conv \(64, 3, 7, 7\), conv \(64, 64, 3, 3\) x4",
    ),
    "a convolution alone": (
        nn.Conv2d(3, 8, 3).state_dict(), UnknownArchitecture, r"expected LeNetLike.*conv \(8, 3, 3, 3\)",
    ),
    "a VanillaCNN for other images": (
        changed(VanillaCNN(), fc__weight=torch.zeros(10, 256)), UnknownArchitecture,
        r"VanillaCNN comes close, but has \[\(10, 1024\)\] where this has \[\(10, 256\)\]",
    ),
    "a VanillaCNN with batch norm": (
        {**VanillaCNN().build().state_dict(), **{f"bn.{k}": v for k, v in nn.BatchNorm2d(8).state_dict().items()}},
        UnknownArchitecture, "VanillaCNN comes close, but has no batch norm",
    ),
    "a convolution without bias": (
        changed(ResNet(), layer2__0__conv1__bias=None), UnknownArchitecture, r"layer2.0.conv1: expected a bias",
    ),
    "one batch norm too few": (
        {k: v for k, v in ResNet(batch_norm=True).build().state_dict().items() if "layer3.0.bn2" not in k},
        UnknownArchitecture, "found none for .*layer3.0.conv",
    ),
    "a batch norm of another width": (
        changed(ResNet(batch_norm=True), bn1__running_mean=torch.zeros(8)), NetSpaceError, r"bn1.running_mean.*8",
    ),
    "a bias of another length": (changed(LeNetLike(), fc1__bias=torch.zeros(7)), ShapeMismatch, "fc1.bias"),
    "a bias of another length, other names": (
        {f"x.{k}": v for k, v in changed(LeNetLike(), fc1__bias=torch.zeros(7)).items()},
        UnknownArchitecture, r"x.fc1.bias: expected \(120,\), got \(7,\)",
    ),
    "attention": (
        {**LeNetLike().build().state_dict(), "attention.in_proj": torch.zeros(3)}, UnknownArchitecture,
        r"attention.in_proj: expected one of \*.weight",
    ),
    "an embedding of three dimensions": (
        {**LeNetLike().build().state_dict(), "position.weight": torch.zeros(1, 2, 3)}, UnknownArchitecture,
        r"position: expected a convolution",
    ),
    "NaN": (changed(LeNetLike(), fc1__bias=torch.full((120,), torch.nan)), NonFiniteValues, "fc1.bias"),
    "a negative variance": (
        changed(ResNet(batch_norm=True), bn1__running_var=torch.full((16,), -1.0)), NonFiniteValues, "batch norm",
    ),
    "integers": (
        changed(LeNetLike(), fc1__bias=torch.zeros(120, dtype=torch.int64)), UnknownArchitecture, "fc1.bias.*int64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_and_said_what_was_seen(case: str) -> None:
    state, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        recognise(state)
