"""Random layers: the generator against its published vectors, numbers against NumPy, distributions by their moments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import MLModelError
from pyruntime.ir.ops import Categorical, Random, RandomKind, ShapeFormKind
from pyruntime.ir.ops.random import seed_words
from pyruntime.model import MLModel
from pyruntime.native import lib
from pyruntime.spec import messages

from .network import layer, model, predict, refused, refused_at_predict

MASK = 0xFFFFFFFF


def philox(counter: tuple[int, ...], key: tuple[int, int]) -> list[int]:
    """Philox4x32-10 as its paper writes it."""
    (a, b, c, d), (k0, k1) = counter, key
    for _ in range(10):
        x, y = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = y >> 32 ^ b ^ k0, y & MASK, x >> 32 ^ d ^ k1, x & MASK
        k0, k1 = k0 + 0x9E3779B9 & MASK, k1 + 0xBB67AE85 & MASK
    return [a, b, c, d]


def words(seed: int, count: int, call: int = 0) -> np.ndarray:
    blocks = [philox((i, 0, call, 0), (seed & MASK, seed >> 32)) for i in range(-(-count // 4))]
    return np.array(blocks, np.uint64).reshape(-1)[:count]


def unit(seed: int, count: int, call: int = 0) -> np.ndarray:
    return (words(seed, count, call) >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)


def normal(seed: int, count: int, call: int = 0) -> np.ndarray:
    """Box and Muller on pairs of words, in double."""
    u, v = words(seed, count + count % 2, call).astype(np.float64).reshape(-1, 2).T
    radius = np.sqrt(-2 * np.log((u + 0.5) * 2**-32))
    angle = 2 * np.pi * v * 2**-32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1).reshape(-1)[:count]


def drawn(kind: str, seed: int, shape: tuple[int, ...], **numbers: float) -> np.ndarray:
    """What a static layer gives."""
    made = layer(f"random{kind}Static", "", "y", seed=seed, outputShape=shape, **numbers)
    return predict(model({"x": (1,)}, [made], exact=True), {"x": np.zeros(1)})["y"]


def test_the_generator_has_the_published_numbers() -> None:
    """Known answers of philox4x32 with 10 rounds, from the Random123 distribution."""
    ones = (MASK,) * 4
    digits = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert philox((0, 0, 0, 0), (0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox(ones, (MASK, MASK)) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    assert philox(digits, (0xA4093822, 0x299F31D0)) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


SEEDS = [0, 7, 2**31, 2**32 + 5, 2**63 - 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_are_made_of_the_words_of_the_stream(seed: int) -> None:
    uniform = drawn("Uniform", seed, (3, 7), minVal=-2, maxVal=6)
    np.testing.assert_array_equal(uniform.ravel(), np.float32(-2) + np.float32(8) * unit(seed, 21))
    bernoulli = drawn("Bernoulli", seed, (41,), prob=0.3)
    np.testing.assert_array_equal(bernoulli, unit(seed, 41) < np.float32(0.3))
    gauss = drawn("Normal", seed, (5, 401), mean=1.5, stdDev=3)
    np.testing.assert_allclose(gauss.ravel(), 1.5 + 3 * normal(seed, 2005), rtol=0, atol=2e-6)


def test_these_numbers_never_change() -> None:
    """To the last bit, on every board: a model's answers must not depend on the release."""
    gauss = ["0x1.004c6ep-1", "-0x1.c14e78p-4", "0x1.04f6p+2", "0x1.516018p+1", "0x1.40b7f6p+0", "-0x1.09799ap+1"]
    flat = ["0x1.dd217p+0", "0x1.401decp+0", "-0x1.509fa4p-1", "-0x1.7c6df8p-1", "0x1.c45d5p-3", "0x1.62c734p+0"]
    assert drawn("Normal", 7, (6,), mean=0.5, stdDev=2).tolist() == [float.fromhex(v) for v in gauss]
    assert drawn("Uniform", 7, (6,), minVal=-1, maxVal=2).tolist() == [float.fromhex(v) for v in flat]


