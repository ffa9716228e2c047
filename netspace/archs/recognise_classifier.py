"""From an image classifier's state dict, by whatever names, to (Classifier, theta)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

import torch
from torch import Tensor

from netspace.archs.classifier import IMAGE_SIZES, MAX_CLASSES, Classifier
from netspace.archs.lenet import LeNetLike
from netspace.archs.resnet import MAX_DEPTH, ResNet, fold, fold_batchnorm
from netspace.archs.states import finite, natural, summary
from netspace.archs.vanilla import VanillaCNN
from netspace.errors import UnknownArchitecture

KINDS = ("weight", "bias", "running_mean", "running_var")
EXPECTED = "LeNetLike, VanillaCNN or a ResNet of 6n+2 layers (16, 32, 64 channels) for images of 32x32 or 64x64"


@dataclass
class Layer:
    """Tensors of one prefix; `norm` is the batch norm that follows a convolution."""

    prefix: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    norm: "Layer | None" = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensors["weight"].shape)

    @property
    def scope(self) -> str:
        return self.prefix.rpartition(".")[0]

    @property
    def channels(self) -> int:
        """Of a batch norm, or those that leave a convolution."""
        known = self.tensors.get("running_mean", self.tensors.get("weight"))
        return len(known) if known is not None else 0

    def checked(self) -> dict[str, Tensor]:
        return {kind: finite(f"{self.prefix}.{kind}", tensor) for kind, tensor in self.tensors.items()}


def _layers(state: Mapping[str, Tensor]) -> tuple[list[Layer], list[Layer]]:
    """(convolutions and linear layers, batch norms), in the order of the state dict."""
    layers: dict[str, Layer] = {}
    for name, tensor in state.items():
        prefix, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        if kind not in KINDS:
            raise UnknownArchitecture(f"{name}: expected one of *.{', *.'.join(KINDS)} in a classifier")
        layers.setdefault(prefix, Layer(prefix)).tensors[kind] = tensor
    weighted, norms = [], []
    for layer in layers.values():
        weight = layer.tensors.get("weight")
        if "running_mean" in layer.tensors and "running_var" in layer.tensors:
            norms.append(layer)
        elif weight is None or weight.ndim not in (2, 4):
            raise UnknownArchitecture(
                f"{layer.prefix}: expected a convolution, a linear layer or batch norm, got {summary(layer.tensors)}"
            )
        else:
            weighted.append(layer)
    return weighted, norms


def _numbered(names: Sequence[str]) -> bool:
    """Whether numbers alone tell the names' order."""
    for a, b in pairwise(sorted(map(natural, names))):
        differing = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
        if not differing or not isinstance(differing[0][0], int):
            return False
    return True


def _ordered(layers: Iterable[Layer], alphabetical: bool) -> list[Layer]:
    """Layers of one shape in the order of the forward pass.

    That of their numbers; where names have none, that of the definition, which safetensors files do not keep.
    """
    layers = list(layers)
    if alphabetical or _numbered([layer.prefix for layer in layers]):
        return sorted(layers, key=lambda layer: natural(layer.prefix))
    return layers


def _pair(convs: list[Layer], norms: list[Layer], alphabetical: bool) -> None:
    """Gives every convolution its batch norm: that of the same module, in order; then what is left, in order.

    Raises UnknownArchitecture if that gives any convolution none.
    """
    for scoped in (True, False):
        open_convs = [conv for conv in convs if conv.norm is None]
        used = {id(conv.norm) for conv in convs}
        free = [norm for norm in norms if id(norm) not in used]
        for scope in sorted({conv.scope for conv in open_convs}) if scoped else [""]:
            here = _ordered([c for c in open_convs if not scoped or c.scope == scope], alphabetical)
            there = _ordered([n for n in free if not scoped or n.scope == scope], alphabetical)
            if [conv.channels for conv in here] == [norm.channels for norm in there]:
                for conv, norm in zip(here, there, strict=True):
                    conv.norm = norm
    alone = [conv.prefix for conv in convs if conv.norm is None]
    if alone or len(norms) != len(convs):
        raise UnknownArchitecture(
            f"expected batch norm behind each of {len(convs)} convolutions, got {len(norms)}; "
            f"found none for {', '.join(alone[:4]) or 'no layer'}"
        )


def _candidates(layers: Sequence[Layer]) -> Iterator[Classifier]:
    """Architectures that have as many layers, for the numbers of classes that a last layer may have here."""
    linear = [layer.shape for layer in layers if len(layer.shape) == 2]
    blocks, rest = divmod(len(layers) - len(linear) - 3, 6)
    for classes in sorted({outputs for outputs, _ in linear if 1 <= outputs <= MAX_CLASSES}):
        for size in IMAGE_SIZES:
            found: list[Classifier] = [LeNetLike(image_size=size, classes=classes)]
            found.append(VanillaCNN(image_size=size, classes=classes))
            if rest == 0 and 8 <= 6 * blocks + 2 <= MAX_DEPTH:
                found.append(ResNet(depth=6 * blocks + 2, image_size=size, classes=classes))
            yield from (arch for arch in found if len(_weights(arch)) == len(layers))


