"""``autoconvert``: a function that makes objects becomes a function that returns their graph.

In come functions that call classes and functions, out come recipes that return ``Config`` and ``Partial`` for those
calls. Fiddle's ``auto_config`` rewrites the function; ``config`` stands above with the classes.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable
from typing import Any, ParamSpec, overload

import fiddle as fdl
from fiddle.experimental import auto_config

from fiddle_hydra_bridge.errors import BridgeError, Place, Problem
from fiddle_hydra_bridge.vocabulary.config import Config, Partial

__all__ = ["autoconvert"]

_P = ParamSpec("_P")


@overload
def autoconvert(fn: Callable[_P, Any], *, partial: bool = ...) -> Callable[_P, Any]: ...


@overload
def autoconvert(fn: None = ..., *, partial: bool = ...) -> Callable[[Callable[_P, Any]], Callable[_P, Any]]: ...


def autoconvert(fn: Any = None, *, partial: bool = False) -> Any:
    """Makes a recipe of a function: instead of making calls, it returns a Config for each of them.

    ``functools.partial(f, ...)`` in the function gives a Partial. Calls of other recipes (autoconverted functions, and
    functions annotated to return a Config or Partial) and of Python's built-ins are made as usual. Works as a
    decorator, with and without arguments, and as a call; above and below ``@classmethod`` and ``@staticmethod``.

    Args:
        fn: the function; without control flow.
        partial: whether the Config that the recipe returns (each one, of a list, tuple or dict) is made a Partial.

    Returns:
        a function with the same parameters; the original is its attribute ``wrapped``.

    Raises:
        BridgeError: if the function holds what cannot be rewritten, with its place and the way out.
        OSError: if the source of the function is not to be had.

    Example:
        A file with this recipe::

            @autoconvert
            def model(dim: int):
                return Model(encoder=Encoder(dim))

        has ``model(3) == Config(Model, encoder=Config(Encoder, 3))``.
    """
    if fn is None:
        return functools.partial(autoconvert, partial=partial)
    if isinstance(fn, classmethod | staticmethod):
        return type(fn)(autoconvert(fn.__func__, partial=partial))
    if _is_converted(fn):
        fn = fn.wrapped
    rewritten = _rewritten(fn)

    @functools.wraps(fn)
    def recipe(*args: Any, **kwargs: Any) -> Any:
        graph = rewritten(*args, **kwargs)
        return _as_partial(graph) if partial else graph

    # NeMo-Run's names for these two, so that its own autoconvert knows our recipes, and we know its.
    recipe.wrapped = fn  # type: ignore[attr-defined]
    recipe.__auto_config__ = True  # type: ignore[attr-defined]
    return recipe


def _rewritten(fn: Any) -> Callable[..., Any]:
    try:
        converted = auto_config.auto_config(
            fn,
            experimental_allow_dataclass_attribute_access=True,
            experimental_exemption_policy=_is_called_as_usual,
            experimental_config_types=auto_config.ConfigTypes(Config, Partial, fdl.ArgFactory),
        )
    except auto_config.UnsupportedLanguageConstructError as error:
        place = Place(error.filename or "<unknown>", error.lineno or 0, (error.offset or 0) + 1)
        name = fn.__qualname__
        hint = f"use no autoconvert: let {name} return fiddle_hydra_bridge.Config(...), with any control flow"
        raise BridgeError(Problem(f"autoconvert cannot rewrite {name}: {error.msg}", place=place, hint=hint)) from error
    except OSError as error:
        error.add_note("autoconvert reads the source of a function, so the function must stand in a file")
        raise
    return typing.cast(Callable[..., Any], converted.as_buildable)


def _as_partial(graph: Any) -> Any:
    if isinstance(graph, list | tuple):
        return type(graph)(map(_as_partial, graph))
    if isinstance(graph, dict):
        return {key: _as_partial(item) for key, item in graph.items()}
    return fdl.cast(Partial, graph) if isinstance(graph, fdl.Config) else graph


# What is called as usual, and does not become a Config.


def _is_called_as_usual(fn: Any) -> bool:
    if _is_converted(fn) or _is_graph_class(fn) or auto_config.auto_config_policy.latest(fn):
        return True
    return _is_graph_type(_return_type(fn))


def _is_converted(fn: Any) -> bool:
    return getattr(fn, "__auto_config__", False) is True


def _is_graph_class(of: Any) -> bool:
    cls = typing.get_origin(of) or of
    return isinstance(cls, type) and issubclass(cls, fdl.Buildable)


def _is_graph_type(annotation: Any) -> bool:
    if typing.get_origin(annotation) in (list, tuple, dict):
        return any(map(_is_graph_type, typing.get_args(annotation)))
    return _is_graph_class(annotation)


def _return_type(fn: Any) -> Any:
    annotation = getattr(fn, "__annotations__", {}).get("return") if not isinstance(fn, type) else None
    if not isinstance(annotation, str):
        return annotation
    try:
        return typing.get_type_hints(fn).get("return")
    except (AttributeError, NameError, SyntaxError, TypeError):
        # Names that are imported for type checkers only. A Config would be one that the function itself needs.
        return None
