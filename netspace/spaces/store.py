"""A space on disk: config.json beside model.safetensors. `save_space` and `load_space` are each other's inverse."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from netspace.errors import BadSpace, NetSpaceError
from netspace.files import atomic_path, write_json
from netspace.spaces.config import SpaceConfig
from netspace.spaces.space import Space


def save_space(space: Space, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Writes the space into `folder`, each file through a temporary name; `dtype` float16 halves the size."""
    state = {name: value.detach().cpu().to(dtype).contiguous() for name, value in space.state_dict().items()}
    write_json(folder / "config.json", space.config.to_json())
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file(state, temporary)


def load_space(folder: Path, device: torch.device | str = "cpu") -> Space:
    """The space in `folder`, in float32, for inference. Raises BadSpace naming the file or tensor that is wrong."""
    try:
        config = SpaceConfig.from_json(json.loads((folder / "config.json").read_text()))
        state = load_file(folder / "model.safetensors")
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
    space.load_state_dict({name: value.float() for name, value in state.items()})
    return space.to(device).eval().requires_grad_(False)
