"""Training in miniature."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def losses(objective: nn.Module, batch: Any, parameters: Iterable[nn.Parameter], lr: float, steps: int) -> list[float]:
    """The loss before each of so many of Adam's steps on one batch."""
    optimiser, found = torch.optim.Adam(parameters, lr=lr), []
    for _ in range(steps):
        loss = objective(batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    return found
