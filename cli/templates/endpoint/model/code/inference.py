"""The request handlers that the SageMaker PyTorch container calls. Replace `score` with your model."""

import json


def score(values):
    return sum(values) / len(values) if values else 0.0


def model_fn(model_dir):
    return score


def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError(f"expected application/json, got {content_type}")
    return json.loads(body)["values"]


def predict_fn(values, model):
    return {"score": model(values)}


def output_fn(prediction, accept):
    return json.dumps(prediction)
