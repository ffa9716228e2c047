"""The labelled images that classifiers are evaluated on: optional, and read when they are first needed."""

import threading
from pathlib import Path

import structlog

from netspace.archs import Architecture
from netspace.data.images import ImageData, ImageSet, how_to_get, load_images
from netspace.errors import BadImages
from netspace.evaluate_classifiers import sample
from server.errors import ImagesMissing


class Images:
    """A folder of images; `count` of its test images, evenly spaced, are the evaluation set. Safe from any thread."""

    def __init__(self, folder: Path | None = None, count: int = 1000) -> None:
        self.folder, self.count = folder, count
        self._lock = threading.Lock()
        self._read: dict[int, ImageData | BadImages] = {}

    def data(self, arch: Architecture) -> ImageData:
        """All images that networks of `arch` can look at. Raises ImagesMissing, which says how to get them."""
        if self.folder is None:
            raise ImagesMissing(
                "this needs labelled images, and the service was started without any: set NETSPACE_IMAGES to a folder "
                f"of them; {how_to_get(Path('images/cifar10'))}"
            )
        found, classes = self._of_size(arch.in_shape[-1]), getattr(arch, "classes", 0)
        if isinstance(found, BadImages):
            raise ImagesMissing(f"this needs labelled images, and those of NETSPACE_IMAGES cannot be used: {found}")
        if len(found.classes) != classes:
            raise ImagesMissing(
                f"{arch.name} needs images of {classes} classes, those of NETSPACE_IMAGES have {len(found.classes)}"
            )
        return found

    def test(self, arch: Architecture) -> ImageSet:
        """The evaluation set. Raises ImagesMissing."""
        return sample(self.data(arch).test, self.count)

    def at_hand(self, arch: Architecture) -> ImageSet | None:
        """The evaluation set, None where there is none."""
        try:
            return self.test(arch)
        except ImagesMissing:
            return None

    def _of_size(self, size: int) -> ImageData | BadImages:
        assert self.folder is not None
        with self._lock:
            if size not in self._read:
                try:
                    self._read[size] = load_images(self.folder, size)
                except BadImages as error:
                    structlog.get_logger().warning("images cannot be used", reason=str(error))
                    self._read[size] = error
            return self._read[size]
