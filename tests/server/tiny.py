"""Networks that are balls, and a space of them that has learnt nothing."""

from pathlib import Path

import torch

from netspace.archs import Siren
from netspace.functional import run
from netspace.report import DECODED, network_picture, png
from netspace.spaces import Entry, Gallery, Space, SpaceConfig, save_space
from netspace.spaces.config import BehaviourEncoderConfig, DictionaryDecoderConfig
from netspace.spaces.gallery import Projection

TINY = Siren(hidden=(8, 8))
LATENT = 6
LIMIT = 200_000
"""Bytes that an upload may have."""
UPLOADED = Siren(hidden=(24, 16, 12))
"""Another width and depth than the space decodes to."""


def ball(arch: Siren, radius: float) -> torch.Tensor:
    """theta [P] of a network that is nearly a ball about the origin: 3 - sum of cos(x_i) is about |x|^2 / 2."""
    state = {name: torch.zeros(shape) for name, shape in zip(arch.layout.names, arch.layout.shapes, strict=True)}
    axes, small, last = torch.eye(3), 0.3, len(arch.hidden)
    state["layers.0.weight"][:3] = axes / arch.omega
    state["layers.0.bias"][:3] = torch.pi / 2 / arch.omega
    for i in range(1, last):
        state[f"layers.{i}.weight"][:3, :3] = small * axes / arch.omega  # sin(small h) is small h, nearly
    state[f"layers.{last}.weight"][0, :3] = -1 / (radius * small ** (last - 1))
    theta = arch.layout.flatten(state)
    state[f"layers.{last}.bias"] = -run(arch, theta[None], torch.tensor([[radius, 0.0, 0.0]]))[0]
    return arch.layout.flatten(state)


def nothing(arch: Siren) -> torch.Tensor:
    """theta [P] of a network that is positive everywhere."""
    theta = ball(arch, 0.5)
    theta[-1] += 10
    return theta


def tiny_space(name: str = "tiny", seed: int = 0) -> Space:
    """A space whose every latent decodes to something like a ball, since its base is one."""
    torch.manual_seed(seed)
    encoder = BehaviourEncoderConfig(grid=8, patch=2, channels=(4, 8))
    decoder = DictionaryDecoderConfig(directions=4, hidden=16)
    space = Space(
        SpaceConfig(
            name=name, title=f"The {name} space", latent=LATENT, architectures=(TINY,), encoder=encoder, decoder=decoder
        )
    )
    space.decoder.base.data = ball(TINY, 0.6) / decoder.gain
    for parameter in (*space.decoder.large.parameters(), *space.decoder.small.parameters()):
        parameter.data *= 0.02
    return space


def make_space(folder: Path, name: str = "tiny", seed: int = 0) -> Path:
    """The tiny space on disk: `ball-0` ships with its weights, `ball-1` without, `nothing` with no surface."""
    save_space(tiny_space(name, seed), folder)
    latents = torch.randn(3, LATENT, generator=torch.Generator().manual_seed(seed))
    ids = ("ball-0", "ball-1", "nothing")
    projection = Projection.of(latents)
    entries = tuple(
        Entry(
            id=entry_id,
            name=entry_id.title(),
            source="procedural",
            split="test",
            iou=iou,
            f_score=0.9,
            position=projection(z).tolist(),
            properties={"height": 1.5},
        )
        for entry_id, z, iou in zip(ids, latents, (0.9, 0.4, 0.0), strict=True)
    )
    networks = {"ball-0": ball(TINY, 0.5), "nothing": nothing(TINY)}
    drawn = {"ball-0": png(network_picture(TINY, ball(TINY, 0.5), DECODED, 32))}
    Gallery(entries, latents, projection, networks, (TINY,), folder / "gallery").save(drawn)
    (folder / "report.json").write_text('{"summary": {"iou": 0.9}, "networks": [{"iou": 0.9}]}')
    (folder / "card.md").write_text("# Tiny\n")
    return folder
