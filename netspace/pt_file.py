"""A `.pt` file as data: its zip and its pickle are held against lists of what is allowed before PyTorch reads them.

The pickle is followed instruction by instruction with placeholders for its values. Nothing is imported, called or
allocated, so what a file asks for is known, and refused, before anything of it exists.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from netspace.claims import MAX_TENSORS, Claim, check_claims
from netspace.errors import NotACheckpoint

MAGIC = b"PK\x03\x04"
MAX_DIRECTORY = 1 << 20
"""Bytes of the zip's directory, which would otherwise be parsed however long it is."""
MAX_PICKLE = 1 << 20
MAX_INSTRUCTIONS = 100_000
"""A ResNet of 110 layers with batch norm and its optimizer's state needs about 60,000."""
MAX_DEPTH = 32
"""Containers in containers."""

RECORD = re.compile(
    r"data\.pkl|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id|data/\d+"
)
LOCATION = re.compile(r"(cpu|cuda|mps|xpu)(:\d{1,3})?")
ITEM_SIZES = {
    "torch DoubleStorage": 8,
    "torch FloatStorage": 4,
    "torch HalfStorage": 2,
    "torch BFloat16Storage": 2,
    "torch LongStorage": 8,
    "torch IntStorage": 4,
    "torch ShortStorage": 2,
    "torch CharStorage": 1,
    "torch ByteStorage": 1,
    "torch BoolStorage": 1,
    "torch ComplexFloatStorage": 8,
    "torch ComplexDoubleStorage": 16,
}
ORDERED_DICT = "collections OrderedDict"
TENSOR = "torch._utils _rebuild_tensor_v2"
PARAMETER = "torch._utils _rebuild_parameter"
GLOBALS = {ORDERED_DICT, TENSOR, PARAMETER, *ITEM_SIZES}
"""All that a pickle may name."""

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_DICT": "dict", "EMPTY_LIST": "list", "EMPTY_TUPLE": "tuple"}
LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def check_pt(content: bytes) -> None:
    """Raises NotACheckpoint or ShapeMismatch for anything but a zip of stored records and a pickle of tensors."""
    try:
        sizes, pickle = _records(content)
    except Exception as error:  # a damaged zip makes its reader raise whatever it stumbles over
        raise damaged(error) from error
    check_claims(_claims(pickle, sizes))


def damaged(error: BaseException) -> NotACheckpoint:
    if isinstance(error, NotACheckpoint):
        return error
    reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
    return NotACheckpoint(f"expected a PyTorch checkpoint, got a damaged one ({reason})")


def _directory_bytes(content: bytes) -> int:
    """What the end of the file says about its directory; the zip64 record counts where there is one."""
    if content[-22:-18] != b"PK\x05\x06":
        raise NotACheckpoint("expected a PyTorch checkpoint, got one without a zip directory at its end: truncated?")
    size = int.from_bytes(content[-10:-6], "little")
    if content[-42:-38] == b"PK\x06\x07" and content[-98:-94] == b"PK\x06\x06":
        size = max(size, int.from_bytes(content[-58:-50], "little"))
    return size


def _records(content: bytes) -> tuple[dict[str, int], bytes]:
    """(bytes of every record by its name, data.pkl). Raises NotACheckpoint, and what zipfile raises."""
    if _directory_bytes(content) > MAX_DIRECTORY:
        raise NotACheckpoint(f"expected a zip directory of at most {MAX_DIRECTORY} bytes, got a longer one")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        top = entries[0].filename.split("/", 1)[0] + "/" if entries else ""
        sizes: dict[str, int] = {}
        for entry in entries:
            name = entry.filename.removeprefix(top)
            _check_entry(entry, entry.filename.startswith(top) and name not in sizes and RECORD.fullmatch(name))
            sizes[name] = entry.file_size
        if int.from_bytes(content[-12:-10], "little") != len(entries):
            raise NotACheckpoint(f"expected a zip of as many entries as it claims, got {len(entries)}")
        if sum(sizes.values()) > len(content) or min((e.header_offset for e in entries), default=0):
            raise NotACheckpoint(f"expected zip entries within the file's {len(content)} bytes, got overlapping ones")
        if not 0 < sizes.get("data.pkl", 0) <= MAX_PICKLE:
            raise NotACheckpoint(
                f"expected one data.pkl of 1 to {MAX_PICKLE} bytes, got {sizes.get('data.pkl', 'none')}"
            )
        return sizes, archive.read(top + "data.pkl")


def _check_entry(entry: zipfile.ZipInfo, known: object) -> None:
    if not known:
        raise NotACheckpoint(
            f"expected the records that torch.save writes, each once and in one folder, got {entry.filename[:80]!r}"
        )
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size or entry.flag_bits & 0x2041:
        raise NotACheckpoint(f"{entry.filename[:80]}: expected a stored zip entry, got a compressed or encrypted one")


@dataclass(eq=False)
class _Node:
    """A container of the pickle; `items` are kept of tuples alone, which arguments are made of."""

    kind: str
    items: tuple[Any, ...] = ()
    depth: int = 1

    def add(self, values: Iterable[Any]) -> "_Node":
        self.depth = max([self.depth, *(1 + value.depth for value in values if isinstance(value, _Node))])
        if self.depth > MAX_DEPTH:
            raise NotACheckpoint(f"expected containers nested at most {MAX_DEPTH} deep, got more")
        return self


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Storage:
    key: str
    kind: str
    count: int


def _tuple(items: Iterable[Any]) -> _Node:
    node = _Node("tuple", tuple(items))
    return node.add(node.items)


def _more_than_tensors(what: str) -> NotACheckpoint:
    return NotACheckpoint(
        f"expected a state dict of tensors; the file asks for more than tensors ({what[:120]}) and was not loaded"
    )


