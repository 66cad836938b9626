"""The recipes that code has registered: ``@fhb.recipe`` and ``fhb.register``.

In come functions, graphs and modules; out goes :data:`REGISTRY`, whose entries ``config_source`` offers to every
Hydra app of the process under ``fiddle://``. Nothing is evaluated here: a recipe runs when a config chooses it.
Neither Hydra nor Fiddle is imported, so that a module of recipes stays as light as it was.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from fiddle_hydra_bridge.errors import ParameterError, Problem

__all__ = [
    "REGISTRY",
    "Entry",
    "Registry",
    "checked_name",
    "config_path",
    "is_function",
    "is_registering",
    "names_in",
    "not_registering",
    "path_problem",
    "recipe",
    "register",
]

_F = TypeVar("_F")


def config_path(group: str | None, name: str) -> str:
    """Returns the path of an option as Hydra asks for it: ``"model/llama"``, or ``"llama"`` in no group.

    >>> config_path("model", "llama"), config_path(None, "llama")
    ('model/llama', 'llama')
    """
    return f"{group}/{name}" if group else name


def names_in(group: str, paths: Iterable[str]) -> tuple[set[str], set[str]]:
    """Returns the names of the groups and of the options that stand directly in a group.

    >>> names_in("model", ["model/llama", "model/text/tiny", "data/text"])
    ({'text'}, {'llama'})
    """
    groups, options = set[str](), set[str]()
    start = config_path(group, "")
    for path in paths:
        if path.startswith(start):
            name, _, rest = path.removeprefix(start).partition("/")
            (groups if rest else options).add(name)
    return groups, options


def path_problem(group: str | None, name: str) -> str | None:
    """Returns why a command line could not choose an option by this group and name, ``None`` if it can.

    >>> path_problem("model/text", "llama-3.1")
    >>> path_problem("model.text", "llama")
    "group='model.text' must be words with slashes between them"
    """
    if group and not _GROUP.fullmatch(group):
        return f"group={group!r} must be words with slashes between them"
    if not _NAME.fullmatch(name) or name.endswith(".yaml"):
        return f"name={name!r} must be one word"
    return None


_GROUP = re.compile(r"[\w-]+(?:/[\w-]+)*")
_NAME = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True)
class Entry:
    """A registered recipe.

    Attributes:
        path: its config path, e.g. ``"model/llama"``.
        package: where Hydra places it, ``None`` for its group.
        recipe: the function that returns the graph, or the graph itself.
        typed: whether it is served as a structured config.
        verbatim: whether it is served as it stands.
    """

    path: str
    package: str | None
    recipe: Any
    typed: bool = False
    verbatim: bool = False


class Registry:
    """The entries by config path, and the modules that were registered whole, by group.

    Attributes:
        entries: the recipes.
        modules: pairs of group and module name, in the order of their registration.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.modules: list[tuple[str, str]] = []

    def add(self, entry: Entry) -> None:
        """Adds an entry; the same recipe, defined anew, replaces the old one.

        Raises:
            ParameterError: if another function has the path already.
        """
        known = self.entries.get(entry.path)
        if known is not None and _origin(known.recipe) != _origin(entry.recipe):
            raise ParameterError(
                Problem(
                    f"two recipes are called {entry.path!r}: "
                    f"{'.'.join(_origin(known.recipe))} and {'.'.join(_origin(entry.recipe))}",
                    hint="give one of them another name= or group=",
                    kind=ParameterError,
                )
            )
        self.entries[entry.path] = entry

    def add_module(self, group: str, module: str) -> None:
        """Adds every recipe of a module, to be listed when a config asks for one."""
        if (group, module) not in self.modules:
            self.modules.append((group, module))

    def state(self) -> tuple[dict[str, Entry], list[tuple[str, str]]]:
        """Returns what another process needs to offer the same recipes."""
        return self.entries, self.modules

    def restore(self, state: tuple[dict[str, Entry], list[tuple[str, str]]]) -> None:
        """Takes over the :meth:`state` of another process."""
        entries, modules = state
        self.entries.update(entries)
        for group, module in modules:
            self.add_module(group, module)


#: What is registered in this process.
REGISTRY = Registry()

_registering: ContextVar[bool] = ContextVar("fiddle_hydra_bridge_registering", default=True)


@contextmanager
def not_registering() -> Iterator[None]:
    """Makes ``@recipe`` and ``register`` do nothing: a module that is imported for what a search path offers of it
    must not show up a second time, at another place."""
    token = _registering.set(False)
    try:
        yield
    finally:
        _registering.reset(token)


def is_registering() -> bool:
    """Whether a recipe that says that it is on offer is meant: not below :func:`not_registering`."""
    return _registering.get()


@overload
def recipe(function: _F, /) -> _F: ...


@overload
def recipe(
    *,
    group: str | None = None,
    name: str | None = None,
    package: str | None = None,
    typed: bool = False,
    verbatim: bool = False,
) -> Callable[[_F], _F]: ...


