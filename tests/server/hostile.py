"""Checkpoints that mean harm, made anew for every run: a name, and how to write the file.

Those that would execute something create `canary` if anything ever unpickles them carelessly.
"""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netspace.archs import Siren
from netspace.checkpoint import network_bytes

ARCH = Siren(hidden=(8, 8))
THETA = ARCH.initial(1, torch.Generator().manual_seed(0))[0]
GOOD_PT = network_bytes(ARCH, THETA)
GOOD_SAFETENSORS = network_bytes(ARCH, THETA, "safetensors")
STATE = {name: value.clone() for name, value in ARCH.layout.unflatten(THETA).items()}

Make = Callable[[], bytes]


class Calls:
    """Pickled, it is a call of `function`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


class Net(nn.Module):
    """A module that would be pickled whole."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, points: Tensor) -> Tensor:
        return self.layer(points)


def pt(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def with_state(**more: Any) -> dict[str, Any]:
    return {"state_dict": STATE, **more}


def rezipped(
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """A good .pt with other records."""
    with zipfile.ZipFile(io.BytesIO(GOOD_PT)) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in change(records).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_pickle(pickled: bytes, **options: Any) -> bytes:
    """A good .pt whose data.pkl is another."""
    return rezipped(lambda records: {**records, "archive/data.pkl": pickled}, **options)


def with_record(name: str, content: bytes = b"x") -> bytes:
    return rezipped(lambda records: {**records, name: content})


def patched(offset: int, replacement: bytes, content: bytes = GOOD_PT) -> bytes:
    """`offset` counts from the end where it is negative."""
    at = offset % len(content)
    return content[:at] + replacement + content[at + len(replacement) :]


def in_directory(offset: int, replacement: bytes) -> bytes:
    """The good .pt with other bytes at `offset` of its first directory entry."""
    return patched(GOOD_PT.index(b"PK\x01\x02") + offset, replacement)


def duplicate_records() -> bytes:
    buffer = io.BytesIO(GOOD_PT)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x02}.")
    return buffer.getvalue()


def text(value: str) -> bytes:
    """BINUNICODE."""
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def tensor_pickle(
    *,
    kind: str = "FloatStorage",
    key: str = "0",
    count: int = 24,
    offset: int = 0,
    shape: Any = (8, 3),
    stride: Any = (3, 1),
) -> bytes:
    """data.pkl with the one tensor `w` in the good file's storage of 24 values, or as the arguments claim."""

    def number(value: int) -> bytes:
        size = (value.bit_length() // 8) + 1
        return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)

    def numbers(values: Any) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(count) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = b"(" + storage + number(offset) + numbers(shape) + numbers(stride) + b"\x89" + hooks + b"t"
    return b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


def colliding_keys(count: int = 300_000) -> bytes:
    """A dict of whole numbers that all have one hash: filling it takes quadratic time."""
    modulus = 2**61 - 1
    keys = b"".join(b"\x8a\x0a" + (i * modulus).to_bytes(10, "little") + b"N" for i in range(1, count))
    return b"\x80\x02}(" + keys + b"u."


def tuple_collisions() -> bytes:
    """Keys that are tuples, 40 levels of one tuple twice: hashing one takes 2^40 steps."""
    return b"\x80\x02}))" + b"\x86" + b"q\x00h\x00\x86" * 40 + b"Ns."


def header(content: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """safetensors with that header."""
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
    return (len(encoded) if length is None else length).to_bytes(8, "little") + encoded + data


def entry(shape: list[Any], begin: Any, end: Any, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def executing(canary: Path) -> Iterator[tuple[str, Make]]:
    """Files that run something when they are unpickled without care."""
    calls = {
        "os.mkdir": Calls(os.mkdir, str(canary)),
        "os.system": Calls(os.system, f"mkdir {canary}"),
        "eval": Calls(eval, f"__import__('os').mkdir({str(canary)!r})"),
        "exec": Calls(exec, f"import os; os.mkdir({str(canary)!r})"),
        "open": Calls(open, str(canary), "w"),
        "getattr": Calls(getattr, os, "mkdir"),
        "torch.load": Calls(torch.load, str(canary)),
        "Path.touch": Calls(Path.touch, canary),
    }
    for name, call in calls.items():
        if name != "getattr":  # a module cannot be pickled; the protocol 0 file below names it by hand
            yield f"a .pt that calls {name}", lambda call=call: pt(with_state(extra=call))
    system = calls["os.system"]
    yield "a .pt of protocol 4", lambda: with_pickle(pickle.dumps(system, protocol=4))
    yield "a .pt of protocol 0", lambda: with_pickle(f"cos\nmkdir\n(S'{canary}'\ntR.".encode())
    yield "a .pt that calls through INST", lambda: with_pickle(f"(S'{canary}'\nios\nmkdir\n.".encode())
    yield "a .pt that calls through OBJ", lambda: with_pickle(f"(cos\nmkdir\nS'{canary}'\no.".encode())
    yield "a bare pickle", lambda: pickle.dumps(system)
    yield "a bare pickle of protocol 5", lambda: pickle.dumps({"state_dict": {}, "x": system}, protocol=5)
    yield "a legacy file", lambda: pt(with_state(extra=system), _use_new_zipfile_serialization=False)
    yield "a second pickle behind the first", lambda: with_pickle(b"\x80\x02}." + pickle.dumps(system, protocol=2))


def pickles() -> Iterator[tuple[str, Make]]:
    """data.pkl that asks for too much, or for what is no state dict."""
    yield "a whole module", lambda: pt(nn.Sequential(nn.Linear(3, 1)))
    yield "a whole module of its own class", lambda: pt(Net())
    yield "a NEWOBJ", lambda: with_pickle(b"\x80\x02ccollections\nOrderedDict\n)\x81.")
    yield "an extension code", lambda: with_pickle(b"\x80\x02\x82\x01.")
    yield "a persistent id of text", lambda: with_pickle(b"\x80\x02Pstorage\n.")
    yield "a BUILD that sets a tensor's storage", lambda: with_pickle(tensor_pickle()[:-2] + b"}bs.")
    yield "a list 200,000 deep", lambda: with_pickle(b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".")
    yield "a list 1,000 deep", lambda: with_pickle(b"\x80\x02}" + text("x") + b"]" * 1000 + b"a" * 999 + b"s.")
    yield "a tuple 40,000 deep", lambda: with_pickle(b"\x80\x02)" + b"\x85" * 40_000 + b".")
    yield "a memo bomb of lists", lambda: with_pickle(b"\x80\x02]q\x00" + b"](h\x00h\x00eq\x00" * 500 + b".")
    yield "a memo of 4 billion", lambda: with_pickle(b"\x80\x02]r\xff\xff\xff\xffj\xfe\xff\xff\xff.")
    yield "colliding keys", lambda: with_pickle(colliding_keys())
    yield "a few colliding keys", lambda: with_pickle(colliding_keys(20_000))
    yield "a key that takes for ever to hash", lambda: with_pickle(tuple_collisions())
    yield "a text that claims 4 GiB", lambda: with_pickle(b"\x80\x02X\xff\xff\xff\xffabc.")
    yield "an unfinished pickle", lambda: with_pickle(b"\x80\x02}(")
    yield "a pickle of nothing", lambda: with_pickle(b"\x80\x02.")
    yield "a pickle that pops too much", lambda: with_pickle(b"\x80\x02}ss.")
    yield "an empty data.pkl", lambda: with_pickle(b"")
    yield "a data.pkl of 8 MiB", lambda: with_pickle(b"\x80\x02" + b"N0" * (4 << 20) + b"N.")
    yield "a set", lambda: pt({1, 2, 3})
    yield "a byte string", lambda: pt(with_state(extra=b"x"))


def quantised() -> Tensor:
    return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


def tensors() -> Iterator[tuple[str, Make]]:
    """Tensors that claim what the file does not store, or are no plain numbers."""
    whole = torch.zeros(64)
    yield "a stride-0 giant", lambda: pt({**STATE, "layers.1.weight": torch.zeros(1).expand(10**6, 10**6)})
    yield "a stride-0 matrix", lambda: with_pickle(tensor_pickle(shape=(4, 6), stride=(0, 1)))
    yield "overlapping rows", lambda: with_pickle(tensor_pickle(shape=(8, 3), stride=(1, 1)))
    yield "a view beyond its storage", lambda: with_pickle(tensor_pickle(offset=1))
    yield "a negative offset", lambda: with_pickle(tensor_pickle(offset=-1))
    yield "a negative stride", lambda: with_pickle(tensor_pickle(stride=(-3, 1)))
    yield "a negative shape", lambda: with_pickle(tensor_pickle(shape=(-8, -3)))
    yield "a shape of 2^63", lambda: with_pickle(tensor_pickle(shape=(2**63, 0)))
    yield "an empty giant", lambda: with_pickle(tensor_pickle(shape=(2**62, 0)))
    yield "more strides than sizes", lambda: with_pickle(tensor_pickle(stride=(3, 1, 1)))
    yield "a thousand dimensions", lambda: with_pickle(tensor_pickle(shape=(1,) * 1000, stride=(1,) * 1000))
    yield "a storage that claims more bytes", lambda: with_pickle(tensor_pickle(count=10**12))
    yield "a storage that claims fewer bytes", lambda: with_pickle(tensor_pickle(count=3, shape=(1, 3)))
    yield "a storage that is not there", lambda: with_pickle(tensor_pickle(key="77"))
    yield "a storage named by a path", lambda: with_pickle(tensor_pickle(key="../../etc/passwd"))
    yield "a storage of untyped bytes", lambda: with_pickle(tensor_pickle(kind="UntypedStorage"))
    yield "2,000 views of one storage", lambda: pt({f"w{i}": whole.view(8, 8) for i in range(2000)})
    big = torch.zeros(900_000)
    yield "views that add up to gigabytes", lambda: pt({f"w{i}": big.view(900, 1000) for i in range(100)})
    yield "a meta tensor of terabytes", lambda: pt({**STATE, "w": torch.empty(10**6, 10**6, device="meta")})
    yield "a sparse tensor", lambda: pt({**STATE, "w": torch.eye(5).to_sparse()})
    yield "a compressed sparse tensor", lambda: pt({**STATE, "w": torch.eye(5).to_sparse_csr()})
    yield (
        "a quantised tensor",
        lambda: pt({**STATE, "w": quantised()}),
    )
    yield "whole numbers", lambda: pt({**STATE, "layers.1.bias": torch.zeros(8, dtype=torch.int64)})
    yield "complex numbers", lambda: pt({**STATE, "layers.1.bias": torch.zeros(8, dtype=torch.complex64)})
    yield "NaN", lambda: pt({**STATE, "layers.1.bias": torch.full((8,), torch.nan)})
    yield "infinity in half precision", lambda: pt({**STATE, "layers.1.bias": torch.full((8,), torch.inf).half()})
    yield "a network too wide", lambda: pt(nn.Sequential(nn.Linear(3, 4096), nn.Linear(4096, 1)).state_dict())
    yield "an omega of 400 digits", lambda: pt(with_state(omega=10**400))
    yield "names that are markup", lambda: pt({"<img src=x onerror=alert(1)>": torch.ones(3)})


def zips() -> Iterator[tuple[str, Make]]:
    """Zips that PyTorch does not write."""
    deflated = zipfile.ZIP_DEFLATED
    yield "a deflated .pt", lambda: rezipped(lambda records: records, deflated)
    yield (
        "a deflated bomb",
        lambda: rezipped(lambda records: {**records, "archive/data/99": bytes(100 << 20)}, deflated),
    )
    yield "a bzip2 bomb", lambda: rezipped(lambda r: {**r, "archive/data/99": bytes(16 << 20)}, zipfile.ZIP_BZIP2)
    yield "two data.pkl", duplicate_records
    yield "two data.pkl by case", lambda: with_record("archive/DATA.PKL")
    yield "two folders", lambda: with_record("other/data.pkl")
    yield "no data.pkl", lambda: rezipped(lambda r: {k: v for k, v in r.items() if not k.endswith(".pkl")})
    yield (
        "TorchScript",
        lambda: rezipped(lambda r: {**r, "archive/code/__torch__.py": b"x", "archive/constants.pkl": b"."}),
    )
    yield "a name that climbs out", lambda: with_record("archive/../../../etc/passwd")
    yield "an absolute name", lambda: with_record("/etc/passwd")
    yield "a name with a backslash", lambda: with_record("archive\\data\\0")
    yield "a name of 60,000 letters", lambda: with_record("archive/" + "a" * 60_000)
    yield (
        "a zip of 20,000 entries",
        lambda: rezipped(lambda r: r | {f"archive/data/{i}": b"" for i in range(9, 19_999)}),
    )
    yield (
        "a record without a byte it claims",
        lambda: rezipped(lambda records: {**records, "archive/data/0": records["archive/data/0"][:-1]}),
    )
    yield "an encrypted entry", lambda: in_directory(8, b"\x01")
    yield "an entry at another offset", lambda: in_directory(42, struct.pack("<I", 64))
    yield "an entry that claims 4 GiB", lambda: in_directory(20, b"\xfe\xff\xff\xff\xfe\xff\xff\xff")
    yield "a directory that claims 4 GiB", lambda: patched(-10, b"\xfe\xff\xff\xff")
    yield "65,535 entries claimed", lambda: patched(-14, b"\xff\xff\xff\xff")
    yield "bytes behind the zip", lambda: GOOD_PT + b"x" * 100
    yield "a zip behind other bytes", lambda: b"#!/bin/sh\n" + GOOD_PT
    yield "a zip inside a zip", lambda: rezipped(lambda _: {"inner.pt": GOOD_PT})
    yield "an empty zip", lambda: rezipped(lambda _: {})
    yield "a byte order that is none", lambda: rezipped(lambda records: {**records, "archive/byteorder": b"middle"})


def headers() -> Iterator[tuple[str, Make]]:
    """safetensors with headers that lie."""
    yield "a header of 50 MB", lambda: header(b'{"__metadata__":{"a":"' + b"b" * 5_000_000 + b'"}}')
    yield "a header of 2^62 bytes", lambda: header({}, length=2**62)
    yield "a header longer than the file", lambda: header({}, length=900_000)
    yield "a key twice", lambda: header(b'{"w":' + json.dumps(entry([2], 0, 8)).encode() + b',"w":'
                                        + json.dumps(entry([2], 0, 8)).encode() + b"}", bytes(8))  # fmt: skip
    yield "a shape of 2^63 and 0", lambda: header({"w": entry([0, 2**63 - 1], 0, 0)})
    yield "a shape that overflows", lambda: header({"w": entry([2**32, 2**32], 0, 8)}, bytes(8))
    yield "a shape of a thousand digits", lambda: header(b'{"w":{"dtype":"F32","shape":[' + b"9" * 1000
                                                         + b'],"data_offsets":[0,8]}}', bytes(8))  # fmt: skip
    yield "a shape of text", lambda: header({"w": entry(["8"], 0, 8)}, bytes(8))
    yield "a negative offset in a header", lambda: header({"w": entry([2], -8, 0)}, bytes(8))
    yield "offsets that overlap", lambda: header({"w": entry([2], 0, 8), "v": entry([2], 4, 12)}, bytes(12))
    yield "a gap between tensors", lambda: header({"w": entry([2], 0, 8), "v": entry([2], 16, 24)}, bytes(24))
    yield "data that nothing claims", lambda: GOOD_SAFETENSORS + bytes(8)
    yield "an unknown type", lambda: header({"w": entry([2], 0, 8, "F99")}, bytes(8))
    yield "a header 100,000 deep", lambda: header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    yield "a header that is a list", lambda: header(b"{]")
    yield "a header that is not UTF-8", lambda: header(b'{"\xff\xfe":1}')
    yield "a header with NaN", lambda: header(b'{"w":NaN}')
    yield "metadata of numbers", lambda: header({"__metadata__": {"omega": 30}})
    yield "3,000 empty tensors", lambda: header({f"w{i}": entry([0], 0, 0) for i in range(3000)})
    yield (
        "a huge omega and no tensor",
        lambda: header({"__metadata__": {"omega": "1e999"}}),
    )


def others() -> Iterator[tuple[str, Make]]:
    """Files of other kinds under a checkpoint's name."""
    yield "a PNG", lambda: b"\x89PNG\r\n\x1a\n" + bytes(64)
    yield "HDF5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(64)
    yield "gzip", lambda: b"\x1f\x8b\x08" + bytes(64)
    yield "ELF", lambda: b"\x7fELF" + bytes(64)
    yield "ONNX", lambda: b"\x08\x07\x12\x07pytorch" + bytes(64)
    yield "HTML", lambda: b"<!doctype html><script>alert(1)</script>"
    yield "a tar", lambda: b"archive/data.pkl" + bytes(241) + b"ustar\x0000" + bytes(512)
    yield "zeros", lambda: bytes(4096)
    for size in range(0, len(GOOD_PT), 1024):
        yield f"a .pt cut at {size} bytes", lambda size=size: GOOD_PT[:size]
    for size in range(0, len(GOOD_SAFETENSORS), 256):
        yield f"safetensors cut at {size} bytes", lambda size=size: GOOD_SAFETENSORS[:size]


def corpus(canary: Path) -> dict[str, Make]:
    """Every hostile file by its name."""
    return dict([*executing(canary), *pickles(), *tensors(), *zips(), *headers(), *others()])
