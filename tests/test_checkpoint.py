import io
import json
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Tensor

from netspace.archs import Siren
from netspace.checkpoint import FORMATS, network_bytes, read_network
from netspace.errors import NetSpaceError, NonFiniteValues, NotACheckpoint, ShapeMismatch, UnknownArchitecture

ARCH = Siren(hidden=(6, 5))
THETA = ARCH.initial(1, torch.Generator().manual_seed(0))[0]


def pt(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def state(**changes: Tensor) -> dict[str, Tensor]:
    """The network's state dict; `layers_0_bias=...` replaces `layers.0.bias`."""
    full = {name: value.clone() for name, value in ARCH.layout.unflatten(THETA).items()}
    return full | {name.replace("_", "."): value for name, value in changes.items()}


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple),
    st.sampled_from([30.0, 12.5, 1.0]),
    st.sampled_from(FORMATS),
)
def test_read_network_inverts_network_bytes(hidden: tuple[int, ...], omega: float, file_format: str) -> None:
    arch = Siren(hidden=hidden, omega=omega)
    theta = arch.initial(1, torch.Generator().manual_seed(1))[0]
    got_arch, got = read_network(network_bytes(arch, theta, file_format))
    assert got_arch == arch
    assert torch.equal(got, theta)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_path_reads_as_its_bytes_do(file_format: str, tmp_path: Path) -> None:
    path = tmp_path / "network"
    path.write_bytes(network_bytes(ARCH, THETA, file_format))
    arch, theta = read_network(path)
    assert arch == ARCH
    assert torch.equal(theta, THETA)


def test_the_same_network_gives_the_same_bytes() -> None:
    assert network_bytes(ARCH, THETA) == network_bytes(ARCH, THETA.clone())


def test_a_written_checkpoint_loads_into_the_plain_module() -> None:
    content = torch.load(io.BytesIO(network_bytes(ARCH, THETA)), weights_only=True)
    module = ARCH.build()
    module.load_state_dict(content["state_dict"])
    assert torch.equal(ARCH.layout.flatten(module.state_dict()), THETA)
    assert content["architecture"] == ARCH.to_json()


def test_writing_a_view_of_a_batch_stores_one_network_only() -> None:
    batch = ARCH.initial(500, torch.Generator().manual_seed(0))
    assert len(network_bytes(ARCH, batch[3])) < 2 * len(network_bytes(ARCH, THETA))


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(NetSpaceError, match="one of pt, safetensors, got 'onnx'"):
        network_bytes(ARCH, THETA, "onnx")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P",
        b"PK\x03\x04",
        b"PK\x03\x04 and then nothing of use",
        b"Just a text file, and no network at all.\n",
        b"{}",
        bytes(100),
        b"\xff" * 100,
        pickle.dumps({"layers.0.weight": [1.0]}),
    ],
)
def test_bytes_of_no_checkpoint_are_refused(content: bytes) -> None:
    with pytest.raises(NotACheckpoint, match="expected"):
        read_network(content)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotACheckpoint, match=r"nothing.pt: cannot be read"):
        read_network(tmp_path / "nothing.pt")


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_truncated_file_is_refused(file_format: str, share: float) -> None:
    content = network_bytes(ARCH, THETA, file_format)
    with pytest.raises(NotACheckpoint):
        read_network(content[: int(share * len(content))])


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_damaged_file_is_read_or_refused_but_never_crashes(file_format: str) -> None:
    content = network_bytes(ARCH, THETA, file_format)
    rng, refused = random.Random(0), 0
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 4, 30))):
            damaged[rng.randrange(min(len(damaged), 1200))] = rng.randrange(256)
        try:
            read_network(bytes(damaged))
        except NetSpaceError:
            refused += 1
    assert refused > 50


