"""Utilities of models, the generated module, and scripts that ran with coremltools."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime.errors import BuildError
from pyruntime.models import array_feature_extractor, datatypes, feature_vectorizer
from pyruntime.models import utils as ct_utils
from pyruntime.models.neural_network import NeuralNetworkBuilder, printer
from pyruntime.models.neural_network import utils as nn_utils
from pyruntime.models.neural_network.table import ROWS
from pyruntime.spec import messages
from pyruntime.spec.versions import needed_version
from tests.builder.test_layers import CALLS, as_bytes, features, least_version
from tests.builder.test_legality import learner, pipeline, regressor
from tests.builder.test_training import network

ROOT = Path(__file__).resolve().parents[2]
X = np.array([1, -2, 3], np.float32)


def test_methods_are_those_of_the_table():
    tool = ROOT / "tools/make_builder.py"
    if not tool.exists():
        pytest.skip("the sources are not beside the tests")
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_method_says_what_it_does():
    for row in ROWS:
        method = getattr(NeuralNetworkBuilder, f"add_{row.method}")
        assert inspect.getdoc(method)
        assert "return" in method.__annotations__


def test_every_parameter_of_the_table_has_a_place():
    """In the layer's message, or with the function that takes care of it."""
    from pyruntime.models.neural_network.rows import IO_PARAMETERS, field_for

    for row in ROWS:
        kind = row.layer_field()
        for name in inspect.signature(getattr(NeuralNetworkBuilder, f"add_{row.method}")).parameters:
            if name == "self" or name in IO_PARAMETERS or name in row.by_hand.split():
                continue
            assert kind is not None, (row.method, name)
            message = messages.NeuralNetworkLayer.DESCRIPTOR.fields_by_name[kind].message_type
            assert field_for(message, row, name) is not None


def predict(spec: Any, **inputs: Any) -> Any:
    return pyruntime.MLModel(spec).predict(inputs or {"x": X})


def test_renamed_features_are_renamed_everywhere():
    spec = learner("classifier")
    before = predict(spec)
    for old, new in (("x", "drawing"), ("y", "scores"), ("classLabel", "label")):
        ct_utils.rename_feature(spec, old, new)
    after = predict(spec, drawing=X)
    assert after["label"] == before["classLabel"]
    assert after["scores"] == before["y"]
    assert [f.name for f in spec.description.trainingInput] == ["drawing", "label"]
    ct_utils.check_spec(spec)


def test_renaming_in_pipelines_and_of_nothing():
    spec = pipeline()
    ct_utils.rename_feature(spec, "x", "drawing")
    assert spec.pipelineClassifier.pipeline.models[0].description.input[0].name == "drawing"
    same = as_bytes(spec)
    ct_utils.rename_feature(spec, "nothing", "something")
    ct_utils.rename_feature(spec, "drawing", "q", rename_inputs=False)
    assert as_bytes(spec) == same


@pytest.mark.parametrize("name", ["y", "h"])
def test_names_that_are_taken_are_refused(name):
    with pytest.raises(BuildError, match=f"{name!r}"):
        ct_utils.rename_feature(regressor(), "x", name)


def test_renaming_is_coremltools():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pytest.importorskip("coremltools.models.utils", reason="coremltools, the oracle here, is not installed")
    spec = network((NeuralNetworkBuilder, datatypes)).spec
    from coremltools.proto import Model_pb2

    theirs = Model_pb2.Model.FromString(as_bytes(spec))
    for module, target in ((ct_utils, spec), (other, theirs)):
        module.rename_feature(target, "x", "q")
        module.rename_feature(target, "y", "r")
        module.convert_double_to_float_multiarray_type(target)
    assert as_bytes(spec) == as_bytes(theirs)


def test_signatures_are_coremltools():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pytest.importorskip("coremltools.models.utils", reason="coremltools, the oracle here, is not installed")
        from coremltools.models.neural_network import utils as other_nn
    names = [
        "rename_feature", "evaluate_classifier", "evaluate_classifier_with_probabilities", "evaluate_regressor",
        "evaluate_transformer", "convert_double_to_float_multiarray_type", "make_pipeline", "save_spec",
    ]  # fmt: skip
    pairs = [(ct_utils, other, name) for name in names]
    pairs += [(nn_utils, other_nn, name) for name in ("make_image_input", "make_nn_classifier")]
    for ours, theirs, name in pairs:
        got, known = (
            [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]
            for module in (ours, theirs)
        )
        assert got == known, name


