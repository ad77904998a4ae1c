"""The place where coremltools has these: `pyruntime.utils.load_spec`, `save_spec`, `compile_model`, …"""

from pyruntime.models.utils import (
    broken_rules,
    check_spec,
    compile_model,
    convert_double_to_float_multiarray_type,
    evaluate_classifier,
    evaluate_classifier_with_probabilities,
    evaluate_regressor,
    evaluate_transformer,
    load_spec,
    make_pipeline,
    rename_feature,
    save_spec,
)

__all__ = [
    "broken_rules",
    "check_spec",
    "compile_model",
    "convert_double_to_float_multiarray_type",
    "evaluate_classifier",
    "evaluate_classifier_with_probabilities",
    "evaluate_regressor",
    "evaluate_transformer",
    "load_spec",
    "make_pipeline",
    "rename_feature",
    "save_spec",
]
