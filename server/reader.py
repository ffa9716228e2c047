"""The process that strangers' files are read in: warm, single-threaded, and forked anew for every file.

`server.loader` starts it and talks to it. A child gets a socket, reads from it what is wanted (NETWORK or CLOUD) and a
file, answers with safetensors or a problem, and ends. What leaves it is never the file nor anything unpickled from it.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
import trimesh

from netspace.archs import Siren
from netspace.checkpoint import network_bytes, read_network
from netspace.data.clouds import cloud_bytes, read_cloud
from netspace.errors import BadPointCloud, NetSpaceError, NotACheckpoint

NETWORK, CLOUD, PROBLEM = b"N", b"C", b"P"
"""First byte of an answer: what the rest is. No answer at all means that a limit ended the child."""
READERS: dict[bytes, tuple[Callable[[bytes], bytes], type[NetSpaceError]]] = {
    NETWORK: (lambda content: network_bytes(*read_network(content), "safetensors"), NotACheckpoint),
    CLOUD: (lambda content: cloud_bytes(read_cloud(content)), BadPointCloud),
}
"""By what is wanted: file -> safetensors, and what a file is that makes it fail."""
CHUNK = 1 << 20
OPEN_FILES = 32
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may cost: bytes of address space beside those of the warm process, and seconds."""

    memory: int = 1 << 30
    cpu_seconds: int = 8
    wall_seconds: float = 10.0


def answer_of(wanted: bytes, content: bytes) -> bytes:
    """A file -> `wanted` and safetensors, or PROBLEM and JSON {slug, message}."""
    read, otherwise = READERS[wanted]
    try:
        return wanted + read(content)
    except NetSpaceError as error:
        slug, message = error.slug, str(error)
    except Exception as error:
        slug, message = otherwise.slug, f"expected a file of that kind, got one that fails with {type(error).__name__}"
    return PROBLEM + json.dumps({"slug": slug, "message": message[:2000]}).encode()


def apply_limits(limits: Limits) -> None:
    """For this process and for good: no files, no processes, no core dumps, and the kernel ends what takes longer."""
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)
    most = {
        resource.RLIMIT_AS: _address_space() + limits.memory,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in most.items():
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Bytes that this process has mapped; none are known outside Linux, where the limit is the allowance alone."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def leave_network() -> bool:
    """Whether this process, and those it forks, now live in a network namespace with nothing in it."""
    try:
        return ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0
    except (OSError, AttributeError):  # no such call on this platform
        return False


def read_all(source: socket.socket) -> bytes:
    """Until the other end says that it is done."""
    content = bytearray()
    while chunk := source.recv(CHUNK):
        content += chunk
    return bytes(content)


def _read_one(request: socket.socket, limits: Limits) -> None:
    """The life of a child."""
    try:
        apply_limits(limits)
        asked = read_all(request)
        request.sendall(answer_of(asked[:1], asked[1:]))
    finally:
        os._exit(0)


def _warm() -> None:
    """Everything that reading imports or allocates once, before the first fork."""
    torch.set_num_threads(1)
    arch = Siren(hidden=(2,))
    theta = arch.initial(1, torch.Generator().manual_seed(0))[0]
    for file_format in ("pt", "safetensors"):
        answer_of(NETWORK, network_bytes(arch, theta, file_format))
    for kind in ("ply", "stl", "glb", "off", "obj"):
        exported = trimesh.creation.box().export(file_type=kind)
        answer_of(CLOUD, exported.encode() if isinstance(exported, str) else exported)


def run(control: socket.socket, limits: Limits) -> None:
    """Forks for every socket that comes through `control`, until the server at its other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children need no burial
    _warm()
    facts: dict[str, Any] = {"network": not leave_network(), "threads": len(os.listdir("/proc/self/task"))}
    with suppress(OSError):  # gone already: the next read says so
        control.sendall(json.dumps(facts).encode())
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        except OSError:  # a server that was killed resets the connection instead of closing it
            return
        if not message:
            return
        with socket.socket(fileno=descriptors[0]) as request:
            if os.fork() == 0:
                control.close()
                _read_one(request, limits)


def main() -> None:
    """`python -m server.reader DESCRIPTOR LIMITS`."""
    run(socket.socket(fileno=int(sys.argv[1])), Limits(**json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()