def _weights(arch: Classifier) -> dict[str, tuple[int, ...]]:
    """Prefix -> weight's shape of every layer, in order."""
    pairs = zip(arch.layout.names, arch.layout.shapes, strict=True)
    return {name.removesuffix(".weight"): shape for name, shape in pairs if name.endswith(".weight")}


def _which(layers: Sequence[Layer], norms: Sequence[Layer]) -> Classifier:
    """The architecture whose layers have these shapes. Raises UnknownArchitecture that says what was seen."""
    shapes = Counter(layer.shape for layer in layers)
    nearest: list[tuple[int, str]] = []
    for arch in _candidates(layers):
        wanted = Counter(_weights(arch).values())
        if wanted == shapes and (not norms or isinstance(arch, ResNet)):
            return arch
        missing, extra = (list((a - b).elements()) for a, b in ((wanted, shapes), (shapes, wanted)))
        reason = f"has {missing[:3]} where this has {extra[:3]}" if missing else "has no batch norm"
        nearest.append((len(missing), f"; {arch.name} comes close, but {reason}"))
    note = min(nearest)[1] if nearest and min(nearest)[0] <= len(layers) // 2 else ""
    raise UnknownArchitecture(f"expected {EXPECTED}; got {_seen(layers, norms)}{note}")


def _seen(layers: Sequence[Layer], norms: Sequence[Layer], most: int = 12) -> str:
    runs = [(shape, len(list(run))) for shape, run in groupby(layer.shape for layer in layers)]
    words = [
        f"{'conv' if len(shape) == 4 else 'linear'} {shape}" + (f" x{count}" if count > 1 else "")
        for shape, count in runs
    ]
    if len(words) > most:
        words = [*words[: most - 2], "...", words[-1]]
    counts = Counter(len(layer.shape) for layer in layers)
    norm = f", {len(norms)} batch norms" if norms else ""
    return f"{counts[4]} convolutions, {counts[2]} linear layers{norm}: {', '.join(words)}"


def _plain(layer: Layer) -> tuple[Tensor, Tensor]:
    """Weight and bias, batch norm folded into them. Raises UnknownArchitecture for a layer without a bias."""
    own = layer.checked()
    if layer.norm is None:
        if "bias" not in own:
            raise UnknownArchitecture(f"{layer.prefix}: expected a bias, or batch norm behind it")
        return own["weight"], own["bias"]
    norm = layer.norm.checked()
    neutral = {"weight": torch.ones(layer.channels), "bias": torch.zeros(layer.channels)}
    for kind, tensor in (neutral | norm).items():
        if tuple(tensor.shape) != (layer.channels,):
            raise UnknownArchitecture(
                f"{layer.norm.prefix}.{kind}: expected ({layer.channels},), got {tuple(tensor.shape)}"
            )
    weight, bias = fold(own["weight"], own.get("bias"), neutral | norm)
    prefix = f"{layer.norm.prefix} folded into {layer.prefix}"
    return finite(f"{prefix}.weight", weight), finite(f"{prefix}.bias", bias)


def _by_name(arch: Classifier, state: Mapping[str, Tensor]) -> tuple[Classifier, Tensor] | None:
    """The network if its tensors have the names that NetSpace gives them, whatever their order."""
    state = {name: tensor for name, tensor in state.items() if not name.endswith(".num_batches_tracked")}
    for known in (arch, replace(arch, batch_norm=True)) if isinstance(arch, ResNet) else (arch,):
        if state.keys() == set(known.layout.names):
            checked = {name: finite(name, tensor) for name, tensor in state.items()}
            if not isinstance(known, ResNet):
                return known, known.layout.flatten(checked)
            folded, theta = fold_batchnorm(known, checked)
            return folded, finite("batch norm folded into convolutions", theta)
    return None


def recognise_classifier(state: Mapping[str, Tensor]) -> tuple[Classifier, Tensor]:
    """State dict of a classifier -> (architecture without batch norm, theta [P] float32).

    Layers are told by their shapes; those of one shape by the numbers in their names, or else by their order. Batch
    norm is folded. Raises UnknownArchitecture that says what was seen, and NonFiniteValues naming the tensor.
    """
    layers, norms = _layers(state)
    arch = _which(layers, norms)
    if known := _by_name(arch, state):
        return known
    alphabetical = list(state) == sorted(state)
    if norms:
        _pair([layer for layer in layers if len(layer.shape) == 4], norms, alphabetical)
    waiting: dict[tuple[int, ...], list[Layer]] = {}
    for layer in layers:
        waiting.setdefault(layer.shape, []).append(layer)
    waiting = {shape: _ordered(same, alphabetical) for shape, same in waiting.items()}
    renamed = {}
    for prefix, shape in _weights(arch).items():
        layer = waiting[shape].pop(0)
        renamed[f"{prefix}.weight"], bias = _plain(layer)
        if tuple(bias.shape) != shape[:1]:
            raise UnknownArchitecture(f"{layer.prefix}.bias: expected {shape[:1]}, got {tuple(bias.shape)}")
        renamed[f"{prefix}.bias"] = bias
    return arch, arch.layout.flatten(renamed)
