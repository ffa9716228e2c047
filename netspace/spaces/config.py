"""What a space is made of, as JSON beside its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

from netspace.archs import Architecture, Siren, architecture_from_json
from netspace.errors import BadSpace


@dataclass(frozen=True, kw_only=True)
class PrepEncoderConfig:
    """The paper's encoder over PReps [H, width]; `scale` multiplies the weights first (1 in the paper)."""

    kind: ClassVar[str] = "prep"
    width: int = 10_000
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class BehaviourEncoderConfig:
    """A 3-D CNN over the network's outputs on a grid of `grid`^3 probes, clamped to +-`clamp`.

    The first layer sees cubes of `patch` probes a side, each once; every further layer halves the grid.
    """

    kind: ClassVar[str] = "behaviour"
    grid: int = 48
    clamp: float = 0.15
    patch: int = 3
    channels: tuple[int, ...] = (32, 64, 128, 256)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        if self.patch < 1 or not self.channels or self.grid % self.shrinkage:
            raise BadSpace(f"encoder.grid: expected a multiple of {self.shrinkage}, got {self.grid}")

    @property
    def shrinkage(self) -> int:
        """Probes a side for every place of the last layer."""
        return self.patch * 2 ** (len(self.channels) - 1)


@dataclass(frozen=True, kw_only=True)
class ImageBehaviourEncoderConfig:
    """An MLP over a classifier's logits on `probes` images that ship with the space.

    Logits are centred for every image and divided by `scale`. The network's log parameter count is an input too, so
    that architectures can be told apart and unseen ones fall between. `learn` trains the probe images.
    """

    kind: ClassVar[str] = "image-behaviour"
    probes: int = 64
    hidden: tuple[int, ...] = (128,)
    scale: float = 4.0
    learn: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.probes < 1 or not self.scale > 0 or any(width < 1 for width in self.hidden):
            raise BadSpace(f"encoder: expected at least one probe, a positive scale and positive widths, got {self}")


@dataclass(frozen=True, kw_only=True)
class PrepDecoderConfig:
    """The paper's convolutional decoder with a scale and bias for every element of the PRep [H, width].

    `bias` is "paper" (uniform in [0, 0.01)) or "siren" (a SIREN's initialisation, which trains where the paper's does
    not within hours). Several architectures share the PRep: each reads its parameters from the front.
    """

    kind: ClassVar[str] = "prep"
    width: int = 10_000
    bias: str = "paper"

    def __post_init__(self) -> None:
        if self.bias not in ("paper", "siren") or self.width % 8:
            raise BadSpace(f"decoder: expected bias paper or siren and a width divisible by 8, got {self}")


@dataclass(frozen=True, kw_only=True)
class DictionaryDecoderConfig:
    """An MLP whose last hidden units weigh learnt changes to learnt base weights, for every architecture.

    `rank` 0 stores each change of a layer's weights in full, r > 0 as a product of r columns and r rows. `gain` is what
    the stored base and changes are multiplied by to become weights: how far one step of Adam moves them. Latents are a
    code, of `latent` numbers, and what is added to every weight of layers with at most `details` weights.
    """

    kind: ClassVar[str] = "dictionary"
    directions: int = 256
    hidden: int = 512
    rank: int = 0
    gain: float = 0.03
    details: int = 0

    def __post_init__(self) -> None:
        if min(self.directions, self.hidden) < 1 or min(self.rank, self.details) < 0 or not self.gain > 0:
            raise BadSpace(f"decoder: expected positive directions, hidden and gain, rank and details >= 0, got {self}")


EncoderConfig = PrepEncoderConfig | BehaviourEncoderConfig | ImageBehaviourEncoderConfig
DecoderConfig = PrepDecoderConfig | DictionaryDecoderConfig
ENCODERS = {c.kind: c for c in (PrepEncoderConfig, BehaviourEncoderConfig, ImageBehaviourEncoderConfig)}
DECODERS = {c.kind: c for c in (PrepDecoderConfig, DictionaryDecoderConfig)}


@dataclass(frozen=True, kw_only=True)
class SpaceConfig:
    """`latent` is D, where the decoder adds no details; `architectures` are what the space decodes to, sorted by
    parameter count (index = ClassId)."""

    name: str
    title: str
    latent: int = 256
    architectures: tuple[Architecture, ...] = (Siren(),)
    encoder: EncoderConfig = BehaviourEncoderConfig()
    decoder: DecoderConfig = DictionaryDecoderConfig()

    def __post_init__(self) -> None:
        sizes = [arch.layout.size for arch in self.architectures]
        if not sizes or sizes != sorted(sizes):
            raise BadSpace(f"architectures: expected at least one, sorted by parameters, got sizes {sizes}")
        if len(set(self.architectures)) < len(sizes):
            raise BadSpace(f"architectures: expected each once, got {[arch.name for arch in self.architectures]}")
        if self.latent < 1:
            raise BadSpace(f"latent: expected a positive size, got {self.latent}")
        self._check_tasks()

    def _check_tasks(self) -> None:
        """Raises BadSpace where architectures read or answer different things, or the encoder cannot read them."""
        kinds = {(arch.task, arch.in_shape, getattr(arch, "classes", None)) for arch in self.architectures}
        if len(kinds) > 1:
            raise BadSpace(
                f"architectures: expected one task, input and number of classes, got {sorted(map(str, kinds))}"
            )
        wanted = {BehaviourEncoderConfig: "sdf", ImageBehaviourEncoderConfig: "classifier"}.get(type(self.encoder))
        if wanted not in (None, self.task):
            raise BadSpace(f"encoder: {self.encoder.kind} reads {wanted} networks, the architectures are {self.task}")

    @property
    def task(self) -> str:
        """What the networks do: "sdf" or "classifier"."""
        return self.architectures[0].task

    def to_json(self) -> dict:
        return {
            "name": self.name,
            "title": self.title,
            "latent": self.latent,
            "architectures": [arch.to_json() for arch in self.architectures],
            "encoder": {"kind": self.encoder.kind, **asdict(self.encoder)},
            "decoder": {"kind": self.decoder.kind, **asdict(self.decoder)},
        }

    @classmethod
    def from_json(cls, data: Mapping) -> "SpaceConfig":
        """Inverse of `to_json`. Raises BadSpace naming the part that cannot be read."""
        try:
            return cls(
                name=data["name"],
                title=data["title"],
                latent=data["latent"],
                architectures=tuple(architecture_from_json(a) for a in data["architectures"]),
                encoder=_part(ENCODERS, data["encoder"]),
                decoder=_part(DECODERS, data["decoder"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BadSpace(f"config.json: {type(error).__name__}: {error}") from error


def _part(kinds: Mapping, data: Mapping):  # type: ignore[no-untyped-def]
    kind = data.get("kind")
    if kind not in kinds:
        raise BadSpace(f"config.json: expected a kind of {sorted(kinds)}, got {kind!r}")
    return kinds[kind](**{name: value for name, value in data.items() if name != "kind"})