RANDOM = {
    "normal": Random(RandomKind.NORMAL, ShapeFormKind.LIKE, *seed_words(3), 0.0, 1.0),
    "uniform": Random(RandomKind.UNIFORM, ShapeFormKind.LIKE, *seed_words(3), -1.0, 1.0),
    "bernoulli": Random(RandomKind.BERNOULLI, ShapeFormKind.LIKE, *seed_words(3), 0.5, 0.0),
    "categorical": Categorical(50, True, *seed_words(3), 0.0, 0.5),
}


@pytest.mark.parametrize("op", RANDOM.values(), ids=RANDOM)
def test_levels_and_threads_do_not_change_a_bit(op: Any) -> None:
    x = np.random.default_rng(0).normal(size=(300, 401)).astype(np.float32)
    answers = []
    for level in range(len(lib.cpu_levels())):
        for threads in (1, 2, 3):
            context = lib.Context(threads=threads, levels=(1 << (level + 1)) - 1)
            answers.append(lib.run_once(op, "layer", [x], 1, context)[0])
    for other in answers[1:]:
        np.testing.assert_array_equal(answers[0], other)


@pytest.mark.parametrize("kind", ["Normal", "Uniform", "Bernoulli"])
def test_ten_moments(kind: str) -> None:
    """To three deviations of the moment's own error."""
    count = 1_000_000
    numbers = {"Normal": {"stdDev": 1}, "Uniform": {"maxVal": 1}, "Bernoulli": {"prob": 0.4}}[kind]
    y = drawn(kind, 42, (count,), **numbers).astype(np.float64)

    def moment(k: int) -> float:
        if kind == "Normal":
            return 0.0 if k % 2 else float(math.prod(range(1, k, 2)))
        return 1 / (k + 1) if kind == "Uniform" else 0.4

    for k in range(1, 11):
        error = math.sqrt((moment(2 * k) - moment(k) ** 2) / count)
        assert abs((y**k).mean() - moment(k)) < 3 * error, f"moment {k}"


def test_neighbours_in_a_stream_are_independent() -> None:
    y = drawn("Normal", 1, (400_000,), stdDev=1).astype(np.float64)
    for lag in (1, 2, 3, 4, 5, 64):
        assert abs((y[:-lag] * y[lag:]).mean()) < 4 / math.sqrt(y.size)
        assert abs((y[:-lag] ** 2 * y[lag:] ** 2).mean() - 1) < 4 * math.sqrt(8 / y.size)


@pytest.mark.parametrize("rank", range(1, 6))
@pytest.mark.parametrize("kind", ["randomNormalLike", "randomUniformLike", "randomBernoulliLike"])
def test_like_takes_the_shape_of_its_input(kind: str, rank: int) -> None:
    shape = (2, 3, 4, 2, 3)[:rank]
    numbers = {"stdDev": 2} if "Normal" in kind else {"minVal": 1, "maxVal": 3} if "Uniform" in kind else {"prob": 0.5}
    spec = model({"x": shape}, [layer(kind, seed=9, **numbers)], exact=True)
    y = predict(spec, {"x": np.zeros(shape)})["y"]
    assert y.shape == shape
    static = drawn(kind.removeprefix("random").removesuffix("Like"), 9, shape, **numbers)
    np.testing.assert_array_equal(y, static)


@pytest.mark.parametrize("kind", ["randomNormalDynamic", "randomUniformDynamic", "randomBernoulliDynamic"])
def test_dynamic_takes_its_shape_from_numbers(kind: str) -> None:
    numbers = {"stdDev": 2} if "Normal" in kind else {"minVal": 1, "maxVal": 3} if "Uniform" in kind else {"prob": 0.5}
    loaded = MLModel(model({"x": (3,)}, [layer(kind, seed=9, **numbers)], exact=True))
    for shape in [(2, 3, 4), (1, 1, 1), (50, 40, 3), (2, 3, 4), (2, 0, 4)]:
        y = loaded.predict({"x": np.array(shape, np.float32)})["y"]
        static = drawn(kind.removeprefix("random").removesuffix("Dynamic"), 9, shape, **numbers)
        np.testing.assert_array_equal(y, static)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((2, -1), ("size 1", "-1")), ((2.5, 1), ("size 0", "2.5")), ((np.inf, 1), ("inf",)), ((1e9, 1e9), ("too large",))],
)
def test_shapes_that_are_none_are_refused(shape: Any, words: tuple[str, ...]) -> None:
    spec = model({"x": (2,)}, [layer("randomNormalDynamic", seed=1, stdDev=1)], exact=True)
    with pytest.raises(MLModelError) as caught:
        predict(spec, {"x": np.array(shape, np.float32)})
    assert all(word in str(caught.value) for word in ("the randomNormalDynamic", *words)), caught.value


