"""Architecture specs: frozen descriptions that hold no weights, their registry, and `recognise`."""

from netspace.archs.classifier import Classifier
from netspace.archs.lenet import LeNetLike
from netspace.archs.recognise import recognise
from netspace.archs.registry import Architecture, architecture_from_json
from netspace.archs.resnet import ResNet, fold_batchnorm
from netspace.archs.siren import Siren
from netspace.archs.vanilla import VanillaCNN

__all__ = [
    "Architecture",
    "Classifier",
    "LeNetLike",
    "ResNet",
    "Siren",
    "VanillaCNN",
    "architecture_from_json",
    "fold_batchnorm",
    "recognise",
]
