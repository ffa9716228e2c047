"""Where a request points to: one latent, or a place made of several."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from netspace.compare import likeness
from netspace.errors import BadLatent
from netspace.mesh import Solidity, network_grid
from netspace.places import Place, is_place
from server.errors import DifferentSpaces
from server.latents import Latents
from server.networks import Line, LineOf, line_through, weights_between
from server.owners import owned_key
from server.registry import LoadedSpace
from server.schemas.lines import WhereIn
from server.store import Store, StoredLatent, place_key, vector_bytes

RESOLUTION = 64
"""Grid on which two networks are compared."""


@dataclass(frozen=True)
class Spot:
    """z [D] in a space, as the client wrote it."""

    space: LoadedSpace
    z: Tensor
    text: str
    entry: str | None = None
    """The network of the gallery that it is, if it is one."""


@dataclass(frozen=True)
class Comparison:
    """Of two decoded networks: how alike their solids are, their volumes, and their latents' Euclidean distance."""

    iou: float
    chamfer: float
    f_score: float
    volume_a: float
    volume_b: float
    latent_distance: float


def spot_at(latents: Latents, text: str, space_id: str | None = None, field: str = "at") -> Spot:
    """Where a place lies; `space_id` is where it should. Raises BadPlace and UnknownName, which name the term, and
    DifferentSpaces."""
    place = Place.parse(text, field)
    found = place.look_up(latents.find)
    space = next(iter(found.values())).space
    spaces = {latent.space.id for latent in found.values()} | ({space_id} if space_id is not None else set())
    if len(spaces) > 1:
        raise DifferentSpaces(f"{field}: expected latents of one space, got {sorted(spaces)}")
    z = place.at({name: latent.vector for name, latent in found.items()}, space.directions, space.space.blend)
    if not bool(torch.isfinite(z).all()):
        raise BadLatent(f"{field}: expected a place of finite numbers")
    return Spot(space, z, str(place))


def spot_of(latents: Latents, text: str, field: str) -> Spot:
    """A latent's id or a place."""
    if is_place(text):
        return spot_at(latents, text, field=field)
    latent = latents.find(text)
    return Spot(latent.space, latent.vector, latent.id, latent.key if latent.origin == "gallery" else None)


def two_spots(latents: Latents, a: str, b: str) -> tuple[Spot, Spot]:
    """Raises DifferentSpaces as well."""
    first, last = spot_of(latents, a, "a"), spot_of(latents, b, "b")
    if first.space.id != last.space.id:
        raise DifferentSpaces(f"expected two latents of one space, got {first.space.id!r} and {last.space.id!r}")
    return first, last


def line_between(latents: Latents, a: str, b: str, of: LineOf) -> Line:
    """From one latent or place to another; through raw weights between two latents only, since places have none."""
    if of == "weights":
        return weights_between(latents, a, b)
    first, last = two_spots(latents, a, b)
    entries = None if first.entry is None or last.entry is None else (first.entry, last.entry)
    return Line(first.space, first.z, last.z, None, entries)


def line_to(latents: Latents, asked: WhereIn) -> Line:
    """The line from a to b, or the one that stays at a place."""
    if asked.at is not None:
        spot = spot_at(latents, asked.at)
        return line_through(spot.space, spot.z)
    assert asked.a is not None
    assert asked.b is not None
    return line_between(latents, asked.a, asked.b, asked.of)


def keep(store: Store, spot: Spot, name: str, owner: str | None = None) -> tuple[StoredLatent, bool]:
    """The place as a latent of its own, and whether it is new: the same place of the same name is kept once."""
    key = owned_key(place_key(spot.z, name), owner)
    known = store.find_file(spot.space.id, spot.space.identity, key)
    return (known, False) if known else store.add(_latent_of(spot, name, key, owner))


def _latent_of(spot: Spot, name: str, key: str, owner: str | None) -> StoredLatent:
    task, (arch, theta) = spot.space.task, line_through(spot.space, spot.z).network(0.0)
    x, y = spot.space.gallery.position(spot.z)
    return StoredLatent(
        space=spot.space.id,
        model=spot.space.identity,
        sha256=key,
        name=name,
        architecture=arch.to_json(),
        iou=1.0,
        represented=True,
        verdict="A place of the space: its network is a decoded one.",
        x=x,
        y=y,
        properties={**task.describe(spot.z, arch, theta), "at": spot.text},
        vector=vector_bytes(spot.z),
        origin="place",
        owner=owner,
        network=b"",
        picture=task.draw(arch, theta),
    )


@torch.no_grad()
def compare(a: Spot, b: Spot) -> Comparison:
    """Of the networks that two spots of one space decode to. Raises NotAShape."""
    a.space.task.check_shapes()
    first, last = (network_grid(*line_through(spot.space, spot.z).network(0.0), RESOLUTION) for spot in (a, b))
    like = likeness(first, last)
    return Comparison(
        **asdict(like),
        volume_a=Solidity.of(first).volume,
        volume_b=Solidity.of(last).volume,
        latent_distance=float((a.z - b.z).norm()),
    )
