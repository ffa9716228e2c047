"""Sets of images: read from every layout, split, kept decoded, normalised and augmented."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from netspace.data import images as images_module
from netspace.data.images import ImageSet, augmented, download_cifar10, load_images, normalised
from netspace.data.vision import torchvision_datasets
from netspace.errors import BadImages


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (32, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten training images, each of its own grey level, and two test images, of the classes cat and dog."""
    for i in range(10):
        picture(tmp_path / "train" / ("cat" if i < 5 else "dog") / f"{i}.png", (20 * i,) * 3)
    picture(tmp_path / "test" / "cat" / "a.png", (255, 0, 0))
    picture(tmp_path / "test" / "dog" / "b.png", (0, 255, 0))
    return tmp_path


def levels(images: ImageSet) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def test_an_image_folder_is_read_with_the_last_fifth_of_a_fixed_order_for_validation(folder: Path) -> None:
    data = load_images(folder)
    assert (len(data.train), len(data.val), len(data.test)) == (8, 2, 2)
    assert data.classes == ("cat", "dog")
    assert data.size == 32
    assert sorted(levels(data.train) + levels(data.val)) == [20 * i for i in range(10)]
    assert levels(data.train) != sorted(levels(data.train))
    for part in (data.train, data.val):
        assert part.images.dtype == torch.uint8
        assert part.labels.tolist() == [int(level >= 100) for level in levels(part)]
    assert data.test.images[:, :, 5, 7].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert data.test.labels.tolist() == [0, 1]


def test_the_second_time_nothing_is_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_images(folder)
    monkeypatch.setattr(images_module, "_decoded", None)
    second = load_images(folder)
    for split in ("train", "val", "test"):
        assert torch.equal(getattr(first, split).images, getattr(second, split).images)
        assert torch.equal(getattr(first, split).labels, getattr(second, split).labels)
    assert second.classes == first.classes


def test_a_new_image_is_seen(folder: Path) -> None:
    load_images(folder)
    picture(folder / "train" / "dog" / "new.png", (7, 7, 7))
    data = load_images(folder)
    assert len(data.train) + len(data.val) == 11


def test_a_damaged_cache_is_made_anew(folder: Path) -> None:
    load_images(folder)
    (folder / "images-32.safetensors").write_bytes(b"half")
    assert len(load_images(folder).train) == 8
    assert len((folder / "images-32.safetensors").read_bytes()) > 10_000


def test_images_of_other_sizes_are_scaled_and_cropped(folder: Path) -> None:
    picture(folder / "train" / "cat" / "wide.jpg", (200, 100, 50), size=(80, 40))
    Image.new("L", (64, 64), 77).save(folder / "train" / "cat" / "grey.png")
    assert load_images(folder).train.images.shape[1:] == (3, 32, 32)
    assert load_images(folder, 64).train.images.shape[1:] == (3, 64, 64)