def test_a_seed_gives_the_same_numbers_in_every_prediction_and_every_load() -> None:
    layers = [
        layer("randomNormalLike", "x", "a", seed=4, stdDev=1),
        layer("randomNormalLike", "x", "b", seed=4, stdDev=1),
    ]
    spec = model({"x": (100,)}, layers, ["a", "b"], exact=True)
    loaded, features = MLModel(spec), {"x": np.zeros(100)}
    first = loaded.predict(features)
    for other in (loaded.predict(features), MLModel(spec).predict(features)):
        np.testing.assert_array_equal(other["a"], first["a"])
        np.testing.assert_array_equal(other["b"], first["b"])
    assert abs(np.corrcoef(first["a"], first["b"])[0, 1]) < 0.5, "layers with one seed take parts of its stream in turn"


@pytest.mark.parametrize("seed", [-1, -5])
def test_a_seed_below_0_is_fresh_every_time(seed: int) -> None:
    spec = model({"x": (100,)}, [layer("randomNormalLike", seed=seed, stdDev=1)], exact=True)
    loaded, features = MLModel(spec), {"x": np.zeros(100)}
    y = [loaded.predict(features)["y"], loaded.predict(features)["y"], MLModel(spec).predict(features)["y"]]
    assert not any((a == b).any() for a, b in [(y[0], y[1]), (y[0], y[2]), (y[1], y[2])])


def test_constants_do_not_make_a_random_layer_constant() -> None:
    """Its input is a constant, but its numbers are not to be kept."""
    loaded = MLModel(
        model({"x": (1,)}, [layer("randomUniformStatic", "", "y", seed=-1, maxVal=1, outputShape=[9])], exact=True)
    )
    assert (loaded.predict({"x": np.zeros(1)})["y"] != loaded.predict({"x": np.zeros(1)})["y"]).all()


def test_bounds_of_the_uniform_distribution() -> None:
    y = drawn("Uniform", 1, (1_000_000,), minVal=1, maxVal=np.float32(1 + 2**-22))
    assert set(np.unique(y)) == {1, np.float32(1 + 2**-23)}, "the upper bound is left out"
    assert (drawn("Uniform", 1, (5,), minVal=3, maxVal=3) == 3).all()
    assert (drawn("Normal", 1, (5,), mean=3, stdDev=0) == 3).all()
    assert (drawn("Bernoulli", 1, (1000,), prob=1) == 1).all()
    assert (drawn("Bernoulli", 1, (1000,), prob=0) == 0).all()


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


OPTIONS = [
    (True, 0.0, 1.0),
    (True, 0.0, 0.5),
    (True, 0.0, 4.0),
    (False, 1e-10, 1.0),
    (False, 0.05, 1.0),
    (False, 0.0, 2.0),
]


@pytest.mark.parametrize(("is_logits", "eps", "temperature"), OPTIONS)
@pytest.mark.parametrize("lead", [(), (2,), (2, 1, 3)])
def test_categorical_draws_in_proportion(
    lead: tuple[int, ...], is_logits: bool, eps: float, temperature: float
) -> None:
    classes, samples = 10, 20_000
    x = np.random.default_rng(5).normal(size=(*lead, classes))
    if not is_logits:
        x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    made = layer("categoricalDistribution", seed=42, numSamples=samples, isLogits=is_logits, eps=eps,
                 temperature=temperature)  # fmt: skip
    y = predict(model({"x": x.shape}, [made], exact=True), {"x": x})["y"]
    assert y.shape == (*lead, samples)
    weights = np.exp(x / temperature) if is_logits else (x + eps) ** (1 / temperature)
    p = (weights / weights.sum(-1, keepdims=True)).reshape(-1, classes)
    for row, draws in zip(p, y.reshape(-1, samples), strict=True):
        counts = np.bincount(draws.astype(int), minlength=classes)
        assert chi_square(counts, row * samples) < 33.7, "one in 10,000 for 9 degrees of freedom"


