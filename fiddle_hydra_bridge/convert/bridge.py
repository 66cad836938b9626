"""The spokes put together: configs to graphs and graphs to configs, as objects and as text.

Every function here is a short chain through the tree: a spoke reads, a spoke writes. What a spoke does not know
(places in the text, the caller's line, what OmegaConf says of a config) is added here. ``links`` and ``files`` stand
below and use these chains for graphs with links and for files.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, ParamSpec, TypeVar

import fiddle as fdl
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import (
    graph_reader,
    graph_writer,
    hydra_reader,
    hydra_writer,
    omegaconf_nodes,
    targets,
    values,
    yaml_text,
)
from fiddle_hydra_bridge.convert.dialects import DIALECTS, translate
from fiddle_hydra_bridge.convert.docs import comments_for
from fiddle_hydra_bridge.convert.histories import Location, caller
from fiddle_hydra_bridge.convert.hydra_keys import MODES
from fiddle_hydra_bridge.convert.nodes import is_config, is_structured
from fiddle_hydra_bridge.convert.tree import PLAIN_TYPES, Data, Marks
from fiddle_hydra_bridge.errors import (
    BridgeError,
    ParameterError,
    Place,
    Problem,
    SyntaxProblemError,
    UnsupportedValueError,
    first_line,
    suggestion,
)

__all__ = [
    "Options",
    "check_choice",
    "from_hydra",
    "from_marked",
    "from_parsed",
    "from_yaml",
    "guarded",
    "to_data",
    "to_hydra",
    "to_yaml",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def guarded(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turns the end of Python's stack into an error of the bridge."""

    @functools.wraps(function)
    def guarded_function(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except RecursionError as error:
            raise SyntaxProblemError("the config is nested too deeply") from error

    return guarded_function


@dataclass(frozen=True)
class Options:
    """How a config is read; the arguments of :func:`from_hydra`.

    Raises:
        ParameterError: for a value that is none of the choices.
    """

    convert: str = "all"
    share: bool = False
    links: str = "auto"
    allow: str | Iterable[str] | None = None
    missing: str = "error"
    config_cls: type[Any] = fdl.Config
    partial_cls: type[Any] = fdl.Partial
    codecs: Iterable[values.Codec] = ()
    dialect: str | None = None

    def __post_init__(self) -> None:
        if self.dialect is not None:
            check_choice("dialect", self.dialect, DIALECTS)
        check_choice("convert", self.convert, MODES)
        check_choice("links", self.links, ("auto", "keep"))
        check_choice("missing", self.missing, ("error", "lazy"))

    @classmethod
    def named(cls, options: dict[str, Any]) -> Options:
        """Returns the options that were given by name.

        Raises:
            TypeError: for a name that is none of them.
        """
        names = [field.name for field in fields(cls)]
        for name in options:
            if name not in names:
                raise TypeError(f"there is no option {name!r}{suggestion(name, names)}")
        return cls(**options)

    def graph(self, data: Data, shared: frozenset[int], marks: Marks | None, location: Location) -> Any:
        """Makes a graph of data, through the tree."""
        registry = values.BUILTIN.with_codecs(*self.codecs)
        problems: list[Problem] = []
        if self.dialect is not None:
            data, shared, marks = translate(self.dialect, data, shared, marks)
        tree = hydra_reader.read(
            data, convert=self.convert, codecs=registry, marks=marks, shared=shared, whole=True, problems=problems
        )
        return graph_writer.write(
            tree,
            codecs=registry,
            allow=targets.normalise_allow(self.allow),
            missing=self.missing,
            config_cls=self.config_cls,
            partial_cls=self.partial_cls,
            location=location,
            problems=problems,
        )


@guarded
def from_hydra(
    config: Any,
    *,
    convert: str = "all",
    share: bool = False,
    links: str = "auto",
    allow: str | Iterable[str] | None = None,
    missing: str = "error",
    config_cls: type[Any] = fdl.Config,
    partial_cls: type[Any] = fdl.Partial,
    codecs: Iterable[values.Codec] = (),
    dialect: str | None = None,
) -> Any:
    """Converts a Hydra config to a Fiddle graph.

    Args:
        config: a DictConfig or ListConfig, a plain dict or list, a structured config (class or instance), or None.
            It is not changed.
        convert: what call nodes that neither set nor inherit ``_convert_`` do with containers: "all" gives their
            targets plain dicts and lists, "none" OmegaConf's containers, as Hydra does by default; "partial" and
            "object" as in Hydra.
        share: whether ``${node}`` means the same instance as the node; otherwise it is a copy, as in Hydra.
        links: "auto" resolves interpolations where they stand; what does not resolve becomes a link, whose build
            raises. "keep" keeps all of them as links, for ``resolve``.
        allow: patterns of target paths, exact or ending in ``.*``; no other target is even imported.
        missing: what becomes of a target that cannot be imported: "error", or "lazy" for a ``LazyTarget``, so that
            a config can be shown, compared and migrated without the library.
        config_cls: the class of configs, e.g. NeMo-Run's.
        partial_cls: the class of partials.
        codecs: codecs for values, besides the built-in ones.
        dialect: whose words the config speaks, if not Hydra's: "torchtune" (``_component_``), "lightning" (the
            ``class_path`` and ``init_args`` of LightningCLI and jsonargparse) or "nemo_run" (``_call_``).

    Returns:
        a Buildable for a call node, a ``fdl.Config(section, ...)`` for a mapping without ``_target_``, a list for a
        list, None for None.

    Raises:
        BridgeError: with every problem that was found, its config path and, where known, its place.

    Example:
        >>> from_hydra({"_target_": "fractions.Fraction", "_partial_": True, "numerator": 1})
        <Partial[Fraction(numerator=1)]>
    """
    options = Options(convert, share, links, allow, missing, config_cls, partial_cls, codecs, dialect)
    if config is None:
        return None
    if type(config) in (dict, list) and _is_plain(config):
        data, shared = config, frozenset[int]()
    else:
        node = config if is_config(config) else _as_config(config)
        data, shared, _ = omegaconf_nodes.read(node, links=links, share=share)
    return options.graph(data, shared, None, caller())


@guarded
def to_hydra(graph: Any, *, defaults: str = "set", codecs: Iterable[values.Codec] = ()) -> Any:
    """Converts a Fiddle graph to a Hydra config that plain ``hydra.utils.instantiate`` builds.

    Instances that the graph shares stay shared: the lowest call above all of them becomes a
    ``fiddle_hydra_bridge.share`` node. Instances that two sections share can only be kept when both are
    instantiated together.

    Args:
        graph: a Buildable, or lists and dicts of them. A plain dict at the root is written as a section.
        defaults: "set" for the arguments that are set, "all" also for the defaults of the others that can be spelled.
        codecs: codecs for values, besides the built-in ones.

    Returns:
        a DictConfig, or a ListConfig for a list.

    Raises:
        BridgeError: with every value and target that cannot be spelled, its path, and what to do.

    Example:
        >>> from fractions import Fraction
        >>> to_hydra(fdl.Config(Fraction, 1, 3))
        {'_target_': 'fractions.Fraction', 'numerator': 1, 'denominator': 3}
    """
    return omegaconf_nodes.write(to_data(graph, defaults, codecs, omegaconf_nodes.is_native))


@guarded
def from_yaml(text: str, *, source: str = "<yaml>", **options: Any) -> Any:
    """Converts YAML text to a Fiddle graph, in OmegaConf's dialect of YAML.

    Nothing in the text is ever evaluated: no tags of Python objects, no expressions.

    Args:
        text: the YAML.
        source: the name of the text in messages and in Fiddle's history.
        **options: as :func:`from_hydra`.

    Raises:
        BridgeError: as :func:`from_hydra`, with ``source:line:column``.

    Example:
        >>> from_yaml("_target_: fractions.Fraction\\nnumerator: 1\\n")
        <Config[Fraction(numerator=1)]>
    """
    data, marks = yaml_text.parse(text, source=source)
    return from_parsed(data, marks, text, Options.named(options))


def from_parsed(data: Data, marks: Marks, text: str, options: Options) -> Any:
    """Makes a graph of data that were parsed from a text.

    OmegaConf is asked only where the text holds what it alone can say: interpolations, and children that stay config.
    """
    if "${" in text or "_recursive_" in text:
        try:
            config = OmegaConf.create(data)
        except OmegaConfBaseException as error:
            raise _refused_by_omegaconf(error, data, marks) from error
        return from_marked(config, data, marks, options)
    return options.graph(data, frozenset(), marks, Location(marks.source, marks.root[0], None))


def from_marked(config: Any, parsed: Data, marks: Marks, options: Options) -> Any:
    """Makes a graph of a config whose places are known.

    Args:
        config: the DictConfig or ListConfig.
        parsed: its data, of the same form.
        marks: the marks of these data.
        options: how the config is read.
    """
    try:
        data, shared, marks_of_data = omegaconf_nodes.read(
            config, links=options.links, share=options.share, marks=marks, parsed=parsed
        )
    except BridgeError as error:
        raise type(error)(_with_place(problem, parsed, marks) for problem in error.problems) from error
    location = Location(marks.source, marks.root[0], None) if marks.source else caller()
    return options.graph(data, shared, marks_of_data, location)


@guarded
def to_yaml(graph: Any, *, defaults: str = "set", comments: bool = False, codecs: Iterable[values.Codec] = ()) -> str:
    """Converts a Fiddle graph to YAML, as a Hydra user would have written it.

    Args:
        graph: as for :func:`to_hydra`.
        defaults: as for :func:`to_hydra`.
        comments: whether to put each parameter's type and docstring line behind it.
        codecs: as for :func:`to_hydra`.

    Raises:
        BridgeError: as :func:`to_hydra`.

    Example:
        >>> from fractions import Fraction
        >>> print(to_yaml(fdl.Config(Fraction, numerator=1)), end="")
        _target_: fractions.Fraction
        numerator: 1
    """
    data = to_data(graph, defaults, codecs)
    return yaml_text.emit(data, comments=comments_for(data) if comments else None)


def to_data(
    graph: Any,
    defaults: str = "set",
    codecs: Iterable[values.Codec] = (),
    native: Callable[[Any], bool] = lambda value: False,
) -> Data:
    """Spells a graph as plain data.

    Args:
        graph: as for :func:`to_hydra`.
        defaults: as for :func:`to_hydra`.
        codecs: as for :func:`to_hydra`.
        native: whether a value stays as it is.
    """
    check_choice("defaults", defaults, ("set", "all"))
    registry = values.BUILTIN.with_codecs(*codecs)
    tree = graph_reader.read(graph, codecs=registry, defaults=defaults)
    data = hydra_writer.write(tree, codecs=registry, native=native)
    if type(data) not in (dict, list):
        raise UnsupportedValueError(
            Problem(
                f"a {type(graph).__name__} cannot be written: a config is a mapping or a list",
                hint="give a Buildable, a dict or a list",
                kind=UnsupportedValueError,
            )
        )
    return data


def _as_config(config: Any) -> Any:
    """Returns OmegaConf's view of a config that is not OmegaConf's yet."""
    if not isinstance(config, dict | list | tuple) and not is_structured(config):
        raise UnsupportedValueError(
            Problem(
                f"cannot convert a {type(config).__name__}",
                hint="give a DictConfig, ListConfig, dict, list or structured config; "
                "from_yaml reads text, and load reads files",
                kind=UnsupportedValueError,
            )
        )
    try:
        return OmegaConf.structured(_with_paths(config), flags={"allow_objects": True})
    except OmegaConfBaseException as error:
        raise _refused_by_omegaconf(error, None, None) from error


def _with_paths(config: Any) -> Any:
    """Replaces targets that are given as callables by their paths, as Hydra does."""
    if type(config) is dict:
        return {
            key: targets.path_of(value) if key == "_target_" and callable(value) else _with_paths(value)
            for key, value in config.items()
        }
    return [_with_paths(item) for item in config] if type(config) is list else config


def _is_plain(config: Any) -> bool:
    """Whether plain data says the same to us as after OmegaConf has read it: no interpolations, no objects."""
    pending = [config]
    seen: set[int] = set()
    while pending:
        data = pending.pop()
        kind = type(data)
        if kind is str:
            if "${" in data:
                return False
            continue
        if kind in PLAIN_TYPES:
            continue
        # Data that contains itself, or that is met often, is OmegaConf's to judge.
        if id(data) in seen or kind not in (dict, list):
            return False
        seen.add(id(data))
        if kind is dict:
            if "_recursive_" in data or not all(type(key) is str for key in data):
                return False
            pending.extend(data.values())
        else:
            pending.extend(data)
    return True


def _refused_by_omegaconf(error: OmegaConfBaseException, data: Data, marks: Marks | None) -> BridgeError:
    """Returns our error for a config that OmegaConf refuses, with the place of the key that it names."""
    problem = Problem(first_line(error), getattr(error, "full_key", None) or "", kind=SyntaxProblemError)
    return SyntaxProblemError(problem if marks is None else _with_place(problem, data, marks))


def _with_place(problem: Problem, data: Data, marks: Marks) -> Problem:
    """Returns a problem with the place of the key that it names in OmegaConf's way, e.g. ``a.b[0]``."""
    mark = (marks.source, *marks.root)
    for step in (problem.path or "").replace("[", ".").replace("]", "").split("."):
        key: Any = int(step) if type(data) is list and step.isdigit() else step
        mark = marks.lines.get(id(data), {}).get(key, mark)
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            break
    return replace(problem, place=Place(*mark))


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Checks that an option has one of the values that it can have.

    Raises:
        ParameterError: if not.
    """
    if value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
