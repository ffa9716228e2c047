"""Spaces of networks: encode, decode, save, load, and the gallery that ships beside one."""

from netspace.spaces.config import SpaceConfig
from netspace.spaces.gallery import Entry, Gallery
from netspace.spaces.space import Decoded, Space
from netspace.spaces.store import load_space, save_space

__all__ = ["Decoded", "Entry", "Gallery", "Space", "SpaceConfig", "load_space", "save_space"]