def recipe(
    function: Any = None,
    /,
    *,
    group: str | None = None,
    name: str | None = None,
    package: str | None = None,
    typed: bool = False,
    verbatim: bool = False,
) -> Any:
    """Offers a function that returns a graph as a config: ``python app.py model=llama``.

    The function stays as it is, and is called when a config chooses it. Modules that are read from their text, by
    ``hydra.searchpath: [fiddle://my_pkg.recipes]``, need these words as literals.

    Args:
        function: a function without required parameters that returns a graph, or an ``auto_config`` function.
        group: the config group. By default none; in a module on the search path, the place of the module.
        name: the name of the option, by default the function's.
        package: where Hydra places the config, e.g. ``"_global_"``; by default where its group says.
        typed: whether the config is typed by the signatures of its targets: Hydra then refuses unknown parameters
            and wrong types, and shows the parameters that are not set with their defaults.
        verbatim: whether the config is what the recipe says and nothing else, as a YAML file's is: dicts are mappings,
            call nodes get no ``_convert_``, and no ``???`` for parameters that are left out. The function may then
            return a dict, and the names may be any that a file could have. With :func:`~fiddle_hydra_bridge.node`
            entries keep their order, too. As a file is offered by its folder, such a function is offered by its module
            alone: by a search path or by :func:`register`, not by being imported.

    Raises:
        ParameterError: if another function is registered under that name, or a command line could not spell it.

    Example:
        >>> import fiddle as fdl
        >>> @recipe(group="docs_model")
        ... def third() -> fdl.Config:
        ...     return fdl.Config(dict, numerator=1, denominator=3)
        >>> third()
        <Config[dict(numerator=1, denominator=3)]>
    """
    if function is None:
        return functools.partial(_decorate, group=group, name=name, package=package, typed=typed, verbatim=verbatim)
    return _decorate(function, group, name, package, typed, verbatim)


def _decorate(
    function: Any, group: str | None, name: str | None, package: str | None, typed: bool, verbatim: bool
) -> Any:
    if verbatim:
        # Modules of one package have functions of one name, as folders have files: default, base, small.
        _check_words(typed, verbatim)
    else:
        register(function, group=group, name=name, package=package, typed=typed)
    return function


def register(
    what: Any,
    *,
    group: str | None = None,
    name: str | None = None,
    package: str | None = None,
    typed: bool = False,
    verbatim: bool = False,
) -> None:
    """Offers a recipe as a config, from outside: what :func:`recipe` does for a function of one's own.

    Args:
        what: a function that returns a graph; a graph, which needs a ``name``; or a module, whose recipes are all
            offered below ``group``.
        group: the config group, none by default.
        name: the name of the option, by default the function's.
        package: where Hydra places the config; by default where its group says.
        typed: whether the config is typed, as for :func:`recipe`. The recipes of a module say it themselves.
        verbatim: as for :func:`recipe`.

    Raises:
        ParameterError: if the name is missing, taken or no word, or does not go with a module.

    Example:
        >>> import fiddle as fdl
        >>> register(fdl.Config(dict, dim=3), group="docs_data", name="small")
    """
    if not is_registering():
        return
    if isinstance(what, types.ModuleType):
        if name is not None or package is not None or typed or verbatim:
            raise ParameterError("a module of recipes takes a group=, but no name=, package=, typed= or verbatim=")
        _check(group, "any")
        REGISTRY.add_module(group or "", what.__name__)
        return
    _check_words(typed, verbatim)
    name = checked_name(what, group, name, verbatim)
    REGISTRY.add(Entry(config_path(group, name), package, what, typed, verbatim))


def _check_words(typed: bool, verbatim: bool) -> None:
    if typed and verbatim:
        raise ParameterError("a recipe is typed or verbatim: types would add to what it says")


def checked_name(what: Any, group: str | None, name: str | None, verbatim: bool = False) -> str:
    """Returns the name of an option, by default that of the function.

    Args:
        what: the recipe.
        group: the config group.
        name: the name that was given.
        verbatim: whether the group and the name may be any that a file could have.

    Raises:
        ParameterError: if there is none, or a command line could not spell the group or the name.
    """
    name = name or (getattr(what, "__name__", None) if is_function(what) else None)
    if not isinstance(name, str):
        raise ParameterError(f"a {type(what).__name__} has no name of its own: register it with name=")
    if not verbatim:
        _check(group, name)
    return name


def _check(group: str | None, name: str) -> None:
    problem = path_problem(group, name)
    if problem is not None:
        raise ParameterError(problem)


def is_function(what: Any) -> bool:
    """Whether a recipe is a function, to be called for its graph, and not the graph itself."""
    # Buildables forward unknown attributes to their arguments, and NeMo-Run's are callable.
    return callable(what) and not hasattr(type(what), "__build__")


def _origin(what: Any) -> tuple[str, ...]:
    """What makes two recipes the same: a function's module and name. Graphs replace graphs, as in a notebook."""
    return (what.__module__, what.__qualname__) if is_function(what) else ("a graph",)
