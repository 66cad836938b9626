"""A Llama model in numpy: parameters, loss with gradients, and text generation. The layers are in ``layers.py``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from examples.pretrain.layers import (
    Array,
    Backward,
    cross_entropy,
    embedding,
    linear,
    rms_norm,
    rotary,
    self_attention,
    swiglu_mlp,
)
from examples.pretrain.tokenizer import CharTokenizer, Tokens

__all__ = ["Llama3Config", "LlamaModel"]

Layer: TypeAlias = Callable[[Array, Array, Array], tuple[Array, Backward]]


@dataclass
class Llama3Config:
    """The shape of a Llama 3 model.

    Attributes:
        seq_length: the longest sequence, in tokens.
        hidden: features per token.
        ffn_hidden: features inside the feed-forward layers.
        num_layers: transformer layers, each an attention and a feed-forward layer.
        num_attention_heads: heads per attention layer; ``hidden`` is divided among them.
        rotary_base: base of the rotary position embedding.
        seed: seed of the initial parameters.
    """

    seq_length: int = 64
    hidden: int = 48
    ffn_hidden: int = 128
    num_layers: int = 2
    num_attention_heads: int = 4
    rotary_base: float = 10_000.0
    seed: int = 0

    def __post_init__(self) -> None:
        # The rotary embedding turns pairs of features.
        if self.hidden % (2 * self.num_attention_heads):
            raise ValueError(
                f"hidden ({self.hidden}) must be a multiple of twice num_attention_heads ({self.num_attention_heads})"
            )


class LlamaModel:
    """A decoder-only transformer: rotary attention, RMSNorm before and SwiGLU inside each layer.

    Args:
        config: the shape of the model.
        tokenizer: the data's tokenizer, the same instance.

    Attributes:
        params: the parameters by name, float32; the optimizer changes them in place.
    """

    def __init__(self, config: Llama3Config, tokenizer: CharTokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.params: dict[str, Array] = _initial_params(config, tokenizer.vocab_size)

    def loss_and_grads(self, tokens: Tokens, labels: Tokens) -> tuple[float, dict[str, Array]]:
        """Returns the mean loss in nats per token and its gradient by every parameter.

        Args:
            tokens: the input, of shape (batch, sequence).
            labels: the token that follows each input token, of the same shape.
        """
        logits, backward = self._forward(tokens)
        loss, grad = cross_entropy(logits, labels.reshape(-1))
        return loss, backward(grad)

    def generate(self, prompt: str, length: int, seed: int = 0) -> str:
        """Continues a text by ``length`` characters, drawn from the model's predictions."""
        random = np.random.default_rng(seed)
        tokens = self.tokenizer.encode(prompt)
        for _ in range(length):
            logits, _ = self._forward(tokens[None, -self.config.seq_length :])
            # Adding Gumbel noise and taking the largest draws from the softmax of the logits.
            tokens = np.append(tokens, np.argmax(logits[-1] + random.gumbel(size=self.tokenizer.vocab_size)))
        return self.tokenizer.decode(tokens)

    def _forward(self, tokens: Tokens) -> tuple[Array, Callable[[Array], dict[str, Array]]]:
        """Returns the logits, (batch * sequence, vocabulary), and the function from their gradient to all gradients."""
        params = self.params
        x, embedding_backward = embedding(tokens.reshape(-1), params["embedding"])
        taken = []
        for layer, names in self._layers(tokens.shape[1]):
            norm, first, second = names
            normed, norm_backward = rms_norm(x, params[norm])
            out, layer_backward = layer(normed, params[first], params[second])
            x = x + out
            taken.append((names, norm_backward, layer_backward))
        normed, final_norm_backward = rms_norm(x, params["final_norm"])
        logits, output_backward = linear(normed, params["output_layer"])

        def backward(grad: Array) -> dict[str, Array]:
            grads: dict[str, Array] = {}
            grad, grads["output_layer"] = output_backward(grad)
            grad, grads["final_norm"] = final_norm_backward(grad)
            for (norm, first, second), norm_backward, layer_backward in reversed(taken):
                grad_normed, grads[first], grads[second] = layer_backward(grad)
                grad_x, grads[norm] = norm_backward(grad_normed)
                grad = grad + grad_x
            (grads["embedding"],) = embedding_backward(grad)
            return grads

        return logits, backward

    def _layers(self, seq_length: int) -> Iterator[tuple[Layer, tuple[str, str, str]]]:
        """Yields every layer that adds to its input, with the names of its norm and of its two matrices."""
        heads = self.config.num_attention_heads
        rope = rotary(seq_length, self.config.hidden // heads, self.config.rotary_base)
        attention = partial(self_attention, num_heads=heads, rope=rope)
        for index in range(self.config.num_layers):
            at = f"layers.{index}"
            yield attention, (f"{at}.attention_norm", f"{at}.linear_qkv", f"{at}.linear_proj")
            yield swiglu_mlp, (f"{at}.mlp_norm", f"{at}.linear_fc1", f"{at}.linear_fc2")


def _initial_params(config: Llama3Config, vocab_size: int) -> dict[str, Array]:
    """Draws the matrices so that activations keep their size; layers that add to their input start smaller."""
    random = np.random.default_rng(config.seed)

    def matrix(rows: int, columns: int, gain: float = 1.0) -> Array:
        return random.standard_normal((rows, columns), dtype=np.float32) * (gain / math.sqrt(rows))

    def norm() -> Array:
        return np.ones(config.hidden, dtype=np.float32)

    hidden, ffn_hidden = config.hidden, config.ffn_hidden
    added = 1 / math.sqrt(2 * config.num_layers)
    params = {"embedding": random.standard_normal((vocab_size, hidden), dtype=np.float32)}
    for index in range(config.num_layers):
        params |= {
            f"layers.{index}.attention_norm": norm(),
            f"layers.{index}.linear_qkv": matrix(hidden, 3 * hidden),
            f"layers.{index}.linear_proj": matrix(hidden, hidden, added),
            f"layers.{index}.mlp_norm": norm(),
            f"layers.{index}.linear_fc1": matrix(hidden, 2 * ffn_hidden),
            f"layers.{index}.linear_fc2": matrix(ffn_hidden, hidden, added),
        }
    return params | {"final_norm": norm(), "output_layer": matrix(hidden, vocab_size, 0.1)}
