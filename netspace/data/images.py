"""Labelled images: an image folder, Tiny-ImageNet's own layout or CIFAR-10; decoded once, then kept beside them."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from netspace.data.vision import torchvision_datasets
from netspace.errors import BadImages
from netspace.files import atomic_path

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of red, green and blue in [0, 1]."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
CIFAR = "cifar-10-batches-py"
"""The folder that torchvision unpacks CIFAR-10 into."""
ANNOTATIONS = "val_annotations.txt"
"""Tiny-ImageNet's file of the validation images' classes."""

Progress = Callable[[int, int], None]
Labelled = list[tuple[Path, int]]


@dataclass(frozen=True)
class ImageSet:
    """images uint8 [N, 3, S, S], labels int64 [N] as indices into `classes`."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Tensor | slice) -> "ImageSet":
        return ImageSet(self.images[rows], self.labels[rows], self.classes)

    def to(self, device: torch.device | str) -> "ImageSet":
        return ImageSet(self.images.to(device), self.labels.to(device), self.classes)


@dataclass(frozen=True)
class ImageData:
    """A data set: what networks are trained on, chosen by and reported on."""

    train: ImageSet
    val: ImageSet
    test: ImageSet

    @property
    def classes(self) -> tuple[str, ...]:
        return self.train.classes

    @property
    def size(self) -> int:
        """Pixels a side."""
        return self.train.images.shape[-1]


def normalised(images: Tensor) -> Tensor:
    """uint8 [..., 3, S, S] -> float32, of mean 0 and deviation 1 in each colour over ImageNet."""
    mean, deviation = (torch.tensor(x, device=images.device)[:, None, None] for x in (MEAN, DEVIATION))
    return (images.float() / 255 - mean) / deviation


def augmented(images: Tensor, generator: torch.Generator, padding: int) -> Tensor:
    """A random crop after padding by black pixels (the paper: 4 for CIFAR-10, 8 for Tiny-ImageNet), and a random flip.

    [N, 3, S, S] of any type -> the same; `generator` lives on the CPU. Each image has its own crop and flip.
    """
    count, channels, size, _ = images.shape
    shifts = torch.randint(2 * padding + 1, (2, count, 1), generator=generator)
    flips = torch.randint(2, (count, 1), generator=generator).bool()
    steps = torch.arange(size)
    rows, columns = shifts[0] + steps, shifts[1] + torch.where(flips, size - 1 - steps, steps)
    wide = size + 2 * padding
    places = (rows[:, :, None] * wide + columns[:, None, :]).flatten(1).to(images.device)
    padded = torch.nn.functional.pad(images, (padding,) * 4).flatten(2)
    picked = padded.gather(2, places[:, None, :].expand(count, channels, -1))
    return picked.reshape(images.shape)


def how_to_get(path: Path) -> str:
    return f"get CIFAR-10 with: netspace images {path} --download cifar10"


def download_cifar10(path: Path) -> None:
    """CIFAR-10 from its authors' site into `path`, by torchvision. Raises BadImages."""
    try:
        torchvision_datasets().CIFAR10(str(path), download=True)
    except (OSError, RuntimeError) as error:
        raise BadImages(f"{path}: CIFAR-10 could not be downloaded ({error})") from error


def load_images(path: Path | str, size: int = 32, progress: Progress | None = None) -> ImageData:
    """The data set in a folder, of images of `size` x `size`; others are scaled and cropped in the middle.

    The folder holds train/<class>/* and test/<class>/*, or is Tiny-ImageNet-200 as its zip unpacks, whose labelled
    validation images are the test, or CIFAR-10 as torchvision keeps it. The last fifth of the training images, in a
    fixed order, are for validation. Raises BadImages, which says how to get images, where there are none.
    """
    path = Path(path)
    if (path / CIFAR).is_dir():
        return _cifar10(path, size)
    if not (path / "train").is_dir():
        raise BadImages(f"{path}: expected train/<class>/* and test/<class>/*, found none; {how_to_get(path)}")
    train, test = _cached(path, size, progress)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    return _with_validation(train.select(order), test)


def _with_validation(train: ImageSet, test: ImageSet) -> ImageData:
    kept = len(train) - len(train) // 5
    return ImageData(train.select(slice(kept)), train.select(slice(kept, None)), test)


