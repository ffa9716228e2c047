"""From a checkpoint's content to (Architecture, theta)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from netspace.archs.recognise_classifier import recognise_classifier
from netspace.archs.registry import Architecture
from netspace.archs.siren import recognise_siren
from netspace.errors import UnknownArchitecture

WRAPPERS = ("state_dict", "model_state_dict", "model", "mlp", "net", "network", "module", "weights")
PREFIXES = ("module.", "_orig_mod.")


def unwrap(content: Any) -> dict[str, Tensor]:
    """A plain state dict, or the one held under a usual key; `module.` prefixes are removed."""
    for _ in range(4):
        if not isinstance(content, Mapping):
            raise UnknownArchitecture(f"expected a state dict (names to tensors), got {type(content).__name__}")
        inner = [key for key in WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = content[inner[0]]
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UnknownArchitecture(
            f"expected a state dict, got a dict of {sorted(map(str, content))[:8]} with no tensor"
        )
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def recognise(content: Any) -> tuple[Architecture, Tensor]:
    """Checkpoint content (as loaded with weights_only) -> (Architecture, theta [P] float32 on the CPU).

    The content may be a state dict, hold one under a usual key ("state_dict", "model", "mlp", ...), and name
    its SIREN frequency as `omega` (30 otherwise: it is not visible in the weights). What has a convolution is a
    classifier, whose batch norm is folded. Raises UnknownArchitecture, NonFiniteValues.
    """
    state = unwrap(content)
    if any(tensor.ndim == 4 for tensor in state.values()):
        return recognise_classifier(state)
    omega = content.get("omega", 30.0) if isinstance(content, Mapping) else 30.0
    if not isinstance(omega, (int, float)):
        raise UnknownArchitecture(f"omega: expected a number, got {type(omega).__name__}")
    try:
        frequency = float(omega)
    except OverflowError as error:
        raise UnknownArchitecture("omega: expected a number, got one beyond floating point") from error
    return recognise_siren(state, omega=frequency)