def test_double_arrays_become_float_everywhere():
    spec = pipeline()
    ct_utils.convert_double_to_float_multiarray_type(spec)
    assert "DOUBLE" not in str(spec.description)
    assert "DOUBLE" not in str([model.description for model in spec.pipelineClassifier.pipeline.models])


def test_saving_adds_the_ending_and_sets_the_version(tmp_path):
    spec = network((NeuralNetworkBuilder, datatypes)).spec
    spec.specificationVersion = 7
    ct_utils.save_spec(spec, tmp_path / "m", auto_set_specification_version=True)
    assert pyruntime.load_spec(tmp_path / "m.mlmodel").specificationVersion == 4 == spec.specificationVersion
    with pytest.raises(BuildError, match=r"expected \.mlmodel"):
        ct_utils.save_spec(spec, tmp_path / "m.txt")


@pytest.mark.parametrize("method", CALLS)
def test_version_of_a_model_is_that_of_its_layers(method):
    for arguments in CALLS[method]:
        builder = NeuralNetworkBuilder(*features(datatypes))
        layer = getattr(builder, f"add_{method}")("layer", **arguments)
        assert needed_version(builder.spec) == builder.spec.specificationVersion or (
            method == "resize_bilinear"
            or method == "crop_resize"
            or (method == "convolution" and len(layer.input) == 2)
        )
        assert needed_version(builder.spec) >= least_version(layer)


def test_make_pipeline_predicts_as_its_models():
    first = network((NeuralNetworkBuilder, datatypes), disable_rank5_shape_mapping=False).spec
    second = NeuralNetworkBuilder([("y", datatypes.Array(2))], [("z", datatypes.Array(2))])
    second.add_activation("double", "LINEAR", "y", "z", [2.0, 0.0])
    models = [pyruntime.MLModel(spec) for spec in (first, second.spec)]
    whole = ct_utils.make_pipeline(*models)
    assert list(whole.model_description.input_descriptions_by_name) == ["x"]
    assert list(whole.model_description.output_descriptions_by_name) == ["z"]
    got = whole.predict({"x": X})["z"]
    assert np.allclose(got, 2 * np.asarray(models[0].predict({"x": X})["y"]))


def test_evaluation_counts_errors(tmp_path):
    model = pyruntime.MLModel(learner("classifier"))
    rows = [{"x": X * factor} for factor in (1, -1, 2)]
    answers = [model.predict(row) for row in rows]
    data = [{**row, "target": a["classLabel"], "probabilities": a["y"]} for row, a in zip(rows, answers, strict=True)]
    data[0]["target"] = "neither"
    assert ct_utils.evaluate_classifier(model, data) == {"samples": 3, "num_errors": 1}
    data[1]["probabilities"] = {label: value + 0.25 for label, value in data[1]["probabilities"].items()}
    got = ct_utils.evaluate_classifier_with_probabilities(model, data)
    assert got["num_samples"] == 3
    assert got["max_probability_error"] == pytest.approx(0.25)
    assert got["num_key_mismatch"] == 0


def test_evaluation_of_numbers_reads_csv(tmp_path):
    b = NeuralNetworkBuilder(
        [("x", datatypes.Array(1))], [("y", datatypes.Array(1))], "regressor", disable_rank5_shape_mapping=True
    )
    b.add_activation("double", "LINEAR", "x", "y", [2.0, 0.0])
    b.spec.description.predictedFeatureName = "y"
    table = tmp_path / "table.csv"
    table.write_text("x,target\n1,2\n2,4\n3,9\n")
    model = pyruntime.MLModel(b.spec)
    columns = {"x": [[1.0], [2.0], [3.0]], "target": [2, 4, 9]}
    assert ct_utils.evaluate_regressor(model, columns) == {
        "samples": 3,
        "rmse": pytest.approx(3**0.5),
        "max_error": 3.0,
    }
    with pytest.raises(BuildError, match="no 'target'"):
        ct_utils.evaluate_regressor(model, [{"x": [1.0]}])


