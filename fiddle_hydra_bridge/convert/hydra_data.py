"""Hydra's spelling as plain data, read into the tree and written from it.

On the data side stand dicts, lists and scalars as a YAML file or a DictConfig holds them (``yaml_text`` and
``omegaconf_nodes`` make them); on the other side the tree. All of Hydra's reserved keys, the bridge's run-time
helpers and the rules of sharing live here, each rule's reader next to its writer: :class:`_Reader` turns to
:class:`_Writer` line by line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiddle_hydra_bridge.convert import targets, values
from fiddle_hydra_bridge.convert.paths import Path, format_path, parse_path
from fiddle_hydra_bridge.convert.sharing import Sharing, find_sharing
from fiddle_hydra_bridge.convert.tree import (
    ARG_FACTORY,
    MISSING,
    PARTIAL,
    REF,
    SECTION,
    SHARE,
    STRUCTURED,
    TAGGED,
    VALUE,
    Call,
    Data,
    Kind,
    Link,
    Marks,
    Tree,
    Typed,
    Unbuilt,
)
from fiddle_hydra_bridge.errors import (
    ParameterError,
    Place,
    Problem,
    ShareError,
    TargetError,
    UnsupportedValueError,
    raise_problems,
)

__all__ = ["MODES", "read", "write"]

#: Hydra's conversion modes.
MODES = ("none", "partial", "object", "all")
#: Keys of a call node that are not arguments, on either Hydra line; ``_call_`` is NeMo-Run's.
_CONTROL = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_", "_isolate_", "_call_"})
_SHARED_TARGET = "_shared_target_"
_SHARED_PARTIAL = "_shared_partial_"
_DEFERRED_TARGET = "_deferred_target_"
#: Keys that a call node cannot have as arguments.
_RESERVED = _CONTROL | {_SHARED_TARGET, _SHARED_PARTIAL, _DEFERRED_TARGET, "_ref_", "_execution_whitelist_"}
_SCALARS = frozenset({str, int, float, bool, type(None)})


def read(
    data: Data,
    *,
    convert: str = "all",
    codecs: values.Codecs = values.BUILTIN,
    marks: Marks | None = None,
    shared: frozenset[int] = frozenset(),
    inside: bool = False,
) -> Tree:
    """Reads data into a tree.

    Args:
        data: dicts, lists and leaves in Hydra's spelling.
        convert: the conversion mode of call nodes that set and inherit none.
        codecs: the value spellings to recognise.
        marks: line marks of the data.
        shared: ids of containers that are one value wherever they are met; all others are copied.
        inside: whether the data stands below a call node.

    Returns:
        the tree; a mapping without ``_target_`` outside call nodes is a call of ``fiddle_hydra_bridge.section``.

    Raises:
        BridgeError: with every problem that was found.
    """
    reader = _Reader(convert, codecs, marks, shared)
    tree = reader.node(data, (), convert, inside, None)
    raise_problems(reader.problems)
    return tree


def write(
    tree: Tree,
    *,
    codecs: values.Codecs = values.BUILTIN,
    native: Callable[[Any], bool] = lambda value: False,
    link_paths: dict[int, Path] | None = None,
) -> Data:
    """Writes a tree as data.

    Args:
        tree: the tree.
        codecs: the value spellings that :func:`read` would recognise.
        native: whether a value is written as itself, without a call node.
        link_paths: where to note, by the id of each ``Link`` leaf, the path it is written at.

    Returns:
        dicts, lists, scalars, ``Link`` and ``MISSING`` leaves, and values of native types.

    Raises:
        BridgeError: with every value that cannot be spelled.
    """
    if type(tree) is dict and values.plain_dict(tree):
        # A plain dict at the root is a section.
        tree = Call(SECTION, kwargs=tree)
    writer = _Writer(find_sharing(tree), codecs, native, link_paths)
    data = writer.node(tree, (), False, None)
    raise_problems(writer.problems)
    return data


_SHARE_KEYS = frozenset({_SHARED_TARGET, _SHARED_PARTIAL})


class _Region:
    """What is known below one ``share`` node while it is read: its data, by path, and the nodes read so far."""

    def __init__(self, data: dict[str, Data], path: Path, outer: _Region | None) -> None:
        self.data = data
        self.path = path
        self.outer = outer
        self.nodes: dict[int, Tree] = {}
        self.open: set[int] = set()


class _Reader:
    def __init__(self, convert: str, codecs: values.Codecs, marks: Marks | None, shared: frozenset[int]) -> None:
        self.codecs = codecs
        self.lines = marks.lines if marks is not None else {}
        self.source = marks.source if marks is not None else ""
        self.shared = shared
        self.nodes: dict[int, Tree] = {}
        self.problems: list[Problem] = []

    def node(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        """Reads any node. ``inside``: below a call node. ``region``: the share node around it, if any."""
        kind = type(data)
        if kind is not dict and kind is not list and kind is not Typed:
            return self._leaf(data, path, convert, inside, region)
        known = region.nodes if region is not None else self.nodes
        if region is not None or id(data) in self.shared:
            if id(data) in known:
                return known[id(data)]
        else:
            known = None  # type: ignore[assignment]
        if kind is list:
            tree: Tree = []
            if known is not None:
                known[id(data)] = tree
            for index, item in enumerate(data):
                tree.append(
                    item
                    if type(item) in _SCALARS and item != "???"
                    else self.node(item, (*path, index), convert, inside, region)
                )
            return tree
        if "_target_" in data:
            return self._call(data, path, convert, inside, region, known)
        return self._mapping(data, path, convert, inside, region, known)

    def _leaf(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        if type(data) is str:
            return MISSING if data == "???" else data
        if type(data) is Unbuilt:
            return data.make(convert)
        if type(data) is tuple:
            # OmegaConf 2.4 holds tuples; in the tree they are calls.
            return Call("builtins.tuple", "value", [self.node(list(data), path, convert, inside, region)], {}, convert)
        return data

    def _mapping(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        if "_convert_" in data:
            own = self._mode(data, path, convert)
            if inside and convert not in ("none", own):
                message = "a mapping that is no call node cannot have a _convert_ of its own in a Fiddle graph"
                self.problem(data, path, "_convert_", message, UnsupportedValueError)
            convert = own
        section = not inside and all(type(key) is str for key in data)
        entries: dict[Any, Tree] = {}
        tree: Tree = Call(SECTION, "config", [], entries, convert, self._marks(data)) if section else entries
        if known is not None:
            known[id(data)] = tree
        for key, value in data.items():
            if type(value) in _SCALARS and value != "???":
                entries[key] = value
            else:
                entries[key] = self.node(value, (*path, key), convert, inside, region)
        if type(data) is Typed and convert != "all":
            return Call(STRUCTURED, "config", [], {"of_type": data.type, "mode": convert, "entries": entries}, convert)
        return tree

    def _call(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        target = data["_target_"]
        if type(target) is not str:
            if type(target) is Link:
                # Not known yet: a lazy target that says so when it is called.
                target = target.expression
            elif target is MISSING:
                target = "???"
            elif callable(target):
                target = targets.path_of(target)
            else:
                self.problem(data, path, "_target_", f"_target_ must be a dotted path, got {target!r}", TargetError)
                return MISSING
        helper = _HELPERS.get(target)
        if helper is not None:
            return helper(self, data, path, convert, inside, region, known)
        return self._plain_call(data, target, path, convert, region, known)

    def _plain_call(
        self,
        data: Data,
        target: str,
        path: Path,
        convert: str,
        region: _Region | None,
        known: dict[int, Tree] | None,
        skip: frozenset[str] = frozenset(),
        inside: bool = True,
    ) -> Tree:
        """Reads an ordinary call node, leaving out the keys in ``skip``."""
        partial = False
        if "_partial_" in data:
            partial = data["_partial_"]
            if type(partial) is not bool:
                self.problem(data, path, "_partial_", f"_partial_ must be true or false, got {partial!r}")
        if "_convert_" in data:
            convert = self._mode(data, path, convert)
        kwargs: dict[str, Tree] = {}
        call = Call(target, "config", [], kwargs, convert, self._marks(data))
        if known is not None:
            known[id(data)] = call
        for key, value in data.items():
            if key in _CONTROL or key in skip:
                continue
            if type(value) in _SCALARS and value != "???":
                kwargs[key] = value
            else:
                kwargs[key] = self._argument(call, key, value, (*path, key), convert, inside, region)
        if "_args_" in data:
            self._positional(call, data, path, convert, region)
        if data.get("_call_") is False and not kwargs and not call.args:
            # NeMo-Run's spelling of a function as a value.
            return Call("hydra.utils.get_object", "value", [], {"path": target}, convert, call.marks)
        if region is not None and partial:
            pass  # below a share node `_partial_: true` only defers the call
        elif partial:
            call.kind = "partial"
        elif "_partial_" not in data and self.codecs.for_call(target, call.args, kwargs) is not None:
            call.kind = "value"
        return call

    def _argument(
        self, call: Call, key: str | int, value: Data, path: Path, convert: str, inside: bool, region: _Region | None
    ) -> Tree:
        """Reads an argument, moving its tags to the call."""
        if type(value) is dict and value.get("_target_") == TAGGED:
            value = self._untag(call, key, value, path)
        return self.node(value, path, convert, inside, region)

    def _untag(self, call: Call, key: str | int, data: Data, path: Path) -> Data:
        tags = data.get("tags", [])
        if type(tags) is not list or not all(type(tag) is str for tag in tags):
            self.problem(data, path, "tags", "tags must be a list of dotted paths")
            tags = []
        call.tags = {**(call.tags or {}), key: tuple(tags)}
        return MISSING if data.get("unset") is True else data.get("value", MISSING)

    def _positional(self, call: Call, data: Data, path: Path, convert: str, region: _Region | None) -> None:
        args = data["_args_"]
        if type(args) is not list and type(args) is not tuple:
            self.problem(data, path, "_args_", f"_args_ must be a list, got {args!r}")
            return
        for index, value in enumerate(args):
            call.args.append(
                value
                if type(value) in _SCALARS and value != "???"
                else self._argument(call, index, value, (*path, "_args_", index), convert, True, region)
            )
        if region is not None:
            region.nodes[id(args)] = call.args

    # The run-time helpers.

    def _share(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        inner = _Region(data, path, region)
        target, extra = self._helper_target(data, _SHARED_TARGET, path, convert, inner)
        call = self._plain_call(
            data, target, path, convert, inner, inner.nodes, _SHARE_KEYS, inside or target != SECTION
        )
        if known is not None:
            known[id(data)] = call
        return self._with_target(call, "partial" if data.get(_SHARED_PARTIAL) is True else "config", extra)

    def _deferred(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        target, extra = self._helper_target(data, _DEFERRED_TARGET, path, convert, region)
        call = self._plain_call(data, target, path, convert, region, known, frozenset({_DEFERRED_TARGET}))
        return self._with_target(call, "partial" if data["_target_"] == PARTIAL else "factory", extra)

    def _helper_target(
        self, data: Data, key: str, path: Path, convert: str, region: _Region | None
    ) -> tuple[str, Call | None]:
        inner = data.get(key)
        if type(inner) is not dict or type(inner.get("_target_")) is not str:
            self.problem(data, path, key, f"{key} must be a call node with '_partial_: true'")
            return "builtins.dict", None
        call = self.node(inner, (*path, key), convert, True, region)
        if type(call) is not Call:
            self.problem(data, path, key, f"{key} must be a call node with '_partial_: true'")
            return "builtins.dict", None
        return call.target, call if call.args or call.kwargs else None

    def _with_target(self, call: Tree, kind: Kind, extra: Call | None) -> Tree:
        """Gives a call what its target node bound already (by an override)."""
        call.kind = kind
        if extra is not None:
            call.args[:0] = extra.args
            for key, value in extra.kwargs.items():
                call.kwargs.setdefault(key, value)
        return call

    def _ref(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        name = data.get("_ref_")
        try:
            steps = parse_path(name)
        except (TypeError, ValueError):
            self.problem(data, path, "_ref_", f"_ref_: {name!r} is not a config path", ShareError)
            return MISSING
        outer = region
        while outer is not None:
            found = _follow(outer.data, steps)
            if found is not MISSING:
                return self._shared(found, steps, path, convert, outer)
            outer = outer.outer
        message = f"the ref {name!r} names nothing" + ("" if region else ": there is no share node around it")
        self.problem(data, path, "_ref_", message, ShareError)
        return MISSING

    def _shared(self, data: Data, steps: Path, path: Path, convert: str, region: _Region) -> Tree:
        if id(data) in region.open:
            self.problem(data, path, "_ref_", f"the ref {format_path(steps)!r} contains itself", ShareError)
            return MISSING
        region.open.add(id(data))
        tree = self.node(data, (*region.path, *steps), convert, True, region)
        region.open.discard(id(data))
        return tree

    def _tagged(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        """A tagged value that is no argument, e.g. an item of a list: Fiddle's TaggedValue."""
        call = Call(TAGGED, "config", [], {}, convert, self._marks(data))
        if known is not None:
            known[id(data)] = call
        value = self._untag(call, "value", data, path)
        if value is not MISSING:
            call.kwargs["value"] = self.node(value, (*path, "value"), convert, True, region)
        return call

    def _value(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        args = data.get("_args_")
        if type(args) is not list or len(args) != 1 or type(args[0]) is not dict:
            return self._plain_call(data, VALUE, path, convert, region, known)
        inner_path = (*path, "_args_", 0)
        inner = self.node(args[0], inner_path, convert, True, None if region is None else region)
        if type(inner) is not Call:
            return self._plain_call(data, VALUE, path, convert, region, known)
        if self.codecs.for_call(inner.target, inner.args, inner.kwargs) is not None and inner.kind != "partial":
            inner.kind = "value"
            tree = inner
        else:
            tree = Call(VALUE, "value", [inner], {}, convert, self._marks(data))
        if known is not None:
            known[id(data)] = tree
        return tree

    def _section(
        self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None, known: dict[int, Tree] | None
    ) -> Tree:
        return self._plain_call(data, SECTION, path, convert, region, known, inside=False)

    def _mode(self, data: Data, path: Path, inherited: str) -> str:
        mode = data["_convert_"]
        mode = getattr(mode, "value", mode)
        if type(mode) is str and mode.lower() in MODES:
            return mode.lower()
        if mode is not MISSING:
            self.problem(data, path, "_convert_", f"_convert_ must be one of {', '.join(MODES)}, got {mode!r}")
        return inherited

    def _marks(self, data: Data) -> tuple[str, dict[Any, tuple[int, int]]] | None:
        lines = self.lines.get(id(data))
        return None if lines is None else (self.source, lines)

    def problem(self, data: Data, path: Path, key: str, message: str, kind: type = ParameterError) -> None:
        mark = self.lines.get(id(data), {}).get(key)
        place = None if mark is None else Place(self.source, *mark)
        self.problems.append(Problem(message, format_path((*path, key)), place, kind=kind))


_HELPERS = {
    SHARE: _Reader._share,
    REF: _Reader._ref,
    PARTIAL: _Reader._deferred,
    ARG_FACTORY: _Reader._deferred,
    TAGGED: _Reader._tagged,
    VALUE: _Reader._value,
    SECTION: _Reader._section,
}


def _follow(data: Data, steps: Path) -> Data:
    for step in steps:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return data


class _Writer:
    def __init__(
        self, sharing: Sharing, codecs: values.Codecs, native: Callable[[Any], bool], link_paths: dict[int, Path] | None
    ) -> None:
        self.sharing = sharing
        self.link_paths = link_paths
        self.codecs = codecs
        self.native = native
        self.problems: list[Problem] = []

    def node(self, tree: Tree, path: Path, inside: bool, explicit: str | None, region: _Open | None = None) -> Data:
        """Writes any node. ``explicit``: the conversion mode that a node above has written."""
        kind = type(tree)
        if kind is Call:
            if region is not None and id(tree) in self.sharing.shared:
                if id(tree) in region.written:
                    return {"_target_": REF, "_ref_": format_path(region.written[id(tree)])}
                region.written[id(tree)] = path[region.depth :]
            return self._call(tree, path, inside, explicit, region)
        if kind is not dict and kind is not list:
            if kind is Link and self.link_paths is not None:
                self.link_paths[id(tree)] = path
            return tree
        if region is not None and id(tree) in self.sharing.shared:
            if id(tree) in region.written:
                return {"_target_": REF, "_ref_": format_path(region.written[id(tree)])}
            region.written[id(tree)] = path[region.depth :]
        if kind is list:
            return [self.node(item, (*path, index), inside, explicit, region) for index, item in enumerate(tree)]
        if inside:
            return {key: self.node(item, (*path, key), inside, explicit, region) for key, item in tree.items()}
        # Outside call nodes a mapping is a section, so a plain dict needs a call.
        pairs: list[Tree] = [[key if values.is_leaf(key) else self._key(key), item] for key, item in tree.items()]
        return self._value(Call("builtins.dict", "value", [pairs]), path, explicit, region)

    def _call(self, call: Call, path: Path, inside: bool, explicit: str | None, region: _Open | None) -> Data:
        if call.kind == "value":
            return self._value(call, path, explicit, region)
        if region is None and id(call) in self.sharing.roots:
            return self._share(call, path, explicit)
        if call.target == SECTION and not inside and not call.args:
            return {
                key: self.node(item, (*path, key), False, explicit, region) for key, item in call.kwargs.items()
            }
        if call.target == TAGGED and call.tags is not None:
            return self._tag(
                call, "value", lambda p: self.node(call.kwargs["value"], p, True, explicit, region), path, region
            )
        data: dict[str, Data] = {}
        if call.kind == "factory" or (call.kind == "partial" and (region is not None or self.sharing.makes(call))):
            data["_target_"] = ARG_FACTORY if call.kind == "factory" else PARTIAL
            if region is not None:
                data["_partial_"] = True
            data[_DEFERRED_TARGET] = {"_target_": call.target, "_partial_": True}
        else:
            data["_target_"] = Link(call.target) if "${" in call.target else call.target
            if region is not None or call.kind == "partial":
                data["_partial_"] = True
            elif self.codecs.for_call(call.target, call.args, call.kwargs) is not None:
                # The bare call would be read as a value.
                data["_partial_"] = False
        return self._arguments(call, data, path, explicit, region)

    def _share(self, call: Call, path: Path, explicit: str | None) -> Data:
        region = _Open(len(path))
        region.written[id(call)] = ()
        data: dict[str, Data] = {"_target_": SHARE, _SHARED_TARGET: {"_target_": call.target, "_partial_": True}}
        if call.kind == "partial":
            data[_SHARED_PARTIAL] = True
        return self._arguments(call, data, path, explicit, region)

    def _arguments(
        self, call: Call, data: dict[str, Data], path: Path, explicit: str | None, region: _Open | None
    ) -> Data:
        mode = self._written_mode(call, explicit)
        if mode is not None:
            data["_convert_"] = explicit = mode
        if call.args:
            data["_args_"] = [
                self._argument(call, index, item, (*path, "_args_", index), explicit, region)
                for index, item in enumerate(call.args)
            ]
        for key, item in call.kwargs.items():
            if key in _RESERVED:
                self.problem(path, key, f"a keyword argument cannot be called {key!r} in Hydra's spelling")
            elif call.kind == "partial" and item is MISSING:
                continue
            else:
                data[key] = self._argument(call, key, item, (*path, key), explicit, region)
        for key in call.tags or ():
            if key not in call.kwargs and type(key) is str and call.target != TAGGED:
                data[key] = self._argument(call, key, MISSING, (*path, key), explicit, region, unset=True)
        return data

    def _argument(
        self,
        call: Call,
        key: str | int,
        item: Tree,
        path: Path,
        explicit: str | None,
        region: _Open | None,
        unset: bool = False,
    ) -> Data:
        inside = call.target != SECTION
        if call.tags is None or key not in call.tags:
            return self.node(item, path, inside, explicit, region)
        if unset or item is MISSING:
            default = (call.defaults or {}).get(key, MISSING)
            if default is MISSING and call.kind != "config":
                self.problem(
                    path[:-1], path[-1], "tags of an unset parameter of a Partial have no spelling", UnsupportedValueError
                )
            return {
                **self._tag(call, key, lambda p: self.node(default, p, inside, explicit, region), path, region),
                "unset": True,
            }
        return self._tag(call, key, lambda p: self.node(item, p, inside, explicit, region), path, region)

    def _tag(self, call: Call, key: str | int, value: Any, path: Path, region: _Open | None) -> dict[str, Data]:
        data: dict[str, Data] = {"_target_": TAGGED}
        if region is not None:
            data["_partial_"] = True
        data["value"] = value((*path, "value")) if call.target != TAGGED or "value" in call.kwargs else MISSING
        data["tags"] = list((call.tags or {})[key])
        return data

    def _value(self, call: Call, path: Path, explicit: str | None, region: _Open | None) -> Data:
        if self.native(call.value):
            return call.value
        wrapped = region is not None and (call.target == VALUE or self.sharing.is_deep(call))
        if wrapped and call.target != VALUE:
            inner = self._value_call(call, (*path, "_args_", 0), explicit, region)
            return {"_target_": VALUE, "_partial_": True, "_args_": [{**inner, "_partial_": True}]}
        data = self._value_call(call, path, explicit, region)
        if wrapped:
            data["_partial_"] = True
        return data

    def _key(self, key: str) -> Tree:
        return values.encode(key, lambda part: part, self.codecs)

    def _value_call(self, call: Call, path: Path, explicit: str | None, region: _Open | None) -> dict[str, Data]:
        data: dict[str, Data] = {"_target_": call.target}
        if explicit is None and self.sharing.has_containers(call):
            data["_convert_"] = explicit = "all"
        if call.args:
            data["_args_"] = [
                self.node(item, (*path, "_args_", index), True, explicit, region)
                for index, item in enumerate(call.args)
            ]
        for key, item in call.kwargs.items():
            data[key] = self.node(item, (*path, key), True, explicit, region)
        return data

    def _written_mode(self, call: Call, explicit: str | None) -> str | None:
        """The ``_convert_`` that a call node has to say, if any.

        Targets get plain containers; a config whose nodes hold only scalars needs no word about it.
        """
        if call.convert == explicit:
            return None
        if explicit is None and call.convert == "all":
            return "all" if self.sharing.has_containers(call) else None
        return call.convert

    def problem(self, path: Path, key: Any, message: str, kind: type = UnsupportedValueError) -> None:
        self.problems.append(Problem(message, format_path((*path, key)), kind=kind))


class _Open:
    """A ``share`` node that is being written: where each shared value was written first, from the share node on."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.written: dict[int, Path] = {}

