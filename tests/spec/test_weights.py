"""Every form of a weight, against plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.errors import SpecError
from pyruntime.spec import LeanModel, load_lean_bytes, load_model_bytes, messages
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.samples import read_samples
from pyruntime.spec.weights import (
    read_floats,
    read_quantized,
    read_weights,
    unpack_bits,
    weight_form,
    write_weights,
)

from .conftest import dense_network, nearest_neighbours
from .test_files import field

RNG = np.random.default_rng(7)


def read(params: Any, shape: tuple[int, ...], **options: Any) -> Any:
    return read_weights(params, shape=shape, layer="conv1", field="weights", **options)


def model_with(weights: bytes) -> bytes:
    """A network of one inner product layer `conv1` whose WeightParams are the given bytes."""
    return b"\x08\x04" + field(500, field(1, b"\x0a\x05conv1" + field(140, field(20, weights))))


def both_readings(weights: bytes) -> list[tuple[Any, Payloads | None]]:
    """The WeightParams as the standard loader and as the lean loader give them, each with its payloads."""

    def params(model: Any) -> Any:
        return model.neuralNetwork.layers[0].innerProduct.weights

    lean = load_lean_bytes(model_with(weights))
    return [(params(load_model_bytes(model_with(weights))), None), (params(lean.spec), lean.payloads)]


def stream(values: list[int], bits: int) -> bytes:
    """The bit stream as text of zeros and ones, cut into bytes."""
    text = "".join(f"{value:0{bits}b}" for value in values)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


SIZES = [1, 40, 255, 256, 5000]  # below and above the size from which payloads are detached


@pytest.mark.parametrize("count", SIZES)
def test_float_weights_come_bit_for_bit(count: int) -> None:
    values = RNG.normal(size=count).astype(np.float32)
    values[0] = np.frombuffer(b"\x01\x00\xa0\x7f", np.float32)[0]  # a NaN with a payload
    for params, payloads in both_readings(field(1, values.tobytes())):
        assert weight_form(params) == "floatValue"
        assert read(params, (count,), payloads=payloads).tobytes() == values.tobytes()
        assert read_quantized(params, shape=(count,), layer="l", field="f", payloads=payloads) is None


def test_large_float_weights_are_not_copied() -> None:
    data = model_with(field(1, RNG.normal(size=5000).astype("<f4").tobytes()))
    lean = load_lean_bytes(data)
    array = read(lean.spec.neuralNetwork.layers[0].innerProduct.weights, (50, 100), payloads=lean.payloads)
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))
    assert not array.flags.writeable


@pytest.mark.parametrize("count", SIZES)
def test_packed_field_in_chunks_keeps_all_numbers_in_order(count: int) -> None:
    values = RNG.normal(size=count).astype("<f4")
    for cut in {0, 1, count // 2, count - 1}:
        chunks = field(1, values[:cut].tobytes()) + field(1, values[cut:].tobytes())
        for params, payloads in both_readings(chunks):
            np.testing.assert_array_equal(read(params, (count,), payloads=payloads), values)


@pytest.mark.parametrize("count", SIZES)
def test_unpacked_numbers_are_read_in_order(count: int) -> None:
    values = RNG.normal(size=count).astype("<f4")
    unpacked = b"".join(b"\x0d" + value.tobytes() for value in values)
    packed = field(1, values.tobytes())
    for weights in (unpacked, packed + unpacked, unpacked + packed, packed + unpacked + packed):
        expected = np.tile(values, weights.count(packed) + weights.count(unpacked))
        for params, payloads in both_readings(weights):
            np.testing.assert_array_equal(read(params, expected.shape, payloads=payloads), expected)


def test_weights_given_in_two_messages_are_merged_as_protobuf_does() -> None:
    first, second = (RNG.normal(size=n).astype("<f4") for n in (2000, 3000))
    weights = field(20, field(1, first.tobytes())) + field(20, field(1, second.tobytes()))
    data = b"\x08\x04" + field(500, field(1, field(140, weights)))
    lean = load_lean_bytes(data)
    array = read(lean.spec.neuralNetwork.layers[0].innerProduct.weights, (5000,), payloads=lean.payloads)
    np.testing.assert_array_equal(array, np.concatenate([first, second]))
    assert lean.to_spec() == load_model_bytes(data)


@pytest.mark.parametrize("count", SIZES)
def test_half_weights(count: int) -> None:
    values = RNG.normal(size=count).astype("<f2")
    for params, payloads in both_readings(field(2, values.tobytes())):
        np.testing.assert_array_equal(read(params, (count,), payloads=payloads), values.astype(np.float32))


def quantized(values: list[int], bits: int, **linear: list[float]) -> Any:
    params = messages.WeightParams(rawValue=stream(values, bits))
    params.quantization.numberOfBits = bits
    params.quantization.linearQuantization.scale.extend(linear["scale"])
    params.quantization.linearQuantization.bias.extend(linear.get("bias", []))
    return params


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("channels", ["one", "axis 0", "axis 1"])
@pytest.mark.parametrize("has_bias", [False, True])
def test_linear_quantisation(bits: int, channels: str, has_bias: bool) -> None:
    shape, axis = (5, 3, 7), 1 if channels == "axis 1" else 0
    scales = 1 if channels == "one" else shape[axis]
    values = RNG.integers(0, 2**bits, shape)
    scale = RNG.normal(size=scales).astype(np.float32)
    bias = RNG.normal(size=scales).astype(np.float32) if has_bias else np.zeros(scales, np.float32)
    biases = bias.tolist() if has_bias else []
    params = quantized(values.ravel().tolist(), bits, scale=scale.tolist(), bias=biases)
    got = read(params, shape, channel_axis=axis)
    for place in np.ndindex(shape):
        channel = place[axis] if scales > 1 else 0
        expected = float(values[place]) * float(scale[channel]) + float(bias[channel])
        assert got[place] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("bits", range(1, 9))
def test_look_up_tables(bits: int) -> None:
    table = RNG.normal(size=2**bits).astype(np.float32)
    values = RNG.integers(0, 2**bits, 2001).tolist()
    params = messages.WeightParams(rawValue=stream(values, bits))
    params.quantization.numberOfBits = bits
    params.quantization.lookupTableQuantization.floatValue.extend(table.tolist())
    for loaded, payloads in both_readings(params.SerializeToString()):
        assert read(loaded, (3, 667), payloads=payloads).ravel().tolist() == [float(table[v]) for v in values]


def test_int8_weights() -> None:
    values = RNG.integers(-128, 128, (40, 30)).astype(np.int8)
    params = messages.WeightParams(int8RawValue=values.tobytes())
    params.quantization.numberOfBits = 8
    params.quantization.linearQuantization.scale.append(0.5)
    for loaded, payloads in both_readings(params.SerializeToString()):
        np.testing.assert_array_equal(read(loaded, (40, 30), payloads=payloads), values * 0.5)
        integers = read_quantized(loaded, shape=(40, 30), layer="l", field="f", payloads=payloads)
        assert integers is not None
        np.testing.assert_array_equal(integers.values, values)


@given(st.integers(1, 8), st.data())
def test_bit_streams_of_any_length(bits: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=70))
    extra = data.draw(st.binary(max_size=3))
    assert unpack_bits(stream(values, bits) + extra, bits, len(values)).tolist() == values


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("mode", ["linear", "linear_lut"])
def test_weights_quantised_by_coremltools_read_as_it_dequantises_them(bits: int, mode: str) -> None:
    import coremltools
    from coremltools.models.neural_network import quantization_utils

    model = coremltools.models.MLModel(dense_network(width=333), skip_model_load=True)
    spec = quantization_utils.quantize_weights(model, bits, mode)
    spec = spec if hasattr(spec, "WhichOneof") else spec.get_spec()
    lean = load_lean_bytes(spec.SerializeToString())
    params = lean.spec.neuralNetworkClassifier.layers[0].innerProduct.weights
    assert weight_form(params) == "rawValue"
    quantization_utils._dequantize_nn_spec(spec.neuralNetworkClassifier)
    expected = np.array(spec.neuralNetworkClassifier.layers[0].innerProduct.weights.floatValue)
    got = read(params, (4, 333), payloads=lean.payloads)
    np.testing.assert_allclose(got.ravel(), expected, rtol=1e-6, atol=1e-6)


def broken(**changes: Any) -> Any:
    """Six 4-bit weights with one scale, after the given changes."""
    params = quantized([1, 2, 3, 4, 5, 6], 4, scale=changes.pop("scale", [1.0]), bias=changes.pop("bias", []))
    for name, value in changes.items():
        if name == "numberOfBits":
            params.quantization.numberOfBits = value
        elif name == "table":
            params.quantization.lookupTableQuantization.floatValue.extend(value)
        elif name == "no_kind":
            params.quantization.ClearField("linearQuantization")
        elif name == "floatValue":
            params.floatValue.extend(value)
        else:
            setattr(params, name, value)
    return params


def int8_weights(**changes: Any) -> Any:
    return broken(**{"rawValue": b"", "int8RawValue": bytes(6), "numberOfBits": 8, **changes})


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        (lambda: messages.WeightParams(), "none of them"),
        (lambda: messages.WeightParams(floatValue=[1.0] * 5), "6 numbers.*got 5"),
        (lambda: messages.WeightParams(floatValue=[1.0] * 7), "6 numbers.*got 7"),
        (lambda: messages.WeightParams(float16Value=b"\0" * 11), "12 bytes.*got 11"),
        (lambda: broken(floatValue=[1.0]), "exactly one.*floatValue and rawValue"),
        (lambda: broken(int8RawValue=b"1"), "exactly one.*int8RawValue and rawValue"),
        (lambda: broken(rawValue=b"\0\0"), "3 bytes.*got 2 bytes"),
        (lambda: broken(numberOfBits=0), "numberOfBits from 1 to 8, got 0"),
        (lambda: broken(numberOfBits=9), "numberOfBits from 1 to 8, got 9"),
        (lambda: broken(no_kind=True), "got neither"),
        (lambda: broken(scale=[]), "scale.*got 0"),
        (lambda: broken(scale=[1.0] * 3), "1 or 2 scales.*got 3"),
        (lambda: broken(bias=[1.0] * 2), "biases or 1, got 2"),
        (lambda: broken(table=[1.0] * 15), "16 entries, got 15"),
        (lambda: int8_weights(numberOfBits=4), "8 linear bits"),
        (lambda: int8_weights(scale=[1.0] * 2), "1 scale, got 2"),
    ],
)
def test_bad_weights_are_refused_with_layer_and_field(params: Any, complaint: str) -> None:
    with pytest.raises(SpecError, match=rf"layer 'conv1', weights: .*{complaint}"):
        read(params(), (2, 3))


def test_shape_from_a_hostile_file_allocates_nothing() -> None:
    with pytest.raises(SpecError, match="bytes for shape"):
        read(broken(), (2**40, 2**40))
    with pytest.raises(SpecError, match="sizes from 0"):
        read(broken(), (-2, -3))


def test_detached_weights_need_their_own_payloads() -> None:
    data = model_with(field(1, bytes(4000)))
    lean, other = load_lean_bytes(data), load_lean_bytes(data)
    params = lean.spec.neuralNetwork.layers[0].innerProduct.weights
    for payloads, complaint in ((None, "pass the payloads"), (other.payloads, "another model")):
        with pytest.raises(SpecError, match=complaint):
            read(params, (1000,), payloads=payloads)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("detached", [False, True])
def test_written_weights_replace_every_older_form(count: int, detached: bool) -> None:
    model = messages.Model(specificationVersion=4)
    params = model.neuralNetwork.layers.add().innerProduct.weights
    params.CopyFrom(broken(isUpdatable=True))
    values = RNG.normal(size=count).astype(np.float32)
    payloads = Payloads() if detached else None
    write_weights(params, values, payloads)
    assert len(payloads or []) == (detached and count >= 256)
    np.testing.assert_array_equal(read(params, (count,), payloads=payloads), values)
    full = LeanModel(model, payloads or Payloads(), "test").to_spec()
    standard = full.neuralNetwork.layers[0].innerProduct.weights
    assert standard == messages.WeightParams(floatValue=values.tolist(), isUpdatable=True)


@pytest.mark.parametrize("width", [2, 300])
def test_samples_of_nearest_neighbours(width: int) -> None:
    foreign = nearest_neighbours(samples=9, width=width)
    expected = [list(v.vector) for v in foreign.kNearestNeighborsClassifier.nearestNeighborsIndex.floatSamples]
    lean = load_lean_bytes(foreign.SerializeToString())
    index = lean.spec.kNearestNeighborsClassifier.nearestNeighborsIndex
    assert read_samples(index, lean.payloads).tolist() == expected
    assert read_floats(index.floatSamples[3], lean.payloads).tolist() == expected[3]
    index.floatSamples[4].vector.append(1.0)
    with pytest.raises(SpecError, match=f"sample 4 has {width + 1} numbers, expected {width}"):
        read_samples(index, lean.payloads)
    assert read_samples(messages.NearestNeighborsIndex(numberOfDimensions=3)).shape == (0, 3)
    assert math.prod(read_samples(index.__class__(numberOfDimensions=1)).shape) == 0
