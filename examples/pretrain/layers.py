"""The layers of a Llama model: each function returns its output and its backward function.

A backward function takes the gradient of the loss by the output and returns the gradients by the inputs, in
the order of the inputs. Activations are flat, ``(batch * seq_length, features)``; only attention looks at the two
apart. Everything keeps the dtype it is given: ``model.py`` runs in float32, the gradient test in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from examples.pretrain.tokenizer import Tokens

__all__ = [
    "Array",
    "Backward",
    "cross_entropy",
    "embedding",
    "linear",
    "rms_norm",
    "rotary",
    "self_attention",
    "swiglu_mlp",
]

Array: TypeAlias = npt.NDArray[np.floating[Any]]
Backward: TypeAlias = Callable[[Array], tuple[Array, ...]]


def embedding(tokens: Tokens, weight: Array) -> tuple[Array, Backward]:
    """Looks tokens up in a table. Backward: the gradient by the table."""

    def backward(grad: Array) -> tuple[Array]:
        grad_weight = np.zeros_like(weight)
        np.add.at(grad_weight, tokens, grad)
        return (grad_weight,)

    return weight[tokens], backward


def linear(x: Array, weight: Array) -> tuple[Array, Backward]:
    """Multiplies by a matrix."""

    def backward(grad: Array) -> tuple[Array, Array]:
        return grad @ weight.T, x.T @ grad

    return x @ weight, backward


def rms_norm(x: Array, weight: Array, epsilon: float = 1e-5) -> tuple[Array, Backward]:
    """Scales every row to root mean square 1, then by ``weight``."""
    inverse_rms = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon)
    normed = x * inverse_rms

    def backward(grad: Array) -> tuple[Array, Array]:
        grad_normed = grad * weight
        along = np.mean(grad_normed * normed, axis=-1, keepdims=True)
        return inverse_rms * (grad_normed - normed * along), np.sum(grad * normed, axis=0)

    return normed * weight, backward


def swiglu_mlp(x: Array, linear_fc1: Array, linear_fc2: Array) -> tuple[Array, Backward]:
    """The feed-forward layer ``(silu(x @ gate) * (x @ up)) @ linear_fc2``; ``linear_fc1`` holds gate and up."""
    both, fc1_backward = linear(x, linear_fc1)
    gate, up = np.split(both, 2, axis=-1)
    sigmoid = 1 / (1 + np.exp(-gate))
    silu = gate * sigmoid
    out, fc2_backward = linear(silu * up, linear_fc2)

    def backward(grad: Array) -> tuple[Array, Array, Array]:
        grad_product, grad_fc2 = fc2_backward(grad)
        grad_gate = grad_product * up * (sigmoid + silu * (1 - sigmoid))
        grad_x, grad_fc1 = fc1_backward(np.concatenate([grad_gate, grad_product * silu], axis=-1))
        return grad_x, grad_fc1, grad_fc2

    return out, backward


def rotary(seq_length: int, features: int, base: float) -> tuple[Array, Array]:
    """Returns the rotary position embedding, cosines and sines of shape (seq_length, features)."""
    frequencies = base ** (-np.arange(0, features, 2) / features)
    angles = np.outer(np.arange(seq_length), np.concatenate([frequencies, frequencies]))
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _rotate(x: Array, cos: Array, sin: Array) -> Array:
    first, second = np.split(x, 2, axis=-1)
    return x * cos + np.concatenate([-second, first], axis=-1) * sin


def self_attention(
    x: Array, linear_qkv: Array, linear_proj: Array, *, num_heads: int, rope: tuple[Array, Array]
) -> tuple[Array, Backward]:
    """Causal multi-head attention over sequences of ``len(rope[0])`` tokens."""
    cos, sin = rope
    seq_length, features = cos.shape
    scale = 1 / math.sqrt(features)

    def split_heads(flat: Array) -> Array:  # (batch * seq, n * heads * features) -> (n, batch, heads, seq, features)
        shape = (-1, seq_length, flat.shape[-1] // (num_heads * features), num_heads, features)
        return np.ascontiguousarray(flat.reshape(shape).transpose(2, 0, 3, 1, 4))

    def join_heads(heads: Array) -> Array:
        return heads.transpose(1, 3, 0, 2, 4).reshape(-1, len(heads) * num_heads * features)

    qkv, qkv_backward = linear(x, linear_qkv)
    query, key, value = split_heads(qkv)
    query, key = _rotate(query, cos, sin), _rotate(key, cos, sin)

    scores = query @ key.swapaxes(-1, -2) * scale
    scores[..., np.triu(np.ones((seq_length, seq_length), dtype=bool), k=1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    out, proj_backward = linear(join_heads((weights @ value)[None]), linear_proj)

    def backward(grad: Array) -> tuple[Array, Array, Array]:
        grad_mixed, grad_proj = proj_backward(grad)
        (grad_mixed,) = split_heads(grad_mixed)
        grad_value = weights.swapaxes(-1, -2) @ grad_mixed
        grad_weights = grad_mixed @ value.swapaxes(-1, -2)
        grad_scores = weights * (grad_weights - np.sum(grad_weights * weights, axis=-1, keepdims=True)) * scale
        # A rotation is undone by the opposite angle.
        grad_query = _rotate(grad_scores @ key, cos, -sin)
        grad_key = _rotate(grad_scores.swapaxes(-1, -2) @ query, cos, -sin)
        grad_x, grad_qkv = qkv_backward(join_heads(np.stack([grad_query, grad_key, grad_value])))
        return grad_x, grad_qkv, grad_proj

    return out, backward


def cross_entropy(logits: Array, labels: Tokens) -> tuple[float, Array]:
    """Returns the mean loss in nats per token and its gradient by the logits."""
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probabilities = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    grad = np.exp(log_probabilities)
    grad[rows, labels] -= 1
    return float(-np.mean(log_probabilities[rows, labels])), grad / len(labels)