class Malicious:
    """Unpickled without care, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def legacy(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize("write", [pt, legacy, pickle.dumps], ids=["zip", "legacy", "pickle"])
def test_nothing_in_a_file_is_executed(write: Any, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    content = write({**state(), "extra": Malicious(touched)})
    with pytest.raises(NotACheckpoint):
        read_network(content)
    assert not touched.exists()
    pickle.loads(pickle.dumps(Malicious(touched)))
    assert touched.exists(), "the attack must be a real one"


def test_the_refusal_of_code_says_that_it_was_not_run(tmp_path: Path) -> None:
    with pytest.raises(NotACheckpoint, match="asks for more than tensors"):
        read_network(pt({"x": Malicious(tmp_path / "touched")}))


def test_a_giant_of_stride_zero_is_refused() -> None:
    giant = torch.zeros(1).expand(1_000, 1_000)
    assert len(pt({"w": giant})) < 5_000
    with pytest.raises(ShapeMismatch, match=r"layers.1.weight: shape \(1000, 1000\) claims more values"):
        read_network(pt(state(layers_1_weight=giant)))


def test_many_views_of_one_storage_are_counted_in_full() -> None:
    whole = torch.zeros(4_000_000)
    views = {f"layers.{i}.weight": whole.view(2000, 2000) for i in range(20)}
    with pytest.raises(NotACheckpoint, match="at most 64000000 values, got 80000000"):
        read_network(pt(views))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.empty(100_000, 100_000, device="meta"),
        torch.eye(5).to_sparse(),
    ],
    ids=["meta", "sparse"],
)
def test_tensors_that_are_not_dense_are_refused(tensor: Tensor) -> None:
    with pytest.raises(NotACheckpoint):
        read_network(pt(state(layers_1_weight=tensor)))


def test_a_deeply_nested_pickle_is_refused() -> None:
    deep = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pt(state()))) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            target.writestr(name, deep if name.endswith("data.pkl") else source.read(name))
    with pytest.raises(NetSpaceError):
        read_network(buffer.getvalue())


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        safetensors(b"{" + b" " * 2_000_000 + b"}"),
        safetensors({"__metadata__": {"a": "b" * 2_000_000}}),
        safetensors({}, length=2**62),
        safetensors({}, length=900_000),
        safetensors({"w": {"dtype": "F32", "shape": [0, 2**63 - 1], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}, bytes(8)),
        safetensors({"w": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors(b"{" + b'"a":{' * 100_000 + b"}" * 100_001),
        safetensors(b"{not json}"),
        safetensors(b'{"\xff\xfe": 1}'),
    ],
)
def test_a_bad_safetensors_header_is_refused(content: bytes) -> None:
    with pytest.raises(NotACheckpoint):
        read_network(content)


def test_safetensors_without_tensors_are_no_network() -> None:
    with pytest.raises(UnknownArchitecture, match="no tensor"):
        read_network(safetensors({}))


@pytest.mark.parametrize("omega", ["fast", "", "nan", "-3"])
def test_a_bad_omega_in_the_metadata_is_refused(omega: str) -> None:
    with pytest.raises(NetSpaceError, match="omega"):
        read_network(save(state(), {"omega": omega}))


def test_safetensors_of_other_programs_need_no_metadata() -> None:
    arch, theta = read_network(save(state()))
    assert arch == ARCH
    assert torch.equal(theta, THETA)


@pytest.mark.parametrize("write", [pt, save], ids=FORMATS)
def test_nan_is_refused_by_the_tensors_name(write: Any) -> None:
    bad = state()["layers.1.bias"]
    bad[2] = torch.nan
    with pytest.raises(NonFiniteValues, match=r"layers.1.bias"):
        read_network(write(state(layers_1_bias=bad)))


def trained() -> dict[str, Any]:
    """What a training loop saves: a module's state with its metadata, Adam's, a scheduler's, and plain numbers."""
    module = ARCH.build()
    module.load_state_dict(state())
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    module(torch.zeros(4, 3)).sum().backward()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimizer.step()
    module.load_state_dict(before)
    return {
        "model_state_dict": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "epoch": 3,
        "losses": [0.5, 0.25],
        "name": "käfer",
        "best": None,
        "seed": 2**60,
    }


def column_major() -> dict[str, Tensor]:
    return {name: value.t().contiguous().t() if value.ndim == 2 else value for name, value in state().items()}


def of_a_batch() -> dict[str, Tensor]:
    return {name: torch.stack([value - 1, value, value + 1])[1] for name, value in state().items()}


def tied() -> dict[str, Tensor]:
    whole = THETA.clone()
    return ARCH.layout.unflatten(whole)


@pytest.mark.parametrize("make", [trained, column_major, of_a_batch, tied])
def test_what_people_save_is_read(make: Any) -> None:
    arch, theta = read_network(pt(make()))
    assert arch == ARCH
    assert torch.equal(theta, THETA)


def test_parameters_are_read_as_tensors() -> None:
    module = ARCH.build()
    module.load_state_dict(state())
    assert torch.equal(read_network(pt(dict(module.named_parameters())))[1], THETA)
    module.bfloat16()
    assert torch.equal(read_network(pt(module.state_dict()))[1], THETA.bfloat16().float())
