"""The spokes put together: the public converters.

In come configs of either world, as objects, text or files; out go configs of the other, or live objects. Every
function here is a short chain through the tree: a spoke reads, a spoke writes. What a spoke does not know (places in
files, the caller's line, the installed Hydra line) is added here.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path as FilePath
from typing import Any, ParamSpec, TypeVar

import fiddle as fdl
from fiddle import daglish
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import (
    fiddle_graph,
    hydra_data,
    omegaconf_nodes,
    runtime,
    targets,
    values,
    yaml_text,
)
from fiddle_hydra_bridge.convert.buildables import Location, caller
from fiddle_hydra_bridge.convert.docs import comments_for
from fiddle_hydra_bridge.convert.nodes import is_config
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import MISSING, Data, Link, Marks, Tree
from fiddle_hydra_bridge.errors import (
    BridgeError,
    ParameterError,
    Place,
    Problem,
    SyntaxProblemError,
    UnsupportedValueError,
)

__all__ = [
    "build",
    "from_hydra",
    "from_yaml",
    "link",
    "load",
    "resolve",
    "save",
    "to_hydra",
    "to_yaml",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _guarded(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turns the end of Python's stack into an error of the bridge."""

    @functools.wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except RecursionError as error:
            raise SyntaxProblemError("the config is nested too deeply") from error

    return guarded


