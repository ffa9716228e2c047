"""Architecture specs: frozen descriptions that hold no weights, their registry, and `recognise`."""

from netspace.archs.recognise import recognise
from netspace.archs.registry import Architecture, architecture_from_json
from netspace.archs.siren import Siren

__all__ = ["Architecture", "Siren", "architecture_from_json", "recognise"]
