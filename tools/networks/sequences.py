"""Networks that read sequences: transformers and recurrent networks, batch of one."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attend(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """softmax(scale Q Kᵀ) V for all heads, (1, heads, length, size) each; spelled out, as converters find it."""
    scores = torch.matmul(queries, keys.transpose(2, 3)) * scale
    return torch.matmul(torch.softmax(scores, -1), values)


class EncoderLayer(nn.Module):
    """BERT's: attention, then two dense layers with GELU, each added to its input and normalised after that."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.scale = 1 / math.sqrt(self.size)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.grow, self.shrink = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]

        def split(y: Tensor) -> Tensor:
            return y.reshape(1, length, self.heads, self.size).transpose(1, 2)

        mixed = attend(split(self.query(x)), split(self.key(x)), split(self.value(x)), self.scale)
        x = self.norm1(x + self.out(mixed.transpose(1, 2).reshape(1, length, self.heads * self.size)))
        y: Tensor = self.norm2(x + self.shrink(F.gelu(self.grow(x))))
        return y


class Encoder(nn.Module):
    """Token numbers (1, length) to vectors (1, length, width).  BERT-base and MiniLM differ in their sizes."""

    def __init__(self, layers: int, width: int, heads: int, length: int = 128, vocabulary: int = 30522) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(1, length, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList([EncoderLayer(width, heads, 4 * width) for _ in range(layers)])

    def forward(self, tokens: Tensor) -> Tensor:
        x: Tensor = self.norm(self.tokens(tokens) + self.places)
        for layer in self.layers:
            x = layer(x)
        return x


class DecoderLayer(nn.Module):
    """GPT-2's, for one token: normalised before each half; keys and values of the tokens before are given."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.scale = 1 / math.sqrt(self.size)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x: (1, 1, width).  keys, values: (1, heads, tokens before, width / heads).  Also this token's two."""

        def split(y: Tensor) -> Tensor:
            return y.reshape(1, self.heads, 1, self.size)

        y = self.norm1(x)
        query, key, value = split(self.query(y)), split(self.key(y)), split(self.value(y))
        mixed = attend(query, torch.cat([keys, key], 2), torch.cat([values, value], 2), self.scale)
        x = x + self.out(mixed.reshape(1, 1, self.heads * self.size))
        return x + self.shrink(F.gelu(self.grow(self.norm2(x)), approximate="tanh")), key, value


class Decoder(nn.Module):
    """One step of GPT-2: a token (1, 1), keys and values (layers, heads, tokens before, size) of the tokens before to
    scores (1, 1, vocabulary) and this token's keys and values.  The table of tokens is also the last dense layer."""

    def __init__(self, layers: int = 12, width: int = 768, heads: int = 12, vocabulary: int = 50257) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.place = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.layers = nn.ModuleList([DecoderLayer(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, token: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.tokens(token) + self.place
        new_keys, new_values = [], []
        for i, layer in enumerate(self.layers):
            x, key, value = layer(x, keys[i : i + 1], values[i : i + 1])
            new_keys.append(key)
            new_values.append(value)
        return F.linear(self.norm(x), self.tokens.weight), torch.cat(new_keys), torch.cat(new_values)


class Recurrent(nn.Module):
    """Two recurrent layers of 256 over (1, length, 128), and a dense layer to 64 for every step."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.layers = kind(128, 256, 2, batch_first=True)
        self.dense = nn.Linear(256, 64)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.dense(self.layers(x)[0])
        return y
