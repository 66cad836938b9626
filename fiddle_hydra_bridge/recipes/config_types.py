"""The types that OmegaConf checks, and the classes of structured configs made of them.

In come type hints of Python functions, out come the types of config fields and dataclasses with such fields, for
``structured``. What OmegaConf cannot check, or what means something else to it, is ``Any``.

A class is importable by its name, since launchers pickle the configs of their jobs, and pickle writes of a class only
where it is found. The name is the specification of the class, as JSON: a process that has never seen the class makes
it anew from the name alone, without the recipe, its module, or a registry that would have to arrive first. The last
part of the target's path is what the class is called in messages.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import pathlib
import types
import typing
from typing import Any, Literal, Union

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.nodes import HAS_TUPLES
from fiddle_hydra_bridge.errors import TargetError

__all__ = ["config_type", "node_class", "union_of"]

_NONE = type(None)
#: Types by the name that stands for them in the name of a class.
_SIMPLE: dict[str, Any] = {
    "any": Any,
    "none": _NONE,
    "...": ...,
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "bytes": bytes,
    "path": pathlib.Path,
}
_GENERIC: dict[str, Any] = {"list": list, "dict": dict, "tuple": tuple, "union": Union, "literal": Literal}
_NAMES = {of_type: name for name, of_type in (*_SIMPLE.items(), *_GENERIC.items())}
_SCALARS = (int, float, bool, str, bytes, pathlib.Path)


def config_type(hint: Any) -> Any:
    """Returns the type of a config field for a type hint, ``Any`` if there is nothing that OmegaConf could check.

    >>> config_type(int | None), config_type(list[bool]), config_type(list[range]), config_type(range)
    (typing.Optional[int], list[bool], list[typing.Any], typing.Any)
    """
    found = _checkable(hint)
    return found if found is Any or _is_supported(found) else Any


def _checkable(hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SCALARS or _is_enum(hint):
        return hint
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is Literal:
        # The name of a class must be able to say it.
        is_plain = all(type(value) in (str, int, bool, _NONE) for value in arguments)
        return hint if is_plain and _is_supported(hint) else Any
    if hint is list or origin is list:
        return _GENERIC["list"][_checkable(arguments[0]) if arguments else Any]
    if hint is dict or (origin is dict and arguments[0] is str):
        return _GENERIC["dict"][str, _checkable(arguments[1]) if arguments else Any]
    if HAS_TUPLES and (hint is tuple or origin is tuple):
        items = tuple(item if item is ... else _checkable(item) for item in arguments)
        return _GENERIC["tuple"][items or (() if origin else (Any, ...))]
    return Any


def union_of(*members: Any) -> Any:
    """Returns the union of types, in the form that ``typing.get_origin`` calls ``Union``.

    >>> union_of(int, None)
    typing.Optional[int]
    """
    return _GENERIC["union"][members]


def _union(arguments: tuple[Any, ...]) -> Any:
    members = [_checkable(argument) for argument in arguments if argument is not _NONE]
    if len(members) > 1 and not all(member in _SCALARS or _is_enum(member) for member in members):
        return Any
    if _NONE in arguments and members != [Any]:
        members.append(_NONE)
    return union_of(*members)


def _is_enum(hint: Any) -> bool:
    """Whether a hint is an enum that other processes can find."""
    if not isinstance(hint, enum.EnumType) or not hint.__members__:
        return False
    try:
        targets.path_of(hint)
    except TargetError:
        return False
    return True


@functools.cache
def _is_supported(of_type: Any) -> bool:
    """Whether the installed OmegaConf knows a type: it is asked, since its versions differ."""
    try:
        OmegaConf.structured(dataclasses.make_dataclass("Probe", [("field", of_type)]))
    except OmegaConfBaseException:
        return False
    return True


@functools.cache
def node_class(target: str, fields: tuple[tuple[str, Any], ...]) -> type[Any]:
    """Returns the dataclass for a call node: one and the same for the same target, names and types.

    The fields have no defaults: a config has the values, and what must be given is ``???`` in it.

    Args:
        target: the target path.
        fields: names and types, as :func:`config_type` returns them.

    Example:
        >>> cls = node_class("my_app.Model", (("dim", int),))
        >>> cls.__name__, cls(dim=3).dim, node_class("my_app.Model", (("dim", int),)) is cls
        ('Model', 3, True)
    """
    made = dataclasses.make_dataclass(target.rpartition(".")[2], fields)
    made.__module__ = __name__
    # No dots: pickle takes them for steps.
    spelled = json.dumps([target, [[name, _spelled(of_type)] for name, of_type in fields]], separators=(",", ":"))
    made.__qualname__ = spelled.replace(".", "\\u002e")
    # Of two threads that make the same class, both must return the one that is found by the name.
    found: type[Any] = globals().setdefault(made.__qualname__, made)
    if [each.type for each in dataclasses.fields(found)] != [of_type for _, of_type in fields]:
        # A module was loaded anew, and has enums of the same names.
        globals()[made.__qualname__] = found = made
    return found


def __getattr__(name: str) -> Any:
    """Makes the class of a name that pickle asks for, in a process that has not made it yet."""
    try:
        target, fields = json.loads(name)
        return node_class(target, tuple((field, _read(spelled)) for field, spelled in fields))
    except (ValueError, TypeError, LookupError, TargetError) as error:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from error


def _spelled(of_type: Any) -> Any:
    """Spells a type for the name of a class."""
    if of_type in _NAMES:
        return _NAMES[of_type]
    if isinstance(of_type, enum.EnumType):
        return ["enum", targets.path_of(of_type)]
    origin, arguments = typing.get_origin(of_type), typing.get_args(of_type)
    return [_NAMES[origin], *(arguments if origin is Literal else map(_spelled, arguments))]


def _read(spelled: Any) -> Any:
    """Reads what :func:`_spelled` has written."""
    if isinstance(spelled, str):
        return _SIMPLE[spelled]
    kind, *arguments = spelled
    if kind == "enum":
        found = targets.get_object(arguments[0])
        if not isinstance(found, enum.EnumType):
            raise TypeError(f"{arguments[0]!r} is no enum")
        return found
    return _GENERIC[kind][tuple(arguments if kind == "literal" else map(_read, arguments))]
