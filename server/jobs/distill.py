"""What a `distill` job needs beside its start: images, and a teacher out of the gallery or the uploads."""

from typing import Any

from torch import Tensor

from netspace.archs import Architecture
from netspace.checkpoint import read_network
from netspace.distill import Distill, DistillConfig, Teacher
from netspace.errors import BadObjective, UnknownName
from netspace.evaluate_classifiers import sample
from server.jobs.schemas import DistillIn
from server.jobs.store import JobStore
from server.jobs.tables import Job
from server.latents import Latent, Latents, gallery_id
from server.registry import LoadedSpace
from server.store import vector_from


def best_of_gallery(space: LoadedSpace) -> str:
    """Id of the gallery's most accurate network whose weights ship. Raises BadObjective where none does."""
    known = [entry for entry in space.gallery.entries if entry.id in space.gallery.networks]
    if not known:
        raise BadObjective(
            f"teacher: the gallery of {space.id!r} ships no weights; upload a network and name its latent"
        )
    return gallery_id(space, max(known, key=lambda entry: float(entry.properties.get("accuracy", 0.0))).id)


def asked_teacher(asked: DistillIn, start: Latent, latents: Latents) -> str:
    """Id of the teacher. Raises what is wrong with it, and ImagesMissing."""
    space = start.space
    teacher = latents.find(asked.teacher or best_of_gallery(space))
    arch, _ = latents.network(teacher)
    if not space.task.reads(arch):
        raise BadObjective(f"teacher: expected a classifier of the images that {space.id!r} is for, got {arch.name}")
    space.images.data(arch)
    return teacher.id


def _network(space: LoadedSpace, jobs: JobStore, latent_id: str) -> tuple[Architecture, Tensor]:
    shipped = latent_id.removeprefix(f"{space.id}.")
    if shipped in space.gallery.networks:
        return space.gallery.architecture(shipped), space.gallery.networks[shipped].float()
    content = jobs.network(latent_id)
    if not content:
        raise UnknownName(f"teacher: no network of latent {latent_id!r} is kept any more")
    return read_network(content)


def distillation(job: Job, space: LoadedSpace, jobs: JobStore) -> Distill:
    """The objective of a job that was accepted. Raises ImagesMissing and UnknownName where that has changed since."""
    assert job.start_vector is not None
    assert job.teacher is not None
    request: dict[str, Any] = job.request
    arch = space.decoded_architecture(vector_from(job.start_vector))
    data = space.images.data(arch)
    teacher_arch, theta = _network(space, jobs, job.teacher)
    teacher = Teacher(teacher_arch, theta.to(space.space.device), data.train)
    names = ("images", "temperature", "class_id", "seed")
    config = DistillConfig(**{name: request[name] for name in names})
    return Distill(space.space, arch, data.train, teacher, sample(data.val, request["validation"]), config)