def test_tiny_imagenets_own_layout_is_read_by_its_annotations(tmp_path: Path) -> None:
    for i, name in enumerate(("n01", "n02", "n03")):
        for j in range(5):
            picture(tmp_path / "train" / name / "images" / f"{name}_{j}.JPEG", (60 * i, 0, 0), (64, 64))
        (tmp_path / "train" / name / f"{name}_boxes.txt").write_text("n01_0.JPEG\t0\t0\t1\t1\n")
    for number, colour in ((0, 100), (1, 50), (2, 0)):
        picture(tmp_path / "val" / "images" / f"val_{number}.JPEG", (0, colour, 0), (64, 64))
    lines = ["val_0.JPEG\tn03\t0\t0\t62\t57", "val_1.JPEG\tn01\t1\t2\t3\t4", "val_2.JPEG\tn02\t1\t2\t3\t4"]
    (tmp_path / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    picture(tmp_path / "test" / "images" / "test_0.JPEG", (1, 1, 1), (64, 64))
    data = load_images(tmp_path, 64)
    assert (len(data.train), len(data.val), len(data.test)) == (12, 3, 3)
    assert data.classes == ("n01", "n02", "n03")
    assert data.test.labels.tolist() == [2, 0, 1]
    assert data.test.images[:, 1, 30, 30].tolist() == pytest.approx([100, 50, 0], abs=3)


def test_an_annotation_of_an_unknown_class_is_named(folder: Path) -> None:
    (folder / "val").mkdir()
    (folder / "val" / "val_annotations.txt").write_text("val_0.JPEG\tzebra\t0\n")
    with pytest.raises(BadImages, match=r"val_annotations.txt, line 1.*zebra"):
        load_images(folder)


def test_a_missing_set_says_which_command_gets_it(tmp_path: Path) -> None:
    with pytest.raises(BadImages, match=rf"netspace images {re.escape(str(tmp_path))} --download cifar10"):
        load_images(tmp_path)


def test_a_folder_without_test_images_is_refused(folder: Path) -> None:
    for file in (folder / "test").rglob("*.png"):
        file.unlink()
    with pytest.raises(BadImages, match="expected test/<class>"):
        load_images(folder)


def test_a_class_that_is_only_tested_is_refused(folder: Path) -> None:
    picture(folder / "test" / "zebra" / "c.png", (1, 2, 3))
    with pytest.raises(BadImages, match="zebra"):
        load_images(folder)


def test_a_file_that_is_no_image_is_named(folder: Path) -> None:
    (folder / "train" / "cat" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(BadImages, match=r"broken.png: not readable as an image"):
        load_images(folder)


def test_progress_ends_at_the_number_of_images(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    load_images(folder, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)


def test_normalised_images_have_imagenets_mean_and_deviation() -> None:
    images = torch.randint(256, (4, 3, 5, 5), dtype=torch.uint8)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (images.numpy() / 255 - mean[:, None, None]) / deviation[:, None, None]
    np.testing.assert_allclose(normalised(images).numpy(), expected, atol=1e-6)
    assert torch.equal(normalised(images.reshape(2, 2, 3, 5, 5)).reshape(4, 3, 5, 5), normalised(images))


@pytest.mark.parametrize("padding", [0, 2, 4])
def test_every_augmented_image_is_a_crop_of_the_padded_one_or_of_its_mirror_image(
    padding: int, generator: torch.Generator
) -> None:
    images = torch.randint(1, 256, (40, 3, 8, 8), generator=generator, dtype=torch.uint8)
    made = augmented(images, generator, padding)
    assert (made.dtype, made.shape) == (images.dtype, images.shape)
    found = set()
    for before, after in zip(images, made, strict=True):
        padded = torch.nn.functional.pad(before, (padding,) * 4)
        matches = [
            (top, left, flipped)
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            for flipped in (False, True)
            if torch.equal(after.flip(-1) if flipped else after, padded[:, top : top + 8, left : left + 8])
        ]
        assert len(matches) == 1
        found.add(matches[0])
    assert {flipped for _, _, flipped in found} == {False, True}
    assert len(found) > (10 if padding else 1)


def test_augmentation_is_the_generators() -> None:
    images = torch.randint(256, (6, 3, 8, 8), dtype=torch.uint8)
    first, second = (augmented(images, torch.Generator().manual_seed(3), 2) for _ in range(2))
    assert torch.equal(first, second)


class Cifar:
    """Stands in for torchvision's CIFAR10."""

    classes = ("airplane", "automobile")

    def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
        assert Path(root).is_dir()
        if download:
            raise RuntimeError("no network")
        count = 10 if train else 4
        self.data = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
        self.targets = [i % 2 for i in range(count)]


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cifar-10-batches-py").mkdir()
    monkeypatch.setattr(images_module, "torchvision_datasets", lambda: SimpleNamespace(CIFAR10=Cifar))
    return tmp_path


def test_cifar10s_validation_images_are_the_last_fifth_of_its_training_set(cifar: Path) -> None:
    data = load_images(cifar)
    assert levels(data.train) == list(range(8))
    assert levels(data.val) == [8, 9]
    assert levels(data.test) == [0, 1, 2, 3]
    assert data.val.labels.tolist() == [0, 1]
    assert data.classes == ("airplane", "automobile")
    with pytest.raises(BadImages, match="32x32, expected 64x64"):
        load_images(cifar, 64)


def test_a_download_that_fails_says_so(cifar: Path) -> None:
    with pytest.raises(BadImages, match=r"could not be downloaded \(no network\)"):
        download_cifar10(cifar)


def test_without_torchvision_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "torchvision.datasets", raising=False)
    with pytest.raises(BadImages, match="pip install --no-deps torchvision"):
        torchvision_datasets()


def test_a_torchvision_built_for_another_pytorch_is_imported_once_its_operators_are_declared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import torch\n"
        "if not hasattr(torch.ops.torchvision, 'qnms'):\n"
        "    raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    (package / "datasets.py").write_text("CIFAR10 = 'it'\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    found = torchvision_datasets()
    assert isinstance(found, ModuleType)
    assert found.CIFAR10 == "it"
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
