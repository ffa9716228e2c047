"""A second map of a gallery: networks that are near in the space are near on it (t-SNE), and stay where they are.

van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008: the exact method, from the principal axes on and
without chance, so that the same latents always give the same map.
"""

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from netspace.spaces.gallery import Projection

FEWEST = 8
"""Latents from which neighbourhoods mean something; fewer are shown on their principal axes."""
MOST = 500
"""Latents that are laid out at once; others are placed among them."""
NEIGHBOURS = 4
STEPS, EARLY = 600, 150
"""Steps of gradient descent, and how many of them pull neighbours together more than they should be."""


def neighbourhoods(latents: Tensor) -> Tensor:
    """latents [M, D] -> places [M, 2] in [-1, 1], the same every time."""
    start = Projection.of(latents)(latents)
    if len(latents) < FEWEST:
        return start
    rows = torch.linspace(0, len(latents) - 1, min(MOST, len(latents))).round().long()
    laid = _descend(_affinities(latents[rows].double().numpy()), start[rows].double().numpy())
    laid -= (laid.max(0) + laid.min(0)) / 2
    places = torch.from_numpy(laid / max(float(np.abs(laid).max()), 1e-9)).float()
    return places if len(rows) == len(latents) else among(latents[rows], places, latents)


def among(latents: Tensor, places: Tensor, z: Tensor) -> Tensor:
    """Where z [N, D] lie on the map of latents [M, D] at places [M, 2]: between their nearest, by inverse distance.

    One of the latents lies at its own place. [N, 2]
    """
    distance = torch.cdist(z, latents, compute_mode="donot_use_mm_for_euclid_dist")
    near, rows = distance.topk(min(NEIGHBOURS, len(latents)), largest=False)
    weight = 1 / near.clamp_min(1e-6 * float(distance.amax()) + 1e-12)
    exact = near[:, :1] <= 1e-6 * float(distance.amax())
    weight = torch.where(exact & (torch.arange(weight.shape[1]) > 0), 0.0, weight)
    return (weight[..., None] * places[rows]).sum(1) / weight.sum(1, keepdim=True)


def _affinities(x: np.ndarray) -> np.ndarray:
    """x [M, D] -> P [M, M], which sums to one: each row a Gaussian of one perplexity, made symmetric."""
    count = len(x)
    wanted = np.log(min(30.0, max(2.0, count / 6)))
    distance = cdist(x, x, "sqeuclidean")
    distance /= max(float(distance.mean()), 1e-12)
    np.fill_diagonal(distance, np.inf)
    distance -= distance.min(1, keepdims=True)
    low, high = np.full((count, 1), -20.0), np.full((count, 1), 20.0)
    for _ in range(50):  # bisection on the logarithm of each row's precision
        middle = (low + high) / 2
        rows = np.exp(-distance * np.exp(middle))
        rows /= rows.sum(1, keepdims=True)
        entropy = -(rows * np.log(np.maximum(rows, 1e-300))).sum(1, keepdims=True)
        low, high = np.where(entropy > wanted, middle, low), np.where(entropy > wanted, high, middle)
    return np.maximum((rows + rows.T) / (2 * count), 1e-15)


def _descend(p: np.ndarray, start: np.ndarray) -> np.ndarray:
    """P [M, M], start [M, 2] -> places [M, 2] whose affinities by Student's t are nearest to P."""
    y = start / max(float(start.std()), 1e-12) * 1e-2
    velocity, gain, rate = np.zeros_like(y), np.ones_like(y), max(len(p) / 12, 50.0)
    for step in range(STEPS):
        early = step < EARLY
        kernel = 1 / (1 + cdist(y, y, "sqeuclidean"))
        np.fill_diagonal(kernel, 0)
        force = ((12.0 if early else 1.0) * p - kernel / kernel.sum()) * kernel
        slope = 4 * (force.sum(1, keepdims=True) * y - force @ y)
        gain = np.maximum(np.where(np.sign(slope) == np.sign(velocity), gain * 0.8, gain + 0.2), 0.01)
        velocity = (0.5 if early else 0.8) * velocity - rate * gain * slope
        y = y + velocity
        y -= y.mean(0)
    return y
