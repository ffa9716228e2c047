"""From an uploaded file to its latent in the database."""

from dataclasses import asdict

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.checkpoint import network_bytes
from netspace.embedding import embed_sdf as embed
from netspace.errors import NonFiniteValues
from netspace.lines import describe
from netspace.report import DECODED, network_picture, png
from server.networks import line_through
from server.owners import owned_key
from server.registry import LoadedSpace
from server.store import Store, StoredLatent, vector_bytes
from server.uploads import Upload

Network = tuple[Architecture, Tensor]


def embed_once(
    store: Store, space: LoadedSpace, upload: Upload, network: Network, name: str, owner: str | None = None
) -> tuple[StoredLatent, bool]:
    """The file's latent, and whether it is new: a file that its owner has embedded before is not embedded again."""
    known = store.find_file(space.id, space.identity, owned_key(upload.sha256, owner))
    return (known, False) if known else store.add(embed_upload(space, upload, network, name, owner))


def embed_upload(
    space: LoadedSpace, upload: Upload, network: Network, name: str, owner: str | None = None
) -> StoredLatent:
    """Embeds and draws the network that was read from the upload; nothing is stored yet. Raises what `embed` raises."""
    arch, theta = network
    embedding = embed(space.space, arch, theta, familiarity=space.familiarity)
    if not torch.isfinite(embedding.z).all():
        raise NonFiniteValues(f"expected a network with finite outputs, got {arch.name} whose latent is not finite")
    twin_arch, twin = line_through(space, embedding.z).networks([0.0])
    x, y = space.gallery.position(embedding.z)
    return StoredLatent(
        space=space.id,
        model=space.identity,
        sha256=owned_key(upload.sha256, owner),
        owner=owner,
        name=name,
        architecture=arch.to_json(),
        iou=embedding.iou,
        represented=embedding.represented,
        verdict=embedding.verdict,
        x=x,
        y=y,
        properties=asdict(describe(arch, theta.to(space.space.device))),
        vector=vector_bytes(embedding.z),
        network=network_bytes(arch, theta, "safetensors"),
        picture=png(network_picture(twin_arch, twin[0], DECODED)),
    )