@_guarded
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
            raises. "keep" keeps all of them as links, for :func:`resolve`.
        allow: patterns of target paths, exact or ending in ``.*``; no other target is even imported.
        missing: what becomes of a target that cannot be imported: "error", or "lazy" for a ``LazyTarget``, so that
            a config can be shown, compared and migrated without the library.
        config_cls: the class of configs, e.g. NeMo-Run's.
        partial_cls: the class of partials.
        codecs: codecs for values, besides the built-in ones.

    Returns:
        a Buildable for a call node, a ``fdl.Config(section, ...)`` for a mapping without ``_target_``, a list for a
        list, None for None.

    Raises:
        BridgeError: with every problem that was found, its config path and, where known, its place.

    Example:
        >>> from_hydra({"_target_": "fractions.Fraction", "_partial_": True, "numerator": 1})
        <Partial[Fraction(numerator=1)]>
    """
    _check_choice("convert", convert, hydra_data.MODES)
    _check_choice("links", links, ("auto", "keep"))
    _check_choice("missing", missing, ("error", "lazy"))
    if config is None:
        return None
    registry = values.BUILTIN.with_codecs(*codecs)
    data, shared, marks = _read_config(config, links, share)
    tree = hydra_data.read(data, convert=convert, codecs=registry, marks=marks, shared=shared)
    return fiddle_graph.write(
        tree,
        codecs=registry,
        allow=targets.normalise_allow(allow),
        missing=missing,
        config_cls=config_cls,
        partial_cls=partial_cls,
        location=caller(),
    )


@_guarded
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
    return omegaconf_nodes.write(_write_data(graph, defaults, codecs, omegaconf_nodes.is_native))


@_guarded
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
    return _from_parsed(data, marks, "${" in text or "_recursive_" in text, **options)


@_guarded
def to_yaml(
    graph: Any, *, defaults: str = "set", comments: bool = False, codecs: Iterable[values.Codec] = ()
) -> str:
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
    data = _write_data(graph, defaults, codecs)
    return yaml_text.emit(data, comments=comments_for(data) if comments else None)


@_guarded
def load(path: str | os.PathLike[str], **options: Any) -> Any:
    """Loads a Fiddle graph from a ``.yaml``, ``.yml`` or ``.json`` file in Hydra's spelling.

    Args:
        path: the file, UTF-8.
        **options: as :func:`from_hydra`.

    Raises:
        OSError: if the file cannot be read.
        BridgeError: as :func:`from_yaml`; for another suffix.
    """
    file = FilePath(path)
    kind = _file_kind(file)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        place = Place(str(file), file.read_bytes()[: error.start].count(b"\n") + 1, 1)
        message = f"the file is not UTF-8: {error.reason}"
        raise SyntaxProblemError(Problem(message, place=place, kind=SyntaxProblemError)) from error
    if kind == "yaml":
        return from_yaml(text, source=str(file), **options)
    try:
        data = json.loads(text, object_pairs_hook=_unique_pairs)
    except json.JSONDecodeError as error:
        place = Place(str(file), error.lineno, error.colno)
        raise SyntaxProblemError(Problem(error.msg, place=place, kind=SyntaxProblemError)) from error
    marks = Marks(str(file))
    return _from_parsed(data, marks, "${" in text or "_recursive_" in text, **options)


@_guarded
def save(graph: Any, path: str | os.PathLike[str], **options: Any) -> None:
    """Saves a Fiddle graph to a ``.yaml``, ``.yml`` or ``.json`` file in Hydra's spelling.

    The file is replaced as a whole: whoever reads it sees the old text or the new one.

    Args:
        graph: as for :func:`to_hydra`.
        path: the file.
        **options: as :func:`to_yaml`.

    Raises:
        OSError: if the file cannot be written.
        BridgeError: as :func:`to_hydra`; for another suffix.
    """
    file = FilePath(path)
    if _file_kind(file) == "yaml":
        text = to_yaml(graph, **options)
    else:
        options.pop("comments", None)  # JSON has none
        data = _write_data(graph, options.pop("defaults", "set"), options.pop("codecs", ()), **options)
        text = json.dumps(data, indent=2, ensure_ascii=False, default=_json_leaf) + "\n"
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=file.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _mode_for(file))
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def link(expression: str) -> Any:
    """Returns a node that stands for an interpolation, in a graph.

    Args:
        expression: the interpolation, e.g. ``"${data.dim}"``.

    Raises:
        ParameterError: if it holds no interpolation.

    Example:
        >>> print(to_yaml({"dim": 3, "width": link("${dim}")}), end="")
        dim: 3
        width: ${dim}
    """
    if not isinstance(expression, str) or "${" not in expression:
        raise ParameterError(f"not an interpolation: {expression!r}")
    return fdl.Config(runtime.unresolved, expression)


@_guarded
def resolve(graph: Any) -> Any:
    """Returns the graph with its links replaced by what they reach; a node that is reached is copied.

    Links that reach nothing stay, with the reason, and raise when they are built.

    Args:
        graph: the graph; it is not changed. Paths in the links start at its root.

    Raises:
        BridgeError: if the graph cannot be spelled, which resolving needs.

    Example:
        >>> fdl.build(resolve({"dim": 3, "width": link("${dim}"), "node": fdl.Config(dict, a=1)}))["width"]
        3
    """
    reader_links: list[tuple[Any, Link]] = []
    tree = fiddle_graph.read(graph, links=reader_links)
    if not reader_links:
        return graph
    paths: dict[int, Path] = {}
    config = omegaconf_nodes.write(hydra_data.write(tree, link_paths=paths))
    replacements: dict[int, Any] = {}
    for node, leaf in reader_links:
        data, shared, _ = omegaconf_nodes.read_at(config, paths[id(leaf)])
        reached = hydra_data.read(data, shared=shared, inside=True)
        replacements[id(node)] = fiddle_graph.write(reached, missing="lazy", location=caller())

    def replace(value: Any, state: daglish.State) -> Any:
        if id(value) in replacements:
            return replacements[id(value)]
        return state.map_children(value) if state.is_traversable(value) else value

    return daglish.MemoizedTraversal.run(replace, graph)


def build(graph: Any) -> Any:
    """Builds a graph, links included: ``fdl.build(resolve(graph))``.

    Args:
        graph: a Buildable, or lists and dicts of them.

    Raises:
        LinkError: if a link reaches nothing.
        Exception: whatever targets raise, as from ``fdl.build``.
    """
    return fdl.build(resolve(graph))


# The ends of the chains.


def _read_config(config: Any, links: str, share: bool) -> tuple[Data, frozenset[int], Marks | None]:
    if not is_config(config):
        if type(config) in (dict, list) and _is_plain(config):
            return config, frozenset(), None
        config = _create(config)
    return omegaconf_nodes.read(config, links=links, share=share)


def _create(config: Any) -> Any:
    if isinstance(config, dict | list | tuple) or OmegaConf.is_config(config) or _is_structured(config):
        try:
            return OmegaConf.structured(_with_paths(config), flags={"allow_objects": True})
        except OmegaConfBaseException as error:
            raise _as_problem(error, None, None) from error
    raise UnsupportedValueError(
        Problem(
            f"cannot convert a {type(config).__name__}",
            hint="give a DictConfig, ListConfig, dict, list or structured config; from_yaml and load read text and files",
            kind=UnsupportedValueError,
        )
    )


def _is_structured(config: Any) -> bool:
    cls = config if isinstance(config, type) else type(config)
    return hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__attrs_attrs__")


def _with_paths(config: Any) -> Any:
    """Replaces targets that are given as callables by their paths, as Hydra does."""
    if type(config) is dict:
        return {
            key: targets.path_of(value) if key == "_target_" and callable(value) else _with_paths(value)
            for key, value in config.items()
        }
    return [_with_paths(item) for item in config] if type(config) is list else config


_PLAIN = frozenset({int, float, bool, type(None)})


def _is_plain(config: Any) -> bool:
    """Whether plain data says the same to us as after OmegaConf has read it: no interpolations, no objects."""
    pending = [config]
    seen: set[int] = set()
    while pending:
        data = pending.pop()
        kind = type(data)
        if kind is dict:
            if "_recursive_" in data or not all(type(key) is str for key in data):
                return False
            pending.extend(data.values())
        elif kind is list:
            pending.extend(data)
        elif kind is str:
            if "${" in data:
                return False
        elif kind not in _PLAIN:
            return False
        if kind is dict or kind is list:
            # Data that contains itself, or that aliases blow up, is OmegaConf's to judge.
            if id(data) in seen:
                return False
            seen.add(id(data))
    return True


def _from_parsed(data: Data, marks: Marks, needs_omegaconf: bool, **options: Any) -> Any:
    convert = options.pop("convert", "all")
    links = options.pop("links", "auto")
    share = options.pop("share", False)
    missing = options.pop("missing", "error")
    _check_choice("convert", convert, hydra_data.MODES)
    _check_choice("links", links, ("auto", "keep"))
    _check_choice("missing", missing, ("error", "lazy"))
    registry = values.BUILTIN.with_codecs(*options.pop("codecs", ()))
    allow = targets.normalise_allow(options.pop("allow", None))
    shared: frozenset[int] = frozenset()
    if needs_omegaconf:
        try:
            config = OmegaConf.create(data)
        except OmegaConfBaseException as error:
            raise _as_problem(error, data, marks) from error
        data, shared, new_marks = omegaconf_nodes.read(config, links=links, share=share, marks=marks, parsed=data)
        marks = new_marks or marks
    tree = hydra_data.read(data, convert=convert, codecs=registry, marks=marks, shared=shared)
    return fiddle_graph.write(
        tree,
        codecs=registry,
        allow=allow,
        missing=missing,
        location=Location(marks.source, marks.root[0], None),
        **options,
    )


def _write_data(
    graph: Any,
    defaults: str,
    codecs: Iterable[values.Codec],
    native: Callable[[Any], bool] = lambda value: False,
) -> Data:
    _check_choice("defaults", defaults, ("set", "all"))
    registry = values.BUILTIN.with_codecs(*codecs)
    tree: Tree = fiddle_graph.read(graph, codecs=registry, defaults=defaults)
    return hydra_data.write(tree, codecs=registry, native=native)


def _as_problem(error: OmegaConfBaseException, data: Data, marks: Marks | None) -> SyntaxProblemError:
    """Returns our error for a config that OmegaConf refuses, at the key that it names."""
    full_key = getattr(error, "full_key", None) or ""
    place = None
    if marks is not None:
        mark = marks.root
        for step in full_key.replace("[", ".").replace("]", "").split("."):
            key: Any = int(step) if type(data) is list and step.isdigit() else step
            mark = marks.lines.get(id(data), {}).get(key, mark)
            try:
                data = data[key]
            except (KeyError, IndexError, TypeError):
                break
        place = Place(marks.source, *mark)
    message = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SyntaxProblemError(Problem(message, full_key, place, kind=SyntaxProblemError))


def _check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def _file_kind(file: FilePath) -> str:
    kind = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}.get(file.suffix.lower())
    if kind is None:
        raise BridgeError(f"the suffix of {str(file)!r} is not .yaml, .yml or .json")
    return kind


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise SyntaxProblemError(f"duplicate key {next(key for key in keys if keys.count(key) > 1)!r}")
    return found


def _json_leaf(leaf: Any) -> Any:
    if type(leaf) is Link:
        return leaf.expression
    if leaf is MISSING:
        return "???"
    raise TypeError(f"no JSON for {leaf!r}")


def _mode_for(file: FilePath) -> int:
    """The permissions of the file that is replaced, or those that a new file gets."""
    if file.exists():
        return file.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


