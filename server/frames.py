"""Meshes of points of lines, many at once."""

from dataclasses import dataclass

import torch

from netspace.errors import EmptyLevelSet, NetSpaceError
from netspace.mesh import network_meshes
from server.networks import Line, thetas_of
from server.wire import encode_mesh


@dataclass(frozen=True)
class Frame:
    """What a client wants to see: the shape at `t` of a line."""

    line: Line
    t: float
    resolution: int
    file_format: str


@torch.no_grad()
def encoded_frames(frames: list[Frame]) -> list[bytes | Exception]:
    """The meshes' bytes, or why there is none.

    Latents of one space are decoded in one product; networks of one architecture and resolution are meshed together.
    """
    out: list[bytes | Exception] = [EmptyLevelSet("")] * len(frames)
    groups: dict[tuple, list[int]] = {}
    networks = thetas_of([(frame.line, frame.t) for frame in frames])
    for i, (arch, _) in enumerate(networks):
        groups.setdefault((arch, frames[i].resolution), []).append(i)
    for (arch, resolution), members in groups.items():
        meshes = network_meshes(arch, torch.stack([networks[i][1] for i in members]), resolution)
        for i, mesh in zip(members, meshes, strict=True):
            frame = frames[i]
            try:
                if mesh is None:
                    raise EmptyLevelSet(f"the network at t = {frame.t:g} has no surface on the {resolution}^3 grid")
                out[i] = encode_mesh(mesh, frame.file_format)
            except NetSpaceError as error:
                out[i] = error
    return out
