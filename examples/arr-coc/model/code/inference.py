"""The relevance scorers of ARR-COC, without learned weights: what development and tests run.

A request is {"patches": [[...], ...], "query": [...]}: the features of an image's patches, and those of the
question about it. The answer has a relevance between 0 and 1 for every patch, and the three scores that make it:

  information   how much a patch contains by itself: the entropy of its features
  salience      how much it stands out: its distance from the mean patch
  coupling      how much it has to do with the question: the cosine of the two
"""

import json
import math

WEIGHTS = {"information": 0.3, "salience": 0.3, "coupling": 0.4}


def information(patch):
    total = sum(abs(value) for value in patch)
    if total == 0 or len(patch) < 2:
        return 0.0
    shares = [abs(value) / total for value in patch if value != 0]
    return -sum(share * math.log(share) for share in shares) / math.log(len(patch))


def salience(patches):
    mean = [sum(column) / len(patches) for column in zip(*patches)]
    distances = [math.dist(patch, mean) for patch in patches]
    largest = max(distances)
    return [distance / largest if largest else 0.0 for distance in distances]


def coupling(patch, query):
    product = math.hypot(*patch) * math.hypot(*query)
    if product == 0:
        return 0.0
    cosine = sum(a * b for a, b in zip(patch, query)) / product
    return max(0.0, min(1.0, (1 + cosine) / 2))


def model_fn(model_dir):
    """SageMaker's PyTorch container calls this once; the scorers have nothing to load."""
    return WEIGHTS


def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError(f"{content_type} is not taken: send application/json")
    request = json.loads(body)
    patches, query = request["patches"], request["query"]
    if not patches or any(len(patch) != len(query) for patch in patches):
        raise ValueError("every patch needs as many features as the query, and there has to be one patch")
    return patches, query


def predict_fn(request, weights):
    patches, query = request
    scores = {
        "information": [information(patch) for patch in patches],
        "salience": salience(patches),
        "coupling": [coupling(patch, query) for patch in patches],
    }
    relevance = [
        sum(weights[name] * scores[name][index] for name in weights) for index in range(len(patches))
    ]
    return {"relevance": relevance, "scores": scores}


def output_fn(prediction, accept):
    return json.dumps(prediction)
