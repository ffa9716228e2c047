import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from netspace.archs import Siren
from netspace.errors import BadLatent, BadSpace
from netspace.spaces import Space, SpaceConfig, load_space, save_space
from netspace.spaces.config import PrepEncoderConfig
from netspace.spaces.store import LARGE, SCALE, compact, restored
from netspace.zoo import Zoo


def test_a_loaded_space_encodes_and_decodes_as_the_saved_one(space: Space, saved_space: Path, zoo: Zoo) -> None:
    loaded = load_space(saved_space)
    theta = zoo.theta([0, 1])
    z = space.encode(theta, zoo.arch)
    assert loaded.config == space.config
    assert torch.equal(loaded.encode(theta, zoo.arch), z)
    assert torch.equal(loaded.decode(z).theta, space.decode(z).theta)


def test_a_loaded_space_is_for_inference(saved_space: Path) -> None:
    loaded = load_space(saved_space)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_saving_leaves_the_two_files_and_nothing_else(saved_space: Path) -> None:
    assert sorted(p.name for p in saved_space.iterdir()) == ["config.json", "model.safetensors"]


def test_a_small_space_answers_almost_alike(space: Space, tmp_path: Path) -> None:
    save_space(space, tmp_path, small=True)
    loaded = load_space(tmp_path)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    torch.testing.assert_close(loaded.decode(z).theta, space.decode(z).theta, atol=1e-3, rtol=1e-2)


@settings(max_examples=5)
@given(st.integers(0, 1000), st.floats(1e-4, 1e3))
def test_restored_inverts_compact_to_half_a_step(seed: int, size: float) -> None:
    large = size * torch.randn(4, LARGE // 4, generator=torch.Generator().manual_seed(seed))
    stored = compact({"large": large, "small": large[:, :5]})
    back = restored(stored)
    assert stored["large"].dtype == torch.int8
    assert stored["small"].dtype == torch.float16
    step = large.abs().amax(1, keepdim=True) / 127
    assert ((back["large"] - large).abs() <= 0.501 * step).all()
    torch.testing.assert_close(back["small"], large[:, :5], rtol=1e-3, atol=1e-6 * size + 1e-7)


def test_a_row_of_zeros_stays_zero() -> None:
    value = torch.zeros(2, LARGE // 2)
    value[1] = 1.0
    back = restored(compact({"w": value}))
    assert set(compact({"w": value})) == {"w", "w" + SCALE}
    torch.testing.assert_close(back["w"], value)


def taken(path: Path) -> dict[str, torch.Tensor]:
    """The file's tensors; the file is removed, as they may still be mapped to it."""
    state = {name: value.clone() for name, value in load_file(path).items()}
    path.unlink()
    return state


def test_a_tensor_of_another_shape_is_named(saved_space: Path) -> None:
    path = saved_space / "model.safetensors"
    state = taken(path)
    save_file({**state, "encoder.head.bias": torch.zeros(9)}, path)
    with pytest.raises(BadSpace, match=r"encoder.head.bias: expected \(8,\), got \(9,\)"):
        load_space(saved_space)


def test_missing_and_unknown_tensors_are_named(saved_space: Path) -> None:
    path = saved_space / "model.safetensors"
    state = taken(path)
    save_file({**state, "extra": torch.zeros(1)}, path)
    with pytest.raises(BadSpace, match=r"extra: expected None, got \(1,\)"):
        load_space(saved_space)
    del state["encoder.head.bias"]
    save_file(state, path)
    with pytest.raises(BadSpace, match=r"encoder.head.bias: expected \(8,\), got None"):
        load_space(saved_space)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[1, 2]", b"no space, only text"])
def test_a_missing_or_damaged_file_is_refused(name: str, content: bytes | None, saved_space: Path) -> None:
    (saved_space / name).unlink()
    if content is not None:
        (saved_space / name).write_bytes(content)
    with pytest.raises(BadSpace):
        load_space(saved_space)


def test_a_config_of_an_unknown_architecture_is_refused_by_file(saved_space: Path) -> None:
    path = saved_space / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "architectures": [{"family": "alexnet"}]}))
    with pytest.raises(BadSpace, match=r"config.json.*alexnet"):
        load_space(saved_space)


def test_a_latent_of_another_size_is_refused(space: Space) -> None:
    for shape in ((2, 9), (8,), (1, 2, 8)):
        with pytest.raises(BadLatent, match=r"latent: expected \[B, 8\]"):
            space.decode(torch.zeros(shape))


def test_a_decoded_networks_id_names_its_architecture(space: Space) -> None:
    decoded = space.decode(torch.zeros(3, 8))
    assert decoded.arch_ids.tolist() == [0, 0, 0]
    assert space.architectures[0].layout.size == decoded.theta.shape[1]
    assert space.latent_shape(space.architectures[0]) == (8,)


def test_a_space_that_reads_weights_is_saved_and_loaded_too(tmp_path: Path) -> None:
    arch = Siren(hidden=(16, 16))
    space = Space(
        SpaceConfig(name="p", title="P", latent=32, architectures=(arch,), encoder=PrepEncoderConfig(width=40))
    )
    save_space(space, tmp_path)
    theta = arch.initial(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(load_space(tmp_path).encode(theta, arch), space.encode(theta, arch).detach())
