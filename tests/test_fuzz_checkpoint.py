"""Good checkpoints with bytes changed: read or refused, and nothing else. `make fuzz` tries 20,000 and more."""

import os

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from mutations import mutated, mutations

from netspace.archs import Siren
from netspace.checkpoint import FORMATS, network_bytes, read_network
from netspace.errors import NetSpaceError

EXAMPLES = int(os.environ.get("FUZZ", "300"))
"""Per format."""
ARCH = Siren(hidden=(4, 4))
GOOD = {name: network_bytes(ARCH, ARCH.initial(1, torch.Generator().manual_seed(0))[0], name) for name in FORMATS}
TELLING = (b"PK\x01\x02", b"R", b"b", b"\x81", b"cos\nsystem\n", b"9" * 30)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_mutated_file_is_read_or_refused(file_format: str) -> None:
    seen = {"read": 0, "refused": 0}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutations(*TELLING))
    def check(changes: list) -> None:
        try:
            arch, theta = read_network(mutated(GOOD[file_format], changes))
        except NetSpaceError:
            seen["refused"] += 1
        else:
            seen["read"] += 1
            assert theta.shape == (arch.layout.size,)
            assert torch.isfinite(theta).all()

    check()
    assert seen["refused"] > EXAMPLES // 4, seen
