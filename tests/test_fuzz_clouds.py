"""Good meshes and points with bytes changed: read or refused, and nothing else. `make fuzz` tries 5,000 and more."""

import io
import os

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import HealthCheck, given, settings
from mutations import mutated, mutations

from netspace.data.clouds import read_cloud
from netspace.errors import BadPointCloud

EXAMPLES = int(os.environ.get("FUZZ", "60"))
"""Per format."""
BALL = trimesh.creation.icosphere(1, 0.5)
ROWS = np.random.default_rng(0).random((20, 3))
TELLING = (b"9" * 30, b"-1 ", b"nan ", b"\n", b'"uri"', b"(", b"element face 9\n")


def as_npy() -> bytes:
    file = io.BytesIO()
    np.save(file, ROWS)
    return file.getvalue()


def as_text() -> bytes:
    file = io.BytesIO()
    np.savetxt(file, ROWS)
    return file.getvalue()


def as_mesh(kind: str) -> bytes:
    content = BALL.export(file_type=kind)
    return content.encode() if isinstance(content, str) else content


GOOD = {**{kind: as_mesh(kind) for kind in ("stl", "ply", "glb", "off", "obj")}, "npy": as_npy(), "xyz": as_text()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", GOOD)
def test_a_mutated_file_is_read_or_refused(kind: str) -> None:
    seen = {"read": 0, "refused": 0}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutations(*TELLING))
    def check(changes: list) -> None:
        try:
            cloud = read_cloud(mutated(GOOD[kind], changes))
        except BadPointCloud:
            seen["refused"] += 1
        else:
            seen["read"] += 1
            assert torch.isfinite(cloud.points).all()

    assert len(read_cloud(GOOD[kind]).points) >= 16
    check()
    assert seen["refused"] > EXAMPLES // 20, seen
