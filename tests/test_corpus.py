"""Real config trees: what Hydra composes becomes a graph, and the graph composes the same values again.

"The same values" means, for a config ``c`` and what the bridge makes of it, ``d``, both read with OmegaConf's public
API (:func:`resolved`) and both brought to one form (:func:`form`):

- every leaf is equal in type and value, at the same path; mappings and lists have the same entries in the same order;
- every call node has the same target, ``_partial_`` and arguments; those of an importable target may be reordered, as
  the bridge writes them in signature order;
- a call node that is handed a container has the same conversion mode, where ``c`` is read with ``from_hydra``'s
  default ("all") and ``d`` with Hydra's own ("none"), so that ``d`` must say what it means;
- what OmegaConf cannot resolve in ``c`` is the same expression in ``d``, and OmegaConf cannot resolve it there either;
- below ``_recursive_: false`` there are no call nodes, only data, and the flag itself is gone in ``d``;
- a value that the bridge spells as a call (a tuple, a dict with odd keys, a string with ``${``) is that value.
"""

from __future__ import annotations

import collections
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import fiddle_hydra_bridge as fhb
from tests.corpus_tools import Composed, compose_entry, entries, stub_resolvers


@pytest.fixture(scope="module", autouse=True)
def resolvers(corpus: Path) -> Iterator[None]:
    with stub_resolvers(corpus):
        yield


@pytest.fixture(scope="module")
def all_composed(corpus: Path) -> list[Composed]:
    with warnings.catch_warnings():
        # Old trees use old spellings, which Hydra 1.3 still composes.
        warnings.simplefilter("ignore")
        return [compose_entry(corpus, entry) for entry in entries(corpus)]


@pytest.fixture(scope="module")
def composed(all_composed: list[Composed]) -> list[Composed]:
    return [item for item in all_composed if item.refusal is None]


class Link(str):
    """An interpolation that does not resolve."""


MISSING = Link("???")


def resolved(config: Any, around: tuple[int, ...] = ()) -> Any:
    """A config as plain data, interpolations resolved where they stand; ``around``: the containers it lies in."""
    around = (*around, id(config))
    if isinstance(config, DictConfig):
        return {key: _resolved_entry(config, key, around) for key in config.keys()}
    return [_resolved_entry(config, index, around) for index in range(len(config))]


def _resolved_entry(config: Any, key: Any, around: tuple[int, ...]) -> Any:
    try:
        if OmegaConf.is_missing(config, key) and not OmegaConf.is_interpolation(config, key):
            return MISSING
        value = config[key]
    except (OmegaConfBaseException, RecursionError):
        return _expression(config, key)
    if not OmegaConf.is_config(value):
        return value
    # An interpolation can reach a container around it, a missing one, or one without content.
    if id(value) in around:
        return _expression(config, key)
    return resolved(value, around)


def _expression(config: Any, key: Any) -> Link:
    return Link(OmegaConf.to_container(config, resolve=False)[key])


class Call(dict[str, Any]):
    """A call node in the form: target, what it makes, conversion mode, positional and keyword arguments."""


def form(data: Any, mode: str) -> Any:
    """Brings a config's data to the form that is compared; ``mode`` is the conversion mode it inherits."""
    if isinstance(data, list):
        return [form(item, mode) for item in data]
    if not isinstance(data, dict):
        return data
    mode = data.get("_convert_", mode)
    if "_target_" not in data:
        return {key: form(item, mode) for key, item in data.items() if key != "_convert_"}
    spelled = SPELLED.get(data["_target_"])
    if spelled is not None:
        return spelled(form(data["_args_"], mode))
    inner = _unbuilt if data.get("_recursive_") is False else form
    args = [inner(item, mode) for item in data.get("_args_", [])]
    kwargs = {key: inner(item, mode) for key, item in data.items() if key not in CONTROL}
    takes_containers = any(type(item) in (list, dict) for item in (*args, *kwargs.values()))
    return Call(
        target=data["_target_"],
        partial=data.get("_partial_", False),
        mode=mode if takes_containers else None,
        args=args,
        kwargs=kwargs,
    )


CONTROL = frozenset({"_target_", "_args_", "_partial_", "_convert_", "_recursive_"})
#: The values that the bridge spells as calls, by target.
SPELLED: dict[str, Callable[[list[Any]], Any]] = {
    "builtins.dict": lambda args: dict(args[0]),
    "builtins.str.join": lambda args: args[0].join(args[1]),
}


def _unbuilt(data: Any, mode: str) -> Any:
    """Data that Hydra hands over as it stands."""
    return data


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    """Where two forms differ."""
    if type(left) is not type(right):
        yield f"{path}: {left!r} is not {right!r}"
    elif isinstance(left, dict):
        if list(left) != list(right):
            yield f"{path}: keys {list(left)} are not {list(right)}"
        for key in left.keys() & right.keys():
            yield from differences(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, list):
        if len(left) != len(right):
            yield f"{path}: {len(left)} items are not {len(right)}"
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif left != right and not (left != left and right != right):
        yield f"{path}: {left!r} is not {right!r}"