def test_categorical_on_the_borders() -> None:
    def draws(x: Any, **options: Any) -> np.ndarray:
        made = layer("categoricalDistribution", seed=1, numSamples=1000, **options)
        return predict(model({"x": np.shape(x)}, [made], exact=True), {"x": np.array(x)})["y"]

    assert set(draws([0, 0.5, 0, 0.5])) == {1, 3}, "a probability of 0 is never drawn"
    assert set(draws([-3e38, 3e38, -3e38], isLogits=True)) == {1}
    assert set(draws([5.0], isLogits=True)) == {0}
    assert set(draws([0, 1e-30, 1], temperature=1e-3)) == {2}
    assert set(draws([0, 0], eps=1.0)) == {0, 1}


@pytest.mark.parametrize(
    ("x", "word"), [([0.5, -0.5], "-0.5"), ([0.0, 0.0], "no class"), ([np.inf, 1.0], "inf")]
)  # fmt: skip
def test_probabilities_that_are_none_are_refused(x: list[float], word: str) -> None:
    spec = model({"x": (2,)}, [layer("categoricalDistribution", seed=1, numSamples=3)], exact=True)
    refused_at_predict(spec, {"x": np.array(x)}, "the categoricalDistribution", word, error=MLModelError)


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "negative deviation": (layer("randomNormalLike", stdDev=-1), ("stdDev", "-1")),
    "infinite mean": (layer("randomNormalStatic", "", outputShape=[2], mean=np.inf), ("mean", "inf")),
    "range backwards": (layer("randomUniformLike", minVal=2, maxVal=1), ("minVal", "2.0")),
    "probability of 2": (layer("randomBernoulliLike", prob=2), ("prob", "2")),
    "no shape": (layer("randomBernoulliStatic", "", prob=0.5), ("outputShape",)),
    "nine axes": (layer("randomUniformStatic", "", outputShape=[1] * 9), ("outputShape",)),
    "huge": (layer("randomUniformStatic", "", outputShape=[2**62, 2]), ("the randomUniformStatic", "outputShape")),
    "an input too many": (layer("randomUniformStatic", "x", outputShape=[2]), ("input", "0")),
    "no input": (layer("randomNormalDynamic", ""), ("input", "1")),
    "no samples": (layer("categoricalDistribution"), ("numSamples", "0")),
    "samples below 0": (layer("categoricalDistribution", numSamples=-3), ("numSamples", "-3")),
    "more samples than 32 bits": (layer("categoricalDistribution", numSamples=2**40), ("categorical", "32 bits")),
    "negative temperature": (layer("categoricalDistribution", numSamples=1, temperature=-1), ("temperature", "-1")),
    "negative eps": (layer("categoricalDistribution", numSamples=1, eps=-1), ("eps", "-1")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 3)}, [bad], exact=True), *words)


def test_more_memory_than_the_limit_is_refused() -> None:
    made = layer("randomUniformStatic", "", "y", seed=1, maxVal=1, outputShape=[1 << 20, 1 << 10])
    with pytest.raises(MLModelError, match="limit is"):
        MLModel(
            model({"x": (1,)}, [made], exact=True), configuration=MLModelConfiguration(memory_limit=1 << 28)
        ).predict({"x": np.zeros(1)})


def test_in_a_loop_every_iteration_has_other_numbers() -> None:
    body = [layer("randomNormalLike", "x", "r", seed=3, stdDev=1), layer("add", "v r", "w"), layer("copy", "w", "v")]
    layers = [
        layer("copy", "x", "v"),
        layer("loop", "", "", maxLoopIterations=3, bodyNetwork=messages.NeuralNetwork(layers=body)),
        layer("activation", "v", "y", linear={"alpha": 1}),
    ]
    loaded, features = MLModel(model({"x": (40,)}, layers, exact=True)), {"x": np.zeros(40)}
    first = loaded.predict(features)["y"]
    np.testing.assert_allclose(first, sum(normal(3, 40, call) for call in range(3)), atol=2e-6)
    np.testing.assert_array_equal(loaded.predict(features)["y"], first)
