"""What the Edge TPU compiler would map of a model, why not the rest, and what the compiler says."""

from edge.edgetpu.predict import Placement, Prediction, predict
from edge.edgetpu.rules import RULES, SOURCE, Rule

__all__ = ["RULES", "SOURCE", "Placement", "Prediction", "Rule", "predict"]
