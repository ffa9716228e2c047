"""What a caller can get wrong, one class each. `slug` names the kind in files, on the wire and in tests."""

from collections.abc import Mapping


class NetSpaceError(ValueError):
    """Base of every error a user can cause; the message says what was given and what was expected."""

    slug = "invalid-input"
    title = "Invalid input"


class NotACheckpoint(NetSpaceError):
    slug = "not-a-checkpoint"
    title = "The file is not a readable checkpoint"


class UnknownArchitecture(NetSpaceError):
    slug = "unknown-architecture"
    title = "The network is of no known architecture"


class ShapeMismatch(NetSpaceError):
    slug = "shape-mismatch"
    title = "A tensor has another shape than expected"


class NonFiniteValues(NetSpaceError):
    slug = "non-finite-values"
    title = "NaN or infinite values"


class BadShapeFile(NetSpaceError):
    slug = "bad-shape-file"
    title = "The file is no usable 3-D shape"


class EmptyLevelSet(NetSpaceError):
    slug = "empty-level-set"
    title = "The network has no surface inside the cube"


class BadImages(NetSpaceError):
    slug = "bad-images"
    title = "The folder is not a usable set of images"


class BadZoo(NetSpaceError):
    slug = "bad-zoo"
    title = "The folder is not a usable zoo"


class BadSpace(NetSpaceError):
    slug = "bad-space"
    title = "The folder is not a usable space"


class BadLatent(NetSpaceError):
    slug = "bad-latent"
    title = "The latent does not fit this space"


class BadPlace(NetSpaceError):
    """`field` is the parameter that holds the place, `terms` what was expected of each bad term, by position from 0."""

    slug = "bad-place"
    title = "The place is not a combination of latents and directions of this space"

    def __init__(self, message: str, field: str = "at", terms: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.field, self.terms = field, dict(terms or {})

    @classmethod
    def of(cls, field: str, terms: Mapping[int, str]) -> "BadPlace":
        """From what was expected of each bad term."""
        return cls("; ".join(f"{field}: term {i + 1}: {why}" for i, why in terms.items()), field, terms)


class UnknownName(NetSpaceError):
    slug = "not-found"
    title = "No such thing"


class BadObjective(NetSpaceError):
    slug = "bad-objective"
    title = "The objective cannot be served by this space"


class BadPointCloud(BadShapeFile):
    slug = "bad-point-cloud"
    title = "The points cannot be used"
