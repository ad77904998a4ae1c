"""Training of the embedding: drawings of one class to one place, far from those of other classes.

The loss is a softmax over the negative squared distances between an embedding and a learned centre per class.
It is the distance that the k-NN behind the network goes by, so no normalisation layer stands between the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sticker.augment import vary
from sticker.drawings import Drawings, centred
from sticker.network import EMBEDDING, DrawingEmbedding

BATCH = 128
RATE = 3e-3  # peak of the one-cycle schedule
DECAY = 0.02
SMOOTHING = 0.1
FIRST_SHARPNESS = 8.0  # factor of the squared distances; learned further

Progress = Callable[[int, float, float], None]


def train(drawings: Drawings, *, epochs: int, seed: int, progress: Progress) -> DrawingEmbedding:
    """A trained network in eval mode.

    progress(epoch from 1, mean loss, seconds of processor time) is called after each epoch.
    The same seed gives the same network on the same machine with one thread.
    """
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    names, numbers = np.unique(drawings.labels, return_inverse=True)
    as_drawn, in_middle = as_tensor(drawings.images), as_tensor(centred(drawings.images))
    labels = torch.from_numpy(numbers)
    network, loss = DrawingEmbedding(), CentreLoss(len(names))
    decayed = {"params": list(network.parameters()), "weight_decay": DECAY}
    free = {"params": list(loss.parameters()), "weight_decay": 0.0}
    optimizer = torch.optim.AdamW([decayed, free], lr=RATE)
    steps = epochs * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.15)
    start = time.process_time()
    for epoch in range(1, epochs + 1):
        total = 0.0
        for rows in _batches(len(labels), random):
            either = torch.rand(BATCH, 1, 1, 1, generator=random) < 0.5
            images = vary(torch.where(either, as_drawn[rows], in_middle[rows]), random)
            value = loss(network(images.contiguous(memory_format=torch.channels_last)), labels[rows])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            total += value.item()
        progress(epoch, total * epochs / steps, time.process_time() - start)
    return network.eval()


class CentreLoss(nn.Module):
    """Cross-entropy of which centre is near.  Embeddings (N, D) and class numbers (N,) to one number."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(F.normalize(torch.randn(classes, EMBEDDING), dim=1))
        self.log_sharpness = nn.Parameter(torch.tensor(FIRST_SHARPNESS).log())

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        lengths = embeddings.square().sum(dim=1, keepdim=True) + self.centres.square().sum(dim=1)
        distances = lengths - 2 * embeddings @ self.centres.T
        return F.cross_entropy(-self.log_sharpness.exp() * distances, labels, label_smoothing=SMOOTHING)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    """uint8 (N, 28, 28) to float32 (N, 1, 28, 28) in 0..1."""
    return torch.from_numpy(images).float().div(255)[:, None]


def _batches(count: int, random: torch.Generator) -> Iterator[torch.Tensor]:
    """Row numbers of one epoch in random order; the rest that fills no batch waits for another epoch."""
    order = torch.randperm(count, generator=random)
    return iter(order[: count // BATCH * BATCH].split(BATCH))
