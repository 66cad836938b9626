"""Fiddle's Buildables at close quarters: signatures, conversion modes, and fast making.

``graph_reader`` and ``graph_writer`` use it to turn Buildables into calls and back. ``fdl.Config(...)`` costs 34 µs for
three arguments, mostly for binding a signature and walking the stack for its history; the arguments here are bound
already and their places are known, so Buildables are made directly. That uses the layout of a Buildable, which is
checked against one made by Fiddle's constructor; where they differ, Fiddle's own ``__unflatten__`` makes them.
"""

from __future__ import annotations

import collections
import copy
import functools
import inspect
import itertools
from dataclasses import MISSING as NO_FIELD_DEFAULT
from dataclasses import fields, is_dataclass
from typing import Any, Literal, NamedTuple

import fiddle as fdl
from fiddle import history, tagging

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.containers import hydra_dict, hydra_list
from fiddle_hydra_bridge.convert.hydra_keys import normal_mode
from fiddle_hydra_bridge.convert.nodes import is_config
from fiddle_hydra_bridge.convert.targets import LazyTarget
from fiddle_hydra_bridge.convert.tree import Kind
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError

__all__ = [
    "TAGGED_VALUE",
    "Arguments",
    "Shape",
    "base_of",
    "has_signature",
    "kind_of",
    "make",
    "mode_class",
    "mode_of",
    "own_mode",
    "shape_of",
    "tags_of",
    "without_signature",
]

_Parameter = inspect.Parameter
#: The callable of Fiddle's TaggedValue, which stands for a tagged value in a container.
TAGGED_VALUE = fdl.get_callable(tagging.TaggedValue([tagging.Tag]))


class Arguments(NamedTuple):
    """Set arguments in Hydra's order: positional ones with their Fiddle keys, named ones in signature order."""

    positional: list[tuple[int | str, Any]]
    named: dict[str, Any]