@dataclass
class _Pickle:
    """The state of a pickle that is followed but not executed: `sizes` are the bytes of the zip's records."""

    sizes: dict[str, int]
    stack: list[Any] = field(default_factory=list)
    marked: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: dict[str, _Storage] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)

    def step(self, name: str, argument: Any) -> None:
        """One instruction. Raises NotACheckpoint for one that is not allowed, IndexError for an empty stack."""
        push = self.stack.append
        if name in LITERALS:
            push(argument)
        elif name in CONSTANTS:
            push(CONSTANTS[name])
        elif name in EMPTY:
            push(_Node(EMPTY[name]))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            push(self.memo[argument])
        elif name in TUPLES:
            push(_tuple(reversed([self.stack.pop() for _ in range(TUPLES[name])])))
        elif name == "MARK":
            self.marked.append(self.stack)
            self.stack = []
        elif name == "TUPLE":
            items = self._since_mark()
            self.stack.append(_tuple(items))
        elif name in ("APPEND", "APPENDS"):
            self._append([self.stack.pop()] if name == "APPEND" else self._since_mark())
        elif name in ("SETITEM", "SETITEMS"):
            self._set([self.stack.pop(-2), self.stack.pop()] if name == "SETITEM" else self._since_mark())
        elif name == "GLOBAL" and argument in GLOBALS:
            push(_Global(argument))
        elif name == "BINPERSID":
            push(self._storage(self.stack.pop()))
        elif name == "REDUCE":
            arguments = self.stack.pop()
            push(self._reduce(self.stack.pop(), arguments))
        elif name == "BUILD":
            self._build(self.stack.pop(), self.stack[-1])
        elif name != "PROTO" or argument != 2:
            raise _more_than_tensors(f"{name} {argument!r}" if argument is not None else name)

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def _append(self, items: list[Any]) -> None:
        if not (isinstance(self.stack[-1], _Node) and self.stack[-1].kind == "list"):
            raise _more_than_tensors("items of what is no list")
        self.stack[-1].add(items)

    def _set(self, items: list[Any]) -> None:
        keys, values = items[::2], items[1::2]
        if not (isinstance(self.stack[-1], _Node) and self.stack[-1].kind in ("dict", "ordered")):
            raise _more_than_tensors("entries of what is no dict")
        if len(keys) != len(values) or not all(isinstance(key, (str, int)) for key in keys):
            raise _more_than_tensors("a dict whose keys are neither text nor whole numbers")
        self.stack[-1].add(values)
        for key, value in zip(keys, values, strict=True):
            if isinstance(value, Claim):
                value.name = str(key)[:200]

    def _build(self, state: Any, target: Any) -> None:
        """An OrderedDict may carry attributes (modules leave `_metadata`); a tensor's BUILD would set its storage."""
        attributed = isinstance(target, _Node) and target.kind == "ordered"
        if not (attributed and isinstance(state, _Node) and state.kind == "dict"):
            raise _more_than_tensors("attributes of what is no OrderedDict")

    def _storage(self, reference: Any) -> _Storage:
        match reference:
            case _Node("tuple", ("storage", _Global(kind), str(key), str(location), int(count))) if (
                kind in ITEM_SIZES and LOCATION.fullmatch(location)
            ):
                storage = self.storages.setdefault(key, _Storage(key, kind, count))
            case _:
                raise _more_than_tensors("a reference to what is no storage")
        stored = self.sizes.get(f"data/{key}", "nothing")
        if storage != _Storage(key, kind, count) or stored != count * ITEM_SIZES[kind]:
            raise NotACheckpoint(f"data/{key[:20]}: expected {count} values of {kind.split()[1]}, got {stored} bytes")
        return storage

    def _reduce(self, function: Any, arguments: Any) -> Any:
        """What one of the three functions returns for the arguments that PyTorch writes."""
        if not (isinstance(function, _Global) and isinstance(arguments, _Node)):
            raise _more_than_tensors("a call of what is no function")
        match arguments.items:
            case () if function.name == ORDERED_DICT:
                return _Node("ordered")
            case (Claim() as claim, bool(), _Node("ordered")) if function.name == PARAMETER:
                return claim
            case (_Storage(), int(), _Node("tuple"), _Node("tuple"), bool(), _Node("ordered")) if (
                function.name == TENSOR
            ):
                return self._tensor(*arguments.items[:4])
        raise _more_than_tensors(f"a call of {function.name}")

    def _tensor(self, storage: _Storage, offset: int, shape: _Node, stride: _Node) -> Claim:
        if not all(isinstance(number, int) for number in shape.items + stride.items):
            raise _more_than_tensors("a tensor whose shape is not of whole numbers")
        self.claims.append(Claim(storage.count, offset, shape.items, stride.items))
        if len(self.claims) > MAX_TENSORS:
            raise NotACheckpoint(f"expected at most {MAX_TENSORS} tensors, got more")
        return self.claims[-1]


def _claims(pickle: bytes, sizes: dict[str, int]) -> list[Claim]:
    """Every tensor that the pickle would make."""
    followed = _Pickle(sizes)
    try:
        for count, (code, argument, position) in enumerate(pickletools.genops(pickle)):
            if count >= MAX_INSTRUCTIONS:
                raise NotACheckpoint(f"expected at most {MAX_INSTRUCTIONS} pickle instructions, got more")
            if code.name == "STOP":
                if position != len(pickle) - 1 or len(followed.stack) != 1 or followed.marked:
                    raise NotACheckpoint("expected a pickle that ends with its one object, got more behind it")
            else:
                followed.step(code.name, argument)
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise damaged(error) from error
    return followed.claims
