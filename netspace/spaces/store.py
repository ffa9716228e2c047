"""A space on disk: config.json and model.safetensors. `save_space` and `load_space` are each other's inverse."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from netspace.errors import BadSpace, NetSpaceError
from netspace.files import atomic_path, write_json
from netspace.spaces.config import SpaceConfig
from netspace.spaces.space import Space

LARGE = 1_000_000
"""Elements from which a matrix is stored in 8 bits when a space is saved compactly."""
PROBES = "encoder.probes"
"""Images, for which 8 bits are enough."""
SCALE = ".row_scale"


def compact(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Half precision, and 8 bits a value for large matrices and images, with a scale for each row or image.

    Inverse of `restored`.
    """
    out = {}
    for name, value in state.items():
        if (value.ndim == 2 and value.numel() >= LARGE) or name == PROBES:
            scale = value.abs().amax(tuple(range(1, value.ndim)), keepdim=True).clamp_min(1e-12) / 127
            out[name], out[name + SCALE] = (value / scale).round().to(torch.int8), scale
        else:
            out[name] = value.half()
    return out


def restored(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float32 tensors from what `compact` (or plain saving) stored."""
    out = {}
    for name, value in state.items():
        if not name.endswith(SCALE):
            out[name] = value.float() * state[name + SCALE] if name + SCALE in state else value.float()
    return out


def save_space(space: Space, folder: Path, small: bool = False) -> None:
    """Writes the space into `folder`, each file through a temporary name; `small` saves it compactly."""
    state = {name: value.detach().cpu() for name, value in space.state_dict().items()}
    stored = compact(state) if small else state
    write_json(folder / "config.json", space.config.to_json())
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in stored.items()}, temporary)


def load_space(folder: Path, device: torch.device | str = "cpu") -> Space:
    """The space in `folder`, in float32, for inference. Raises BadSpace naming the file or tensor that is wrong."""
    try:
        config = SpaceConfig.from_json(json.loads((folder / "config.json").read_text()))
        state = restored(load_file(folder / "model.safetensors"))
    except (OSError, json.JSONDecodeError, SafetensorError) as error:
        raise BadSpace(f"{folder}: expected config.json and model.safetensors ({error})") from error
    except BadSpace:
        raise
    except NetSpaceError as error:
        raise BadSpace(f"{folder}/config.json: {error}") from error
    space = Space(config)
    expected = space.state_dict()
    for name in sorted(expected.keys() | state.keys()):
        want = tuple(expected[name].shape) if name in expected else None
        got = tuple(state[name].shape) if name in state else None
        if want != got:
            raise BadSpace(f"{folder}/model.safetensors: {name}: expected {want}, got {got}")
    space.load_state_dict(state)
    return space.to(device).eval().requires_grad_(False)
