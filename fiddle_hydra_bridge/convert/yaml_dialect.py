"""OmegaConf's YAML dialect: what a scalar or tag means, and how far a document may go.

In: the text and tag of a scalar. Out: its value, as the loader of the installed OmegaConf constructs it, so that the
bridge never drifts from it. ``yaml_reader`` and ``yaml_text`` stand on this module.
"""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from types import NoneType
from typing import Any

import yaml

__all__ = [
    "ALWAYS_EXPANDED",
    "CONSTRUCTOR_ERRORS",
    "EQUALS",
    "MAX_DEPTH",
    "MAX_EXPANSION",
    "MERGE",
    "SCALAR_TYPES",
    "STR",
    "SURROGATE",
    "TAG",
    "UNREADABLE",
    "Dialect",
    "Special",
    "dialect",
    "implicit_tag",
    "own_loader_class",
    "plain_value",
    "scalar_value",
]

#: How many containers may stand inside each other.
MAX_DEPTH = 200
#: Aliases may make a document larger by this factor, small documents by more.
MAX_EXPANSION = 100
ALWAYS_EXPANDED = 10_000

TAG = "tag:yaml.org,2002:"
STR = f"{TAG}str"
#: What a scalar can be; a Path is spelled with a list.
SCALAR_TYPES = frozenset({str, int, float, bool, NoneType, bytes})

SURROGATE = re.compile("[\ud800-\udfff]")
#: The characters that YAML text cannot hold.
UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: What a constructor may raise on a text that is not of its tag: PyYAML does not wrap what ``int`` or a table raises.
CONSTRUCTOR_ERRORS = (yaml.YAMLError, ValueError, LookupError, ArithmeticError, TypeError, NotImplementedError)


@dataclass(frozen=True)
class Dialect:
    loader_class: Any
    # Only for scalars: their constructors keep no state, so that one loader serves all threads.
    loader: Any
    # Whether a key that overrides a merged one stands where it is written (2.4) or where it was merged (2.3).
    overrides_keep_place: bool
    # Whether of several mappings that are merged the first wins, as YAML says. In PyYAML 6.0.4 the last one does, but
    # for keys of one character the first: https://github.com/yaml/pyyaml/issues/953
    first_merged_wins: bool


@cache
def dialect() -> Dialect:
    from omegaconf import OmegaConf

    loader_class = _omegaconf_loader_class() or own_loader_class()
    merged = OmegaConf.create("a: &a {x: 1, y: 1}\nb: {<<: *a, z: 2, x: 2}")
    both = OmegaConf.create("a: &a {key: 1}\nb: &b {key: 2}\nc: {<<: [*a, *b]}")
    return Dialect(loader_class, loader_class(""), list(merged.b) == ["y", "z", "x"], both.c.key == 1)


def _omegaconf_loader_class() -> Any:
    """Returns OmegaConf's own loader class, an internal that 2.3 and 2.4 keep in different modules."""
    for module in ("omegaconf._yaml", "omegaconf._utils"):
        try:
            return import_module(module).get_yaml_loader()
        except (ImportError, AttributeError):
            continue
    return None


def own_loader_class() -> Any:
    """Returns a loader class of the same rules, for an OmegaConf that keeps its own elsewhere."""
    rows_without_dates = {
        first: [(tag, pattern) for tag, pattern in rows if tag != f"{TAG}timestamp"]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader_class: Any = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": rows_without_dates})
    # PyYAML's own float rule asks for a dot and for the sign of an exponent.
    exponent = re.compile(r"^[-+]?[0-9]+(?:_[0-9]+)*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$")
    loader_class.add_implicit_resolver(f"{TAG}float", exponent, list("-+0123456789"))
    for kind in (pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath):
        # The second name is how Python 3.13 calls the module.
        for module in ("pathlib", "pathlib._local"):
            tag = f"{TAG}python/object/apply:{module}.{kind.__name__}"
            loader_class.add_constructor(tag, lambda loader, node, kind=kind: kind(*loader.construct_sequence(node)))
    return loader_class


def implicit_tag(text: str) -> str:
    """Returns the tag of a plain scalar without one."""
    resolvers = dialect().loader_class.yaml_implicit_resolvers
    for first in (text[:1], None):
        for tag, pattern in resolvers.get(first, ()):
            if pattern.match(text):
                return str(tag)
    return STR


class Special:
    """The plain scalars ``<<`` and ``=``, which are no values of their own."""

    def __init__(self, text: str) -> None:
        self.text = text


MERGE, EQUALS = Special("<<"), Special("=")
_SPECIAL = {f"{TAG}merge": MERGE, f"{TAG}value": EQUALS}


def scalar_value(tag: str, text: str) -> Any:
    """Constructs a scalar as OmegaConf's loader does; raises what its constructor raises."""
    if tag == STR:
        return text
    if tag in _SPECIAL:
        return _SPECIAL[tag]
    loader = dialect().loader
    construct = loader.yaml_constructors.get(tag) or loader.yaml_constructors[None]
    value = construct(loader, yaml.ScalarNode(tag, text))
    if type(value) not in SCALAR_TYPES:
        raise TypeError(f"OmegaConf holds no {type(value).__name__}")
    return value


@lru_cache(maxsize=8192)
def _plain_value_of_short(text: str) -> Any:
    return scalar_value(implicit_tag(text), text)


def plain_value(text: str) -> Any:
    """Constructs a plain scalar without a tag; raises what its constructor raises."""
    # Long texts are rarely met twice and would fill the cache.
    return _plain_value_of_short(text) if len(text) <= 64 else scalar_value(implicit_tag(text), text)