def test_evaluation_of_outputs():
    model = pyruntime.MLModel(network((NeuralNetworkBuilder, datatypes), disable_rank5_shape_mapping=False).spec)
    right = model.predict({"x": X})
    got = ct_utils.evaluate_transformer(model, [{"x": X}] * 2, [right, {"y": np.zeros(2)}])
    assert got == {"num_samples": 2, "num_errors": 1}


def test_network_becomes_a_classifier_and_takes_images():
    b = NeuralNetworkBuilder([("x", datatypes.Array(1, 2, 2))], [("y", datatypes.Array(4))])
    b.add_flatten("flat", 0, "x", "f")
    b.add_softmax("softmax", "f", "y")
    model = nn_utils.make_nn_classifier(pyruntime.MLModel(b.spec), ["a", "b", "c", "d"], "best")
    model = nn_utils.make_image_input(model, "x", scale=0.01, image_format="NCHW")
    assert model.predict({"x": np.array([[0, 0], [255, 0]], np.uint8)})["best"] == "c"


@pytest.mark.parametrize("style", ["", "coding"])
def test_printed_network_names_every_layer(capsys, style):
    b = network((NeuralNetworkBuilder, datatypes))
    layer = b.add_branch("branch", "x")
    NeuralNetworkBuilder(nn_spec=layer.branch.ifBranch).add_erf("inner", "y", "e")
    printer.print_network_spec(b.spec, style=style)
    printed = capsys.readouterr().out
    for word in ("innerProduct", "softmax", "erf", "x: multiArrayType"):
        assert word in printed
    printer.print_network_spec(b.spec, interface_only=True)
    assert "softmax" not in capsys.readouterr().out


def test_extractor_and_vectorizer_are_coremltools():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools.models import array_feature_extractor as extractor
        from coremltools.models import datatypes as types
        from coremltools.models import feature_vectorizer as vectorizer
    for places in ([1, 2], 2):
        ours = array_feature_extractor.create_array_feature_extractor([("x", datatypes.Array(5))], "o", places)
        theirs = extractor.create_array_feature_extractor([("x", types.Array(5))], "o", places)
        assert as_bytes(ours) == as_bytes(theirs)

    def inputs(d: Any) -> list[Any]:
        return [("a", d.Double()), ("b", d.Array(3)), ("i", d.Int64()), ("d", d.Dictionary(str))]

    ours, size = feature_vectorizer.create_feature_vectorizer(inputs(datatypes), "v", {"d": 4})
    theirs, expected = vectorizer.create_feature_vectorizer(inputs(types), "v", {"d": 4})
    assert size == expected
    assert as_bytes(ours) == as_bytes(theirs)


SCRIPT = """
import sys
sys.modules["coremltools"] = None
import numpy as np
import pyruntime as ct
from pyruntime.models import MLModel, datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder, SgdParams, flexible_shape_utils, quantization_utils
builder = ct.models.neural_network.NeuralNetworkBuilder(
    [("x", datatypes.Array(3))], [("y", datatypes.Array(2))], disable_rank5_shape_mapping=True)
builder.add_inner_product(name="ip", W=np.ones((2, 3)), b=np.ones(2), input_channels=3, output_channels=2,
                          has_bias=True, input_name="x", output_name="y")
model = MLModel(builder.spec)
print(model.predict({"x": [1, 2, 3]})["y"].tolist())
small = quantization_utils.quantize_weights(model, 8)
print(small.predict({"x": [1, 2, 3]})["y"].tolist())
flexible_shape_utils.set_multiarray_ndshape_range(builder.spec, "x", [3], [3])
ct.utils.save_spec(builder.spec, sys.argv[1])
print(ct.utils.load_spec(sys.argv[1]).specificationVersion)
print("google.protobuf" in sys.modules, "coremltools.proto" in sys.modules)
"""


def test_script_runs_without_coremltools(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "m.mlmodel")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:4] == ["[7.0, 7.0]", "[7.0, 7.0]", "4", "True False"]
