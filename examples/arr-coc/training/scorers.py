"""The relevance scorers of ARR-COC and the allocation of visual tokens, with learned weights.

The scores are those of ../scorers/export.py, which writes them as ONNX with the weights that are trained here: patches
[images, patches, 64] and query [images, 64], every score [images, patches]. With the initial weights they are the fixed
scores that ../model/code/inference.py computes.
"""

import math

import numpy
import torch
from torch import nn

FEATURES = 64
WEIGHTS = {"information": 0.3, "salience": 0.3, "coupling": 0.4}
# The least sum, length and share: keeps logarithms and quotients finite. It is also that of the exported graphs, which
# TensorRT computes in fp16: 1e-9 is 0 there, and 0 / 0 is NaN.
TINY = 1e-4


def length(values):
    """The Euclidean length of the last dimension, with a gradient that is finite at 0."""
    return (values * values).sum(-1).clamp(min=TINY * TINY).sqrt()


class Scorers(nn.Module):
    """Three scores of a patch, and their weighted sum: its relevance for the question, between 0 and 1."""

    def __init__(self):
        super().__init__()
        self.information_gains = nn.Parameter(torch.ones(FEATURES))
        self.salience_gains = nn.Parameter(torch.ones(FEATURES))
        self.projection = nn.Parameter(torch.eye(FEATURES))
        self.logits = nn.Parameter(torch.tensor([math.log(weight) for weight in WEIGHTS.values()]))

    def information(self, patches):
        """The entropy of a patch's features, as a share of the largest possible one."""
        sizes = patches.abs() * self.information_gains.abs()
        shares = sizes / sizes.sum(-1, keepdim=True).clamp(min=TINY)
        return (shares * shares.clamp(min=TINY).log()).sum(-1) / -math.log(FEATURES)

    def salience(self, patches):
        """The distance from the mean patch, as a share of the largest one."""
        differences = (patches - patches.mean(-2, keepdim=True)) * self.salience_gains
        distances = length(differences)
        return distances / distances.amax(-1, keepdim=True).clamp(min=TINY)

    def coupling(self, patches, query):
        """The cosine of the projected patch and the query, between 0 and 1."""
        projected = patches @ self.projection
        products = (projected @ query.unsqueeze(-1)).squeeze(-1)
        both = length(projected) * length(query).unsqueeze(-1)
        return ((products / both.clamp(min=TINY) + 1) / 2).clamp(0, 1)

    def forward(self, patches, query):
        # In single precision whatever the model computes in: sums of squares of 64 features leave the range of fp16.
        with torch.autocast(patches.device.type, enabled=False):
            patches, query = patches.float(), query.float()
            return self._relevance(patches, query)

    def _relevance(self, patches, query):
        scores = (self.information(patches), self.salience(patches), self.coupling(patches, query))
        weights = self.logits.softmax(0)
        return sum(weight * score for weight, score in zip(weights, scores))

    def arrays(self):
        """The weights as ../scorers/export.py reads them."""
        numbers = lambda tensor: tensor.detach().float().cpu().numpy()
        return {
            "information_gains": numbers(self.information_gains.abs()),
            "salience_gains": numbers(self.salience_gains),
            "projection": numbers(self.projection),
            "weights": numbers(self.logits.softmax(0)),
        }

    def save(self, path):
        numpy.savez(path, **self.arrays())


def allocate(relevance, tokens):
    """Chooses the most relevant patches of every image: a mask of `tokens` ones, through which gradients reach the
    relevance of every patch (a straight-through estimator)."""
    chosen = relevance.topk(min(tokens, relevance.shape[-1]), dim=-1).indices
    mask = torch.zeros_like(relevance).scatter(-1, chosen, 1.0)
    return mask + relevance - relevance.detach()
