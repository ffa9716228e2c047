"""From an uploaded file to its latent in the database."""

import torch

from netspace.checkpoint import network_bytes
from netspace.errors import NonFiniteValues
from server.owners import owned_key
from server.registry import LoadedSpace
from server.store import Store, StoredLatent, vector_bytes
from server.tasks.base import Network
from server.uploads import Upload


def embed_once(
    store: Store, space: LoadedSpace, upload: Upload, network: Network, name: str, owner: str | None = None
) -> tuple[StoredLatent, bool]:
    """The file's latent, and whether it is new: a file that its owner has embedded before is not embedded again."""
    known = store.find_file(space.id, space.identity, owned_key(upload.sha256, owner))
    return (known, False) if known else store.add(embed_upload(space, upload, network, name, owner))


def embed_upload(
    space: LoadedSpace, upload: Upload, network: Network, name: str, owner: str | None = None
) -> StoredLatent:
    """Embeds and draws the network that was read from the upload; nothing is stored yet.

    Raises what the task's `embed` raises, and NonFiniteValues.
    """
    arch, theta = network
    found = space.task.embed(arch, theta)
    if not torch.isfinite(found.z).all():
        raise NonFiniteValues(f"expected a network with finite outputs, got {arch.name} whose latent is not finite")
    x, y = space.gallery.position(found.z)
    return StoredLatent(
        space=space.id,
        model=space.identity,
        sha256=owned_key(upload.sha256, owner),
        owner=owner,
        name=name,
        architecture=arch.to_json(),
        iou=found.iou,
        represented=found.represented,
        verdict=found.verdict,
        x=x,
        y=y,
        properties=found.properties,
        vector=vector_bytes(found.z),
        network=network_bytes(arch, theta, "safetensors"),
        picture=found.picture,
    )
