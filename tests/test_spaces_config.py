import json

import pytest

from netspace.archs import Siren
from netspace.archs.lenet import LeNetLike
from netspace.errors import BadSpace
from netspace.spaces import SpaceConfig
from netspace.spaces.config import (
    BehaviourEncoderConfig,
    DictionaryDecoderConfig,
    PrepDecoderConfig,
    PrepEncoderConfig,
)

CONFIGS = [
    SpaceConfig(name="a", title="A"),
    SpaceConfig(
        name="paper",
        title="As published",
        latent=4096,
        architectures=(Siren(hidden=(64,), omega=20.0),),
        encoder=PrepEncoderConfig(scale=10.0),
        decoder=PrepDecoderConfig(bias="siren"),
    ),
    SpaceConfig(
        name="b",
        title="B",
        latent=3,
        encoder=BehaviourEncoderConfig(grid=16, clamp=0.1, patch=2, channels=(4, 8)),
        decoder=DictionaryDecoderConfig(directions=5, hidden=7, rank=2),
    ),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_a_configs_json_is_inverted(config: SpaceConfig) -> None:
    again = SpaceConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config
    assert hash(again) == hash(config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latent": 0}, "latent: expected a positive size, got 0"),
        ({"latent": "many"}, "TypeError"),
        ({"architectures": []}, "at least one"),
        ({"architectures": [Siren().to_json(), Siren(hidden=(8,)).to_json()]}, "sorted by parameters"),
        ({"architectures": [Siren().to_json(), Siren().to_json()]}, "expected each once"),
        (
            {"encoder": {"kind": "image-behaviour"}},
            "image-behaviour reads classifier networks, the architectures are sdf",
        ),
        ({"architectures": [{"family": "alexnet"}]}, "alexnet"),
        (
            {"architectures": [Siren(hidden=(8,)).to_json(), LeNetLike().to_json()]},
            "one task, input and number of classes",
        ),
        ({"encoder": {"kind": "fourier"}}, r"\['behaviour', 'image-behaviour', 'prep'\], got 'fourier'"),
        ({"encoder": {"kind": "behaviour", "colour": 3}}, "colour"),
        ({"encoder": {"kind": "behaviour", "grid": 20, "channels": [4, 8]}}, "multiple of 6, got 20"),
        ({"decoder": {"kind": "prep", "bias": "none"}}, "bias paper or siren"),
        ({"decoder": {"kind": "prep", "width": 100}}, "divisible by 8"),
        ({"decoder": {}}, "got None"),
        ({"decoder": "prep"}, "config.json"),
    ],
)
def test_json_of_no_space_is_refused_with_what_is_wrong(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        SpaceConfig.from_json({**CONFIGS[0].to_json(), **change})
    assert hasattr(caught.value, "slug")


@pytest.mark.parametrize("missing", ["name", "title", "latent", "architectures", "encoder", "decoder"])
def test_a_missing_part_is_named(missing: str) -> None:
    data = CONFIGS[0].to_json()
    del data[missing]
    with pytest.raises(BadSpace, match=missing):
        SpaceConfig.from_json(data)
