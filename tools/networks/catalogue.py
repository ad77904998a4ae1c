"""The networks that race: how each is built, what it reads, and its random weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from classifiers import (
    CLASSES,
    EFFICIENTNET_LITE0,
    googlenet,
    mobilenet_v1,
    mobilenet_v2,
    resnet50,
    squeezenet11,
    vgg16,
)
from scenes import DeepLab, YoloV3Tiny, style
from sequences import Decoder, Encoder, Recurrent
from torch import Tensor, nn

Inputs = tuple[Tensor, ...]
MakeInputs = Callable[[torch.Generator], Inputs]


@dataclass(frozen=True)
class Network:
    """inputs: new ones from a generator.  outputs: how many.  without: formats it is not exported to, and why."""

    build: Callable[[], nn.Module]
    inputs: MakeInputs
    outputs: int = 1
    without: Mapping[str, str] = field(default_factory=dict)


def picture(size: int) -> MakeInputs:
    return lambda random: (torch.randn(1, 3, size, size, generator=random),)


def tokens(length: int, vocabulary: int = 30522) -> MakeInputs:
    return lambda random: (torch.randint(0, vocabulary, (1, length), generator=random, dtype=torch.int32),)


def steps(random: torch.Generator) -> Inputs:
    return (torch.randn(1, 100, 128, generator=random),)


def token_and_cache(random: torch.Generator) -> Inputs:
    """The 128th token after 127 others."""
    keys, values = (torch.randn(12, 12, 127, 64, generator=random) * 0.5 for _ in range(2))
    return (*tokens(1, 50257)(random), keys, values)


UNROLLED = {"executorch": "its export writes every step of a recurrent network out, which takes more than ten minutes"}
NETWORKS: dict[str, Network] = {
    "mobilenet_v1": Network(mobilenet_v1, picture(224)),
    "mobilenet_v2": Network(mobilenet_v2, picture(224)),
    "efficientnet_lite0": Network(lambda: mobilenet_v2(EFFICIENTNET_LITE0), picture(224)),
    "resnet50": Network(resnet50, picture(224)),
    "squeezenet11": Network(squeezenet11, picture(224)),
    "googlenet": Network(googlenet, picture(224)),
    "vgg16": Network(vgg16, picture(224)),
    "yolov3_tiny": Network(YoloV3Tiny, picture(416), outputs=2),
    "deeplab_mv2": Network(lambda: DeepLab(256), picture(256)),
    "style256": Network(style, picture(256)),
    "bert_base_128": Network(lambda: Encoder(12, 768, 12), tokens(128)),
    "minilm_128": Network(lambda: Encoder(6, 384, 12), tokens(128)),
    "lstm2": Network(lambda: Recurrent(nn.LSTM), steps, without=UNROLLED),
    "gru2": Network(lambda: Recurrent(nn.GRU), steps, without=UNROLLED),
    "gpt2_decode": Network(Decoder, token_and_cache, outputs=3),
}


def prepared(network: Network, seed: int = 0) -> tuple[nn.Module, Inputs]:
    """The network with weights drawn from the seed, ready for inference, and inputs for it.

    Statistics of batch normalisation are those of two noisy pictures, so that values neither grow nor vanish with the
    depth.  Weights of the last dense layer are wide, so that probabilities differ: a wrong answer is then visible.
    """
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed + 1)
    module = network.build().requires_grad_(False)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for part in module.modules():
        _draw(part)
    if norms:
        module.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        for _ in range(2):
            module(*network.inputs(random))
    for part in module.modules():
        if isinstance(part, nn.Linear) and part.out_features == CLASSES:
            nn.init.normal_(part.weight, std=3 / math.sqrt(part.in_features))
    return module.eval(), network.inputs(random)


def _draw(part: nn.Module) -> None:
    """Random weights where PyTorch's own are too even or too small; dense and recurrent layers keep PyTorch's."""
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_in", nonlinearity="relu")
        if part.bias is not None:
            nn.init.normal_(part.bias, std=0.05)
    elif isinstance(part, nn.BatchNorm2d | nn.InstanceNorm2d | nn.LayerNorm):
        nn.init.uniform_(part.weight, 0.8, 1.2)
        nn.init.normal_(part.bias, std=0.1)
    elif isinstance(part, nn.Embedding):
        nn.init.normal_(part.weight, std=0.05)