class Shape:
    """What a signature says about arguments, in Fiddle's terms.

    Attributes:
        name: the name of the callable, for messages.
        info: Fiddle's signature info, shared by all Buildables of the callable.
        tags: the tags that annotations imply, by argument.
        keys: Fiddle's keys of all parameters, in signature order.
        required: keys of the parameters without a default.
        keyword_names: names of the parameters that can be given by name.
        positional_count: how many positional parameters there are.
    """

    def __init__(self, function: Any) -> None:
        prototype = fdl.Config(function)
        self.function = function
        self.name: str = getattr(function, "__qualname__", None) or repr(function)
        self.info = prototype.__signature_info__
        self.tags = tags_of(prototype)
        self.parameters = list(self.info.parameters.values())
        self.keys: list[int | str] = []
        self.required: list[int | str] = []
        self._names: dict[int | str, _Parameter] = {}
        self._by_position: list[int | str] = []
        self.keyword_names: list[str] = []
        self.var_positional: int | None = None
        self.var_keyword = False
        for index, parameter in enumerate(self.parameters):
            self._add(index, parameter)
        self.positional_count = len(self._by_position)
        self._order = {name: index for index, name in enumerate(self.keyword_names)}
        self._unsafe = {
            parameter.name
            for parameter in self.parameters
            if parameter.kind in (_Parameter.POSITIONAL_ONLY, _Parameter.VAR_POSITIONAL)
        }

    def _add(self, index: int, parameter: _Parameter) -> None:
        if parameter.kind is _Parameter.VAR_POSITIONAL:
            self.var_positional = index
            return
        if parameter.kind is _Parameter.VAR_KEYWORD:
            self.var_keyword = True
            return
        key: int | str = index if parameter.kind is _Parameter.POSITIONAL_ONLY else parameter.name
        self.keys.append(key)
        self._names[key] = parameter
        if parameter.default is _Parameter.empty:
            self.required.append(key)
        if parameter.kind is not _Parameter.KEYWORD_ONLY:
            self._by_position.append(key)
        if parameter.kind is not _Parameter.POSITIONAL_ONLY:
            self.keyword_names.append(parameter.name)

    def fit(self, name: str) -> Literal["named", "placeholder", "unknown"]:
        """Whether an argument can be given by this name.

        "placeholder": the callable takes it, but Fiddle would lose it (the name of a positional-only or variadic
        parameter).
        """
        if name in self._order:
            return "named"
        if not self.var_keyword:
            return "unknown"
        return "placeholder" if name in self._unsafe else "named"

    def key_at(self, index: int) -> int | str | None:
        """Returns Fiddle's key for a positional argument, None if there is no place for it."""
        if index < self.positional_count:
            return self._by_position[index]
        return index if self.var_positional is not None else None

    def names_positional(self, count: int) -> bool:
        """Whether Fiddle would pass some of ``count`` positional arguments by name."""
        if self.var_positional is not None and count > self.var_positional:
            return False
        return any(type(key) is str for key in self._by_position[:count])

    def takes_more(self) -> bool:
        """Whether the callable accepts arguments that its stated signature does not show (a decorated one)."""
        try:
            signature = inspect.signature(_accepting(self.function), follow_wrapped=False)
        except (TypeError, ValueError):
            return True
        return any(parameter.kind is _Parameter.VAR_KEYWORD for parameter in signature.parameters.values())

    def default(self, key: int | str) -> Any:
        """Returns the default of a parameter, or ``fdl.NO_VALUE``."""
        parameter = self._names.get(key)
        if parameter is None or parameter.default is _Parameter.empty:
            return fdl.NO_VALUE
        return parameter.default

    def spellable_default(self, name: str) -> Any:
        """Returns the default of a parameter as the callable would see it, or ``fdl.NO_VALUE``."""
        if is_dataclass(self.function):
            for field in fields(self.function):
                if field.name == name and field.default_factory is not NO_FIELD_DEFAULT:
                    return field.default_factory() if field.default_factory in (list, dict, set) else fdl.NO_VALUE
        return self.default(name)

    def sorted(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Puts keyword arguments in signature order, extra ones behind in the order they stand."""
        known = sorted((name for name in arguments if name in self._order), key=self._order.__getitem__)
        extra = [name for name in arguments if name not in self._order]
        return {name: arguments[name] for name in (*known, *extra)}

    def in_order(self, arguments: dict[int | str, Any]) -> Arguments:
        """Returns the set arguments of a Buildable in Hydra's order.

        Raises:
            UnsupportedValueError: if a positional parameter is unset before one that is set, where Fiddle would
                shift the arguments.
        """
        positional: list[tuple[int | str, Any]] = []
        spread = self.var_positional is not None and self.var_positional in arguments
        hole: int | str | None = None
        for key in self._by_position:
            if type(key) is str and not spread:
                continue
            if key not in arguments:
                hole = key if hole is None else hole
            elif hole is not None:
                raise _hole(self.name, hole)
            else:
                positional.append((key, arguments[key]))
        if spread:
            if hole is not None:
                raise _hole(self.name, hole)
            for index in itertools.count(self.var_positional or 0):
                if index not in arguments:
                    break
                positional.append((index, arguments[index]))
        taken = {key for key, _ in positional}
        named = {key: value for key, value in arguments.items() if type(key) is str and key not in taken}
        return Arguments(positional, self.sorted(named) if len(named) > 1 else named)


def _hole(name: str, key: int | str) -> UnsupportedValueError:
    return UnsupportedValueError(
        Problem(
            f"positional parameter {key!r} of {name} is not set, but a later positional argument is",
            hint="set it: Fiddle would shift the later arguments",
            kind=UnsupportedValueError,
        )
    )


def _accepting(function: Any) -> Any:
    """The function that takes the arguments of a call: ``__call__`` of a metaclass, ``__new__``, ``__init__``."""
    if not isinstance(function, type):
        return function
    if type(function).__call__ is not type.__call__:
        return type(function).__call__
    initialise: Any = getattr(function, "__init__")  # noqa: B009 (mypy: unsound on an instance, but this is a class)
    return function.__new__ if initialise is object.__init__ else initialise


def shape_of(function: Any) -> Shape:
    """Returns the shape of a callable, of a placeholder that takes anything if it shows no signature."""
    try:
        return _cached_shape(function)
    except TypeError:  # unhashable callables
        return _new_shape(function)


def _new_shape(function: Any) -> Shape:
    try:
        return Shape(function)
    except (TypeError, ValueError):  # no signature to be had
        return _anything_shape()


_cached_shape = functools.lru_cache(maxsize=8192)(_new_shape)


@functools.cache
def _anything_shape() -> Shape:
    return Shape(LazyTarget("any.callable"))


# Tags, kinds and conversion modes.


def tags_of(node: Any) -> dict[int | str, frozenset[Any]]:
    """Returns the tags of a Buildable by Fiddle's keys, for the arguments that have any."""
    return {key: frozenset(tags) for key, tags in node.__argument_tags__.items() if tags}


def kind_of(node: Any) -> Kind:
    """Returns what a Buildable makes."""
    if isinstance(node, fdl.Partial):
        return "partial"
    return "factory" if isinstance(node, fdl.ArgFactory) else "config"


def mode_of(node: Any) -> str:
    """Returns the conversion mode of a Buildable: "all" unless it is of a class made by :func:`mode_class`."""
    return getattr(type(node), "__convert__", "all")


def own_mode(node: Any) -> str | None:
    """Returns the conversion mode of a Buildable whose class was made by :func:`mode_class`, otherwise None."""
    return mode_of(node) if "__convert__" in vars(type(node)) else None


class _Converting:
    """What a Buildable whose conversion mode is not "all" does when it is built."""

    __convert__: str

    def __reduce__(self: Any) -> Any:
        # The class is made when it is needed, so that it cannot be pickled by its name.
        return _restored, (base_of(type(self)), type(self).__convert__, self.__getstate__())

    def __build__(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        graph_args, graph_kwargs = self.__signature_info__.transform_to_args_kwargs(self.__arguments__)
        mode = type(self).__convert__
        args = tuple(map(_for_mode, itertools.repeat(mode), args, graph_args))
        kwargs = {key: _for_mode(mode, value, graph_kwargs[key]) for key, value in kwargs.items()}
        if mode == "none" and args:
            # Hydra holds positional arguments in a list of its own, which wraps what calls return.
            args = tuple(hydra_list(args))
        return _partial(self, args, kwargs) if isinstance(self, fdl.Partial) else super().__build__(*args, **kwargs)  # type: ignore[misc]


def _partial(node: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Builds a Partial, of the real callable if a placeholder stands for it."""
    function = fdl.get_callable(node)
    if isinstance(function, LazyTarget):
        function = targets.resolve_for_graph(function.path, function.allow).function
    if "self" in kwargs:
        # Fiddle's own method has a parameter of that name.
        return functools.partial(function, *args, **kwargs)
    plain = object.__new__(fdl.Partial)
    object.__setattr__(plain, "__fn_or_cls__", function)
    return plain.__build__(*args, **kwargs)


def _for_mode(mode: str, built: Any, graph: Any) -> Any:
    """Returns an argument as Hydra hands it over: containers of the config become OmegaConf's under "none"."""
    if is_config(built):
        return copy.deepcopy(built)
    kind = type(graph)
    if kind is dict and "_convert_" in graph:
        mode = normal_mode(graph["_convert_"])
    if mode != "none":
        return built
    if kind is list:
        return hydra_list([_for_mode(mode, item, of) for item, of in zip(built, graph, strict=True)])
    if kind is dict:
        return hydra_dict({key: _for_mode(mode, item, graph[key]) for key, item in built.items()})
    if kind is tuple:
        return tuple(_for_mode(mode, item, of) for item, of in zip(built, graph, strict=True))
    return built


@functools.cache
def mode_class(base: Any, mode: str) -> type[Any]:
    """Returns the subclass of a Buildable class whose arguments are converted as ``_convert_: mode`` says."""
    name = f"{mode.title()}{base.__name__}"
    return type(name, (_Converting, base), {"__convert__": mode, "__module__": __name__})


def base_of(cls: type[Any]) -> type[Any]:
    """Returns the Buildable class that :func:`mode_class` made a class of; other classes are their own."""
    return cls.__bases__[1] if "__convert__" in vars(cls) else cls


def _restored(base: Any, mode: str, state: dict[str, Any]) -> Any:
    node = object.__new__(mode_class(base, mode))
    node.__setstate__(state)
    return node


# Making.


def make(cls: Any, function: Any, shape: Shape, arguments: dict[int | str, Any]) -> Any:
    """Makes a Buildable without history.

    Args:
        cls: the Buildable class.
        function: the callable.
        shape: its shape.
        arguments: by Fiddle's keys; taken over, not copied.
    """
    if not _is_layout_known(cls):
        metadata = fdl.BuildableTraverserMetadata(function, tuple(arguments), dict(shape.tags), {})
        node = cls.__unflatten__(tuple(arguments.values()), metadata)
        object.__setattr__(node, "__arguments__", arguments)
        return node
    node = object.__new__(cls)
    tags = collections.defaultdict(set)
    for key, implied in shape.tags.items():
        tags[key] = set(implied)
    object.__setattr__(
        node,
        "__dict__",
        {
            "__fn_or_cls__": function,
            "__arguments__": arguments,
            "__signature_info__": shape.info,
            "__argument_history__": history.History(),
            "__argument_tags__": tags,
        },
    )
    return node


def without_signature(cls: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Makes a Buildable of a callable that shows no signature, which Fiddle's constructor refuses.

    >>> without_signature(fdl.Config, max, 1, 2)[:]
    [1, 2]
    """
    arguments: dict[int | str, Any] = dict(enumerate(args))
    arguments.update(kwargs)
    return make(cls, function, _anything_shape(), arguments)


def has_signature(function: Any) -> bool:
    """Whether a callable shows a signature."""
    return shape_of(function) is not _anything_shape()


@functools.cache
def _is_layout_known(cls: Any) -> bool:
    """Whether a Buildable consists of just the parts that :func:`make` sets."""
    try:
        probe = cls(_probe)
    except (TypeError, ValueError):  # a constructor of its own kind
        return False
    return set(probe.__dict__) == {
        "__fn_or_cls__",
        "__arguments__",
        "__signature_info__",
        "__argument_history__",
        "__argument_tags__",
    }


def _probe(x: int = 0) -> int:
    return x
