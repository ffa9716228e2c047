"""Good files with bytes changed: read or refused, and nothing else. `make fuzz` tries 20,000 and more."""

import os

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netspace.archs import Siren
from netspace.checkpoint import FORMATS, network_bytes, read_network
from netspace.errors import NetSpaceError

EXAMPLES = int(os.environ.get("FUZZ", "300"))
"""Per format."""
ARCH = Siren(hidden=(4, 4))
GOOD = {name: network_bytes(ARCH, ARCH.initial(1, torch.Generator().manual_seed(0))[0], name) for name in FORMATS}


def replace(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def insert(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at:]


def remove(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + content[at + len(new) :]


def repeat(content: bytes, at: int, new: bytes) -> bytes:
    return insert(content, at, content[at : at + len(new)])


MUTATIONS = st.tuples(
    st.sampled_from([replace, replace, insert, remove, repeat]),
    st.floats(0, 1, exclude_max=True),
    st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"\xff" * 4, b"\x00" * 8, b"PK\x01\x02", b"R", b"b", b"\x81", b"cos\nsystem\n", b"9" * 30]),
    ),
)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_mutated_file_is_read_or_refused(file_format: str) -> None:
    good, seen = GOOD[file_format], {"read": 0, "refused": 0}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(MUTATIONS, min_size=1, max_size=4))
    def check(mutations: list) -> None:
        content = good
        for mutate, share, new in mutations:
            content = mutate(content, int(share * len(content)), new)
        try:
            arch, theta = read_network(content)
        except NetSpaceError:
            seen["refused"] += 1
        else:
            seen["read"] += 1
            assert theta.shape == (arch.layout.size,)
            assert torch.isfinite(theta).all()

    check()
    assert seen["refused"] > EXAMPLES // 4, seen
