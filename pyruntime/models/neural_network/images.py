"""The part of NeuralNetworkBuilder that turns array inputs into images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.neural_network.weighted_layers import layers_of
from pyruntime.spec import messages

_BIASES = ("red", "green", "blue", "gray")
_AXES = {"NCHW": (-3, -2, -1), "NHWC": (-1, -3, -2)}
"""Where channels, height and width are in the declared shape."""


class Preprocessing:
    """Images as inputs."""

    spec: Any
    nn_spec: Any

    def set_pre_processing_parameters(
        self,
        image_input_names: Sequence[str] | str | None = None,
        is_bgr: Any = False,
        red_bias: Any = 0.0,
        green_bias: Any = 0.0,
        blue_bias: Any = 0.0,
        gray_bias: Any = 0.0,
        image_scale: Any = 1.0,
        image_format: str = "NCHW",
    ) -> None:
        """Declare inputs as images, and what becomes of their pixels: image_scale * pixel + the bias of its channel.

        image_input_names: inputs that are images; their shapes say 1 channel (gray) or 3.
        is_bgr: whether the network sees blue first.
        The other values are for all of them, or dictionaries by name.
        image_format: where the shapes have the channels, NCHW or NHWC; for NHWC, a transpose goes before the layers.
        """
        if self.spec is None:
            raise BuildError("set_pre_processing_parameters: a network inside another one has no inputs of its own")
        if image_format not in _AXES:
            raise BuildError(f"set_pre_processing_parameters: image_format is {image_format!r}, expected NCHW or NHWC")
        names = [image_input_names] if isinstance(image_input_names, str) else list(image_input_names or ())
        biases = (red_bias, green_bias, blue_bias, gray_bias)
        for name in names:
            feature = next((f for f in self.spec.description.input if f.name == name), None)
            if feature is None:
                known = [f.name for f in self.spec.description.input]
                raise BuildError(f"set_pre_processing_parameters: {name!r} is none of the inputs {known}")
            make_image(feature, _of(is_bgr, name, False), image_format)
            if image_format == "NHWC":
                self._transpose_to_nhwc(name)
            scaler = self._scaler(name)
            scaler.channelScale = _of(image_scale, name, 1.0)
            for color, bias in zip(_BIASES, biases, strict=True):
                setattr(scaler, f"{color}Bias", _of(bias, name, 0.0))

    def _transpose_to_nhwc(self, name: str) -> None:
        """Pixels arrive channels first: give the layers what they expect, through a layer in front of them."""
        result = f"{name}_to_nhwc"
        rank4 = self.nn_spec.imageInputShapeMapping == messages.RANK4_IMAGE_MAPPING
        front = messages.NeuralNetworkLayer(name=result, input=[name], output=[result])
        front.transpose.axes.extend([0, 2, 3, 1] if rank4 else [0, 1, 3, 4, 2])
        for layer in layers_of(self.nn_spec):
            for place, source in enumerate(layer.input):
                if source == name:
                    layer.input[place] = result
        others = [messages.NeuralNetworkLayer.FromString(layer.SerializeToString()) for layer in self.nn_spec.layers]
        del self.nn_spec.layers[:]
        self.nn_spec.layers.extend([front, *others])
        self.spec.specificationVersion = max(self.spec.specificationVersion, 4)

    def _scaler(self, name: str) -> Any:
        """The scaler of an input; a second call replaces what the first has set."""
        known = self.nn_spec.preprocessing
        found = next((p for p in known if p.featureName == name), None)
        return (known.add(featureName=name) if found is None else found).scaler


def _of(value: Any, name: str, default: Any) -> Any:
    return value.get(name, default) if isinstance(value, Mapping) else value


def make_image(feature: Any, is_bgr: bool, image_format: str = "NCHW") -> None:
    """Turn the description of an array of 3 or more axes into that of an image of its size.  Raises BuildError."""
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        sizes = None
    else:
        shape = list(feature.type.multiArrayType.shape)
        if kind != "multiArrayType" or len(shape) < 3:
            raise BuildError(
                f"input {feature.name!r}: expected an array of 3 or more axes, to be an image; got {kind} {shape}"
            )
        sizes = [int(shape[axis]) for axis in _AXES[image_format]]
    image = feature.type.imageType
    if sizes is not None:
        channels, image.height, image.width = sizes
        if channels not in (1, 3):
            raise BuildError(f"input {feature.name!r}: expected 1 or 3 channels ({image_format}), got {channels}")
        image.colorSpace = (
            messages.ImageFeatureType.ColorSpace.GRAYSCALE
            if channels == 1
            else messages.ImageFeatureType.ColorSpace.RGB
        )
    if image.colorSpace != messages.ImageFeatureType.ColorSpace.GRAYSCALE:
        image.colorSpace = (
            messages.ImageFeatureType.ColorSpace.BGR if is_bgr else messages.ImageFeatureType.ColorSpace.RGB
        )
