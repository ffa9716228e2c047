"""torchvision, where it is built for another PyTorch than the one installed (its wheels are made for CUDA) as well."""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType

import torch

from netspace.errors import BadImages

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""Operators that importing torchvision refers to, and that data sets do not need."""


@cache
def _operators() -> torch.library.Library:
    """Declares them; they last as long as what is returned."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        library.define(schema)
    return library


def torchvision_datasets() -> ModuleType:
    """`torchvision.datasets`. Raises BadImages where torchvision is not installed."""
    try:
        return import_module("torchvision.datasets")
    except ImportError as error:
        raise BadImages(f"torchvision is not installed: pip install --no-deps torchvision ({error})") from error
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import has left
    _operators()
    return import_module("torchvision.datasets")
