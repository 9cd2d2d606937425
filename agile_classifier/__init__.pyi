from agile_classifier.config.files import load_config as load_config
from agile_classifier.errors import GateRefused as GateRefused
from agile_classifier.errors import InputError as InputError
from agile_classifier.ops.registry.loading import load_classifier as load_classifier
from agile_classifier.training.estimator import AgileClassifier as AgileClassifier

__all__ = ["AgileClassifier", "GateRefused", "InputError", "load_classifier", "load_config"]
