"""``Config`` and ``Partial`` with NeMo-Run's methods, and ``broadcast`` and ``walk`` for any Fiddle graph.

In come graphs of Fiddle's Buildables, which are changed in place. ``convert.histories`` stands above (the caller's
place, for Fiddle's history), ``tree_view`` draws for notebooks; ``autoconvert`` stands below and makes these classes.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from pathlib import Path as FilePath
from typing import Any, Generic, NamedTuple, Self, TypeVar

import fiddle as fdl
from fiddle import daglish, graphviz

from fiddle_hydra_bridge.convert import runtime
from fiddle_hydra_bridge.convert.buildables import TAGGED_VALUE
from fiddle_hydra_bridge.convert.histories import Location, caller, place_last
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.errors import ParameterError, Problem, raise_problems, suggestion
from fiddle_hydra_bridge.vocabulary.tree_view import html_tree

__all__ = ["Config", "Partial", "broadcast", "walk"]

_T = TypeVar("_T")
_Graph = TypeVar("_Graph")


def broadcast(graph: _Graph, /, **values: Any) -> _Graph:
    """Sets parameters on every node of a graph that declares them.

    A node is a Config, Partial or ArgFactory, wherever it stands: in arguments, lists, dicts and tuples. A name that
    a node takes by ``**kwargs`` is set only where it is set already. A node that is shared is set once.

    Args:
        graph: a Buildable, or lists, dicts and tuples of them. It is changed in place.
        **values: the new values by name of parameter. One that is mutable becomes shared.

    Returns:
        the graph.

    Raises:
        ParameterError: for names that no node has; then nothing is changed.

    Example:
        >>> from fractions import Fraction
        >>> broadcast([fdl.Config(Fraction), fdl.Config(Fraction, 1, 2)], denominator=3)
        [<Config[Fraction(denominator=3)]>, <Config[Fraction(numerator=1, denominator=3)]>]
    """
    nodes = _nodes(graph)
    _check_names(nodes, values, lambda node, key: True, "parameter")
    where = caller()
    for name, value in values.items():
        for node in nodes:
            key = _key_of(node.buildable, name)
            if key is not None:
                _set(node.buildable, key, value, where)
    return graph


def walk(graph: _Graph, /, **functions: Callable[[Any], Any]) -> _Graph:
    """Computes parameters anew on every node of a graph that has a value or a default for them.

    Nodes as for :func:`broadcast`. The names are done one after the other; each function is called with the nodes
    that the graph has at that time, parents before their children and every node once.

    Args:
        graph: a Buildable, or lists, dicts and tuples of them. It is changed in place.
        **functions: by name of parameter: a function of the node that returns the new value.

    Returns:
        the graph.

    Raises:
        ParameterError: for names that no node has a value or a default for; then nothing is changed.
        Exception: what a function raises, with a note that names the node.

    Example:
        >>> from fractions import Fraction
        >>> walk([fdl.Config(Fraction, 1), fdl.Config(Fraction, 2)], numerator=lambda config: config.numerator * 10)
        [<Config[Fraction(numerator=10)]>, <Config[Fraction(numerator=20)]>]
    """
    _check_names(_nodes(graph), functions, _has_value, "parameter with a value or a default")
    where = caller()
    for name, function in functions.items():
        for node in _nodes(graph):
            key = _key_of(node.buildable, name)
            if key is None or not _has_value(node.buildable, key):
                continue
            try:
                value = function(node.buildable)
            except Exception as error:
                error.add_note(f"walk called the function for {format_path((*node.path, name))}")
                raise
            _set(node.buildable, key, value, where)
    return graph


class _Words:
    """The methods that NeMo-Run's ``Config`` and ``Partial`` have, and no others: a method hides a parameter."""

    def broadcast(self, /, **values: Any) -> Self:
        """Sets parameters on this node and on every node below that declares them: :func:`broadcast`."""
        return broadcast(self, **values)

    def walk(self, /, **functions: Callable[[Any], Any]) -> Self:
        """Computes parameters of this node and of every node below anew: :func:`walk`."""
        return walk(self, **functions)

    def clone(self) -> Self:
        """Returns a deep copy, in which what is shared stays shared."""
        return copy.deepcopy(self)

    def visualize(self, **options: Any) -> Any:
        """Returns a ``graphviz.Graph`` of the graph.

        Args:
            **options: as ``fiddle.graphviz.render``: ``max_depth``, ``max_str_length``.
        """
        return graphviz.render(self, **options)

    def diff(self, old: Any, trim: bool = True) -> Any:
        """Returns a ``graphviz.Graph`` of the changes from another graph to this one.

        Args:
            old: the other graph.
            trim: whether to leave out what is the same in both.
        """
        return graphviz.render_diff(old=old, new=self, trim=trim)

    def save_config_img(self, path_str: str | os.PathLike[str]) -> None:
        """Draws the graph into a file. Needs Graphviz's ``dot`` program.

        Args:
            path_str: the file; its suffix is the format, e.g. ``.png`` or ``.svg``. Without a suffix it is a folder,
                in which ``config.png`` is written. Folders are made.

        Raises:
            graphviz.ExecutableNotFound: if ``dot`` is not installed.
        """
        path = FilePath(path_str)
        if not path.suffix:
            path = path / "config.png"
        image = self.visualize().pipe(format=path.suffix[1:].lower())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: a tree of the set arguments."""
        return html_tree(self)


class Config(Generic[_T], _Words, fdl.Config[_T]):  # type: ignore[misc]
    """``fdl.Config`` with NeMo-Run's methods.

    The methods hide parameters of their names, which can still be set; read them from ``config.__arguments__``.

    Args:
        fn_or_cls: the callable.
        *args: its positional arguments.
        **kwargs: its keyword arguments.

    Example:
        >>> from fractions import Fraction
        >>> Config(Fraction, numerator=1).broadcast(denominator=3)
        <Config[Fraction(numerator=1, denominator=3)]>
    """


class Partial(Generic[_T], _Words, fdl.Partial[_T]):  # type: ignore[misc]
    """``fdl.Partial`` with NeMo-Run's methods. Arguments as for :class:`Config`.

    Example:
        >>> from fractions import Fraction
        >>> fdl.build(Partial(Fraction, numerator=1))(denominator=3)
        Fraction(1, 3)
    """


def _support_casts() -> None:
    """Tells ``fdl.cast`` that our classes are interchangeable with Fiddle's; without it, it casts with a warning."""
    try:
        from fiddle._src.casting import register_supported_cast
    except ImportError:  # internal to Fiddle, and only the warning depends on it
        return
    ours = (Config, Partial)
    kinds = (*ours, fdl.Config, fdl.Partial, fdl.ArgFactory)
    for source in kinds:
        for target in kinds:
            if source in ours or target in ours:
                register_supported_cast(source, target)


