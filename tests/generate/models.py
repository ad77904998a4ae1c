"""Models of every interface that classes are generated for."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.spec import messages

from ..knn.models import knn_spec, pipeline_spec
from ..layers.network import DOUBLE, FLOAT16, FLOAT32, INT32, array, layer, model, scalar
from ..small_models import classifier, linear, pipeline
from ..training.networks import dense, updatable

HOSTILE = (
    "class", "None", "match", "type", "self", "cls", "data", "np", "str", "Image", "NDArray", "float", "features",
    "one", "feature_names", "to_features", "attributes_by_feature", "Hostile", "HostileInput", "a b", "a-b", "a.b",
    "a_b", "a_b_", "1st", "_", "__init__", "__class__", "l", "é", "名前", "x" * 300, "it's", '"', "\\", "\\N{x", "\n",
    "\x00\x1b[2J", "\u202e", '"""', '"""\nimport os\nos.abort()\n"""', "'); import os; os.abort() #", "{0}", "%s",
    "«X»", "«FILE»", "«PARAMETERS»",
)  # fmt: skip
TEXT = 'Ends here """ + __import__("os").abort() + """ \\N{x} \\' + "\\" * 200 + "\u202e\x00 «X» Image IntEnum np Any"


def hostile() -> Any:
    """The sum of inputs with names that are no names."""
    spec = messages.Model(specificationVersion=4)
    d = spec.description
    for name in HOSTILE:
        feature = array(name, (2,))
        feature.shortDescription = TEXT
        d.input.append(feature)
    d.output.append(array("from", (2,)))
    m = d.metadata
    m.shortDescription = m.author = m.license = m.versionString = TEXT
    spec.neuralNetwork.arrayInputShapeMapping = 1
    spec.neuralNetwork.layers.add(name="sum", input=HOSTILE, output=["from"]).add.SetInParent()
    return spec


def hostile_labels() -> Any:
    """A classifier whose labels are no names."""
    spec = classifier()
    labels = spec.neuralNetworkClassifier.stringClassLabels
    del labels.vector[:]
    labels.vector.extend(["mro", '"""); import os; os.abort() #', "\u202e\\\n"])
    return spec


def integer_labels() -> Any:
    spec = classifier()
    spec.neuralNetworkClassifier.int64ClassLabels.vector.extend([0, -7, 7])
    spec.description.output[0].type.int64Type.SetInParent()
    spec.description.output[1].type.dictionaryType.int64KeyType.SetInParent()
    return spec


def flexible() -> Any:
    """y = -x for x of several shapes, and an optional z with a default that is added."""
    ranged, optional = array("x", (2, 3)), array("z", (1, 1))
    sizes = ranged.type.multiArrayType.shapeRange.sizeRanges
    sizes.add(lowerBound=1, upperBound=-1)
    sizes.add(lowerBound=3, upperBound=5)
    optional.type.isOptional = True
    optional.type.multiArrayType.floatDefaultValue = 2.5
    spec = model([ranged, optional], [layer("addBroadcastable", "x z", "y")], exact=True)
    spec.specificationVersion = 5
    return spec


def of_types() -> Any:
    """Arrays of each element type."""
    inputs = [array(name, (2,), kind) for name, kind in
              (("d", DOUBLE), ("f", FLOAT32), ("h", FLOAT16), ("i", INT32))]  # fmt: skip
    spec = model(inputs, [layer("add", "d f h i", "y")], [array("y", (2,), DOUBLE)], exact=True)
    spec.specificationVersion = 7
    return spec


def images() -> Any:
    """A grayscale image that becomes another one, and a colour image of several sizes that is not looked at."""
    spec = messages.Model(specificationVersion=4)
    for features, name in ((spec.description.input, "image"), (spec.description.output, "y")):
        image = features.add(name=name).type.imageType
        image.width, image.height, image.colorSpace = 4, 3, messages.ImageFeatureType.GRAYSCALE
    image = spec.description.input.add(name="colour").type.imageType
    image.width, image.height, image.colorSpace = 4, 3, messages.ImageFeatureType.RGB
    image.imageSizeRange.widthRange.lowerBound, image.imageSizeRange.widthRange.upperBound = 4, -1
    image.imageSizeRange.heightRange.lowerBound, image.imageSizeRange.heightRange.upperBound = 3, 9
    spec.neuralNetwork.layers.append(layer("activation", "image", "y", linear={"alpha": -1.0, "beta": 255.0}))
    spec.neuralNetwork.layers.append(layer("unary", "colour", "unused", type=6))
    return spec


def regressor() -> Any:
    """price = 2 rooms + 0.5 size + 1, from an Int64 and a Double."""
    spec = messages.Model(specificationVersion=1)
    pipe = spec.pipelineRegressor.pipeline
    vectorizer, glm = pipe.models.add(specificationVersion=1), pipe.models.add(specificationVersion=1)
    for place in (spec, vectorizer):
        place.description.input.extend([scalar("rooms", "int64"), scalar("size", "double")])
    vectorizer.description.output.append(array("v", (2,), DOUBLE))
    for name in ("rooms", "size"):
        vectorizer.featureVectorizer.inputList.add(inputColumn=name, inputDimensions=1)
    glm.description.input.append(array("v", (2,), DOUBLE))
    for place in (spec, glm):
        place.description.output.append(scalar("price", "double"))
        place.description.predictedFeatureName = "price"
    glm.glmRegressor.weights.add(value=[2.0, 0.5])
    glm.glmRegressor.offset.append(1.0)
    return spec


def words() -> Any:
    """A dictionary to a vector of the counts of two words."""
    spec = messages.Model(specificationVersion=1)
    bag = spec.description.input.add(name="words").type.dictionaryType
    bag.stringKeyType.SetInParent()
    spec.description.output.append(array("counts", (2,), DOUBLE))
    spec.dictVectorizer.stringToIndex.vector.extend(["yes", "no"])
    return spec


def sequences() -> Any:
    """Types that no engine here takes."""
    spec = messages.Model(specificationVersion=3)
    spec.description.input.add(name="texts").type.sequenceType.stringType.SetInParent()
    spec.description.input.add(name="numbers").type.sequenceType.int64Type.SetInParent()
    spec.description.output.add(name="tags").type.sequenceType.stringType.SetInParent()
    spec.description.input.add(name="any").type.stateType.arrayType.shape.append(1)
    spec.serializedModel.identifier = "private"
    return spec


def network() -> Any:
    """An updatable classifier: its labels stay."""
    layers = [dense("a", "x", "h", 4, 2), layer("softmax", "h", "y")]
    target = scalar("label", "string")
    return updatable({"x": (4,)}, layers, entropy=True, classes=["left", "right"], target=target, seed=1)


def no_inputs() -> Any:
    spec = linear()
    del spec.description.input[:]
    return spec


X = np.arange(40, dtype=np.float32) / 40
MODELS: dict[str, Any] = {
    "Linear": linear, "Classifier": classifier, "Pipeline": pipeline, "Hostile": hostile,
    "HostileLabels": hostile_labels, "IntegerLabels": integer_labels, "Flexible": flexible, "OfTypes": of_types,
    "Images": images, "Regressor": regressor,
    "Words": words, "Sequences": sequences, "Network": network, "NoInputs": no_inputs, "Knn": lambda: knn_spec(
        [[0.0, 0.0], [1.0, 1.0]], ["a", "b"], default="c", k=1),
    "KnnPipeline": pipeline_spec, "AVeryLongNameOfMoreThanTheMostCharacters": linear,
}  # fmt: skip