def _cifar10(path: Path, size: int) -> ImageData:
    if size != 32:
        raise BadImages(f"{path}: CIFAR-10 has images of 32x32, expected {size}x{size}")
    sets = []
    for train in (True, False):
        try:
            found = torchvision_datasets().CIFAR10(str(path), train=train)
        except RuntimeError as error:
            raise BadImages(f"{path / CIFAR}: not CIFAR-10 as it was published; {how_to_get(path)}") from error
        images = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
        sets.append(ImageSet(images, torch.tensor(found.targets), tuple(found.classes)))
    return _with_validation(*sets)


def _cached(path: Path, size: int, progress: Progress | None) -> tuple[ImageSet, ImageSet]:
    """(train, test) of an image folder, decoded, or as they were when no folder had changed since."""
    cache, state = path / f"images-{size}.safetensors", _state(path)
    with suppress(OSError, SafetensorError, KeyError), safe_open(cache, "pt") as file:
        metadata = file.metadata()
        if metadata["state"] == state:
            classes = tuple(json.loads(metadata["classes"]))
            train, test = (
                ImageSet(file.get_tensor(f"{split}_images"), file.get_tensor(f"{split}_labels"), classes)
                for split in ("train", "test")
            )
            return train, test
    train, test = _decoded(path, size, progress)
    tensors = {"train_images": train.images, "train_labels": train.labels}
    tensors |= {"test_images": test.images, "test_labels": test.labels}
    with suppress(OSError), atomic_path(cache) as temporary:  # a folder that cannot be written is read every time
        save_file(tensors, temporary, {"state": state, "classes": json.dumps(train.classes)})
    return train, test


def _state(path: Path) -> str:
    """Changes when a file is added to or removed from a folder of the set."""
    folders = [f for pattern in ("*", "*/*", "*/*/images") for f in path.glob(pattern) if f.is_dir()]
    return json.dumps([[str(f.relative_to(path)), f.stat().st_mtime_ns] for f in sorted(folders)])


def _decoded(path: Path, size: int, progress: Progress | None) -> tuple[ImageSet, ImageSet]:
    classes = tuple(sorted(f.name for f in (path / "train").iterdir() if f.is_dir()))
    train = _by_folder(path / "train", classes)
    annotations = path / "val" / ANNOTATIONS
    test = _annotated(annotations, classes) if annotations.exists() else _by_folder(path / "test", classes)
    for name, files in (("train", train), ("test", test)):
        if not files:
            raise BadImages(f"{path}: expected {name}/<class>/* with images, found none; {how_to_get(path)}")
    images = _read([file for file, _ in train + test], size, progress)
    labels = torch.tensor([label for _, label in train + test])
    whole = ImageSet(images, labels, classes)
    return whole.select(slice(len(train))), whole.select(slice(len(train), None))


def _images_below(folder: Path) -> Iterable[Path]:
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)


def _by_folder(folder: Path, classes: tuple[str, ...]) -> Labelled:
    others = {f.name for f in folder.glob("*") if f.is_dir()} - set(classes)
    if others:
        raise BadImages(f"{folder}: expected the classes of train, found {sorted(others)[:4]} as well")
    return [(file, label) for label, name in enumerate(classes) for file in _images_below(folder / name)]


def _annotated(annotations: Path, classes: tuple[str, ...]) -> Labelled:
    """Lines of `name<tab>class<tab>...` beside a folder `images`."""
    found, numbers = [], {name: label for label, name in enumerate(classes)}
    for number, line in enumerate(annotations.read_text().splitlines(), start=1):
        name, _, rest = line.partition("\t")
        label = numbers.get(rest.partition("\t")[0])
        if label is None:
            raise BadImages(f"{annotations}, line {number}: expected an image's name, a tab and a class, got {line!r}")
        found.append((annotations.parent / "images" / name, label))
    return found


def _read(files: list[Path], size: int, progress: Progress | None) -> Tensor:
    """uint8 [N, 3, size, size]; raises BadImages naming the file that cannot be read."""
    from PIL import Image, ImageOps

    out = np.empty((len(files), size, size, 3), np.uint8)

    def read(index: int) -> None:
        try:
            with Image.open(files[index]) as image:
                rgb = image.convert("RGB")
        except OSError as error:
            raise BadImages(f"{files[index]}: not readable as an image ({error})") from error
        out[index] = np.asarray(rgb if rgb.size == (size, size) else ImageOps.fit(rgb, (size, size)))

    with ThreadPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(read, range(len(files)), chunksize=256), start=1):
            if progress is not None and (done % 1000 == 0 or done == len(files)):
                progress(done, len(files))
    return torch.from_numpy(out).permute(0, 3, 1, 2).contiguous()