_support_casts()


# The nodes of a graph, and their parameters.


class _Node(NamedTuple):
    buildable: Any
    path: Path


#: What stands for a value in a graph: their parameters are the bridge's and Fiddle's own.
_STAND_INS = frozenset({runtime.unresolved, runtime.missing, TAGGED_VALUE})


def _nodes(graph: Any) -> list[_Node]:
    """Returns the nodes of a graph, each once, and after all nodes that hold it."""
    finished: list[_Node] = []
    seen: dict[int, Any] = {}  # keeps the objects alive, since their ids are remembered
    pending: list[tuple[Any, Path, bool]] = [(graph, (), False)]
    while pending:
        value, path, is_finished = pending.pop()
        if is_finished:
            finished.append(_Node(value, path))
        elif id(value) not in seen and daglish.is_traversable_type(type(value)):
            seen[id(value)] = value
            pending.append((value, path, True))
            # The last child is popped first, so that the reverse of this order begins with the first.
            pending.extend((child, (*path, step), False) for step, child in _children(value))
    return [
        node
        for node in reversed(finished)
        if isinstance(node.buildable, fdl.Buildable) and fdl.get_callable(node.buildable) not in _STAND_INS
    ]


def _children(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, fdl.Buildable):
        value = fdl.ordered_arguments(value)
    if isinstance(value, dict):
        return value.items()
    # What else Fiddle looks into: lists, tuples, and the classes that were registered with it.
    return enumerate(daglish.find_node_traverser(type(value)).flatten(value)[0])


def _key_of(node: Any, name: str) -> int | str | None:
    """Returns Fiddle's key for a parameter of this name, None if the node has none."""
    parameter = node.__signature_info__.parameters.get(name)
    if parameter is not None and parameter.kind is parameter.POSITIONAL_ONLY:
        return list(node.__signature_info__.parameters).index(name)
    is_named = parameter is not None and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return name if is_named or name in node.__arguments__ else None


def _has_value(node: Any, key: int | str) -> bool:
    if key in node.__arguments__:
        return True
    parameters = node.__signature_info__.parameters
    parameter = [*parameters.values()][key] if isinstance(key, int) else parameters[key]
    return parameter.default is not parameter.empty


def _check_names(
    nodes: list[_Node], names: dict[str, Any], is_usable: Callable[[Any, int | str], bool], wanted: str
) -> None:
    """Raises one error for all names that no node has."""
    known = {name for node in nodes for name in _names(node.buildable)}
    problems = []
    for name in names:
        keys = [(node.buildable, _key_of(node.buildable, name)) for node in nodes]
        if not any(key is not None and is_usable(node, key) for node, key in keys):
            message = f"no node has a {wanted} {name!r}{suggestion(name, known - {name})}"
            problems.append(Problem(message, kind=ParameterError))
    raise_problems(problems)


def _names(node: Any) -> list[str]:
    names = (*node.__signature_info__.parameters, *(key for key in node.__arguments__ if isinstance(key, str)))
    return [name for name in names if _key_of(node, name) is not None]


def _set(node: Any, key: int | str, value: Any, where: Location) -> None:
    """Sets an argument; Fiddle's history says that the caller of the bridge did it."""
    if isinstance(key, int):
        node[key] = value
    else:
        setattr(node, key, value)
    place_last(node, key, where)
