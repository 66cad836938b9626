"""Hydra's spelling as plain data, read into the tree.

In come dicts, lists and scalars as a YAML file or a DictConfig holds them (``yaml_text`` and ``omegaconf_nodes`` make
them); out goes the tree. Hydra's reserved keys, the bridge's run-time helpers and the rules of sharing are read here
and written by ``hydra_writer``, in the same order.
"""

from __future__ import annotations

from typing import Any

from fiddle_hydra_bridge.convert import targets, values
from fiddle_hydra_bridge.convert.hydra_keys import (
    CONTROL,
    DEFERRED_TARGET,
    MODES,
    ROOT_CONTROL,
    SHARED_PARTIAL,
    SHARED_TARGET,
    normal_mode,
)
from fiddle_hydra_bridge.convert.paths import Path, format_path, parse_path
from fiddle_hydra_bridge.convert.tree import (
    ARG_FACTORY,
    MISSING,
    PARTIAL,
    REF,
    SCALAR_TYPES,
    SECTION,
    SHARE,
    STRUCTURED,
    TAGGED,
    VALUE,
    Call,
    Data,
    Kind,
    Link,
    Mark,
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

__all__ = ["read"]


def read(
    data: Data,
    *,
    convert: str = "all",
    codecs: values.Codecs = values.BUILTIN,
    marks: Marks | None = None,
    shared: frozenset[int] = frozenset(),
    inside: bool = False,
    whole: bool = False,
    problems: list[Problem] | None = None,
) -> Tree:
    """Reads data into a tree.

    Args:
        data: dicts, lists and leaves in Hydra's spelling.
        convert: the conversion mode of call nodes that set and inherit none.
        codecs: the value spellings to recognise.
        marks: line marks of the data.
        shared: ids of containers that are one value wherever they are met; all others are copied.
        inside: whether the data stands below a call node.
        whole: whether the data are a whole config, from whose root Hydra takes control keys away.
        problems: where to put what is wrong, for a caller that has more to find; by default it is raised.

    Returns:
        the tree; a mapping without ``_target_`` outside call nodes is a call of ``fiddle_hydra_bridge.section``.

    Raises:
        BridgeError: with every problem that was found.
    """
    reader = _Reader(convert, codecs, marks, shared)
    reader.root = data if whole else None
    tree = reader.node(data, (), convert, inside, None)
    if problems is None:
        raise_problems(reader.problems)
    else:
        problems.extend(reader.problems)
    return tree


_SHARE_KEYS = frozenset({SHARED_TARGET, SHARED_PARTIAL})


class _Region:
    """What is known below one ``share`` node while it is read: its data, by path, and the nodes read so far."""

    def __init__(self, data: dict[str, Data], path: Path, outer: _Region | None) -> None:
        self.data = data
        self.path = path
        self.outer = outer
        self.nodes: dict[int, Tree] = {}
        #: The nodes that are being read: a ref to one of them would contain itself.
        self.open = {id(data)}


class _Reader:
    def __init__(self, convert: str, codecs: values.Codecs, marks: Marks | None, shared: frozenset[int]) -> None:
        self.codecs = codecs
        self.lines = marks.lines if marks is not None else {}
        self.shared = shared
        self.nodes: dict[int, Tree] = {}
        self.root: Data = None
        self.problems: list[Problem] = []

    def node(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        """Reads any node. ``inside``: below a call node. ``region``: the share node around it, if any."""
        kind = type(data)
        if kind is not dict and kind is not list and kind is not Typed:
            return self._leaf(data, path, convert, inside, region)
        if region is None:
            return (
                self._once(self.nodes, data, path, convert, inside, None)
                if id(data) in self.shared
                else (self._container(data, path, convert, inside, None))
            )
        region.open.add(id(data))
        tree = self._once(region.nodes, data, path, convert, inside, region)
        region.open.discard(id(data))
        return tree

    def _once(
        self, known: dict[int, Tree], data: Data, path: Path, convert: str, inside: bool, region: _Region | None
    ) -> Tree:
        if id(data) not in known:
            known[id(data)] = self._container(data, path, convert, inside, region)
        return known[id(data)]

    def _container(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        if type(data) is list:
            return self._list(data, path, convert, inside, region)
        if "_target_" in data:
            return self._call(data, path, convert, inside, region)
        return self._mapping(data, path, convert, inside, region)

    def _leaf(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        if type(data) is str:
            return MISSING if data == "???" else data
        if type(data) is Unbuilt:
            return data.make(convert)
        if type(data) is tuple:
            # OmegaConf 2.4 holds tuples; in the tree they are calls.
            return Call("builtins.tuple", "value", [self.node(list(data), path, convert, inside, region)], {}, convert)
        return data

    def _list(self, data: list[Data], path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        tree: list[Tree] = []
        for index, item in enumerate(data):
            if type(item) in SCALAR_TYPES and item != "???":
                tree.append(item)
            elif type(item) is Link:
                tree.append(self._placed(item, data, index))
            else:
                tree.append(self.node(item, (*path, index), convert, inside, region))
        return tree

    def _mapping(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        if "_convert_" in data:
            own = self._mode(data, path, convert)
            if inside and convert not in ("none", own):
                message = "a mapping that is no call node cannot have a _convert_ of its own in a Fiddle graph"
                self.problem(data, path, "_convert_", message, UnsupportedValueError)
            convert = own
        section = not inside and all(type(key) is str for key in data)
        entries: dict[Any, Tree] = {}
        tree: Tree = Call(SECTION, "config", [], entries, convert, self._marks(data)) if section else entries
        for key, value in data.items():
            if section and data is self.root and key in ROOT_CONTROL:
                continue  # Hydra takes them away from the root
            if type(value) in SCALAR_TYPES and value != "???":
                entries[key] = value
            elif type(value) is Link:
                entries[key] = self._placed(value, data, key)
            else:
                entries[key] = self.node(value, (*path, key), convert, inside, region)
        if type(data) is Typed and convert != "all":
            return Call(STRUCTURED, "config", [], {"of_type": data.type, "mode": convert, "entries": entries}, convert)
        return tree

    def _call(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
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
            return helper(self, data, path, convert, inside, region)
        return self._plain_call(data, target, path, convert, region)

    def _plain_call(
        self,
        data: Data,
        target: str,
        path: Path,
        convert: str,
        region: _Region | None,
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
        for key, value in data.items():
            if key in CONTROL or key in skip:
                continue
            if type(key) is not str:
                self.problem(data, path, key, f"the name of an argument must be a string, got {key!r}")
                continue
            if type(value) in SCALAR_TYPES and value != "???":
                kwargs[key] = value
            elif type(value) is Link:
                kwargs[key] = self._placed(value, data, key)
            elif not self._is_unset(call, key, value, (*path, key)):
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

    def _is_unset(self, call: Call, key: str, value: Data, path: Path) -> bool:
        """Whether an argument only tells the tags of a parameter that is not set."""
        unset = type(value) is dict and value.get("_target_") == TAGGED and value.get("unset") is True
        if unset:
            self._untag(call, key, value, path)
        return unset

    def _untag(self, call: Call, key: str | int, data: Data, path: Path) -> Data:
        tags = data.get("tags", [])
        if type(tags) is not list or not all(type(tag) is str for tag in tags):
            self.problem(data, path, "tags", "tags must be a list of dotted paths")
            tags = []
        call.tags = {**(call.tags or {}), key: tuple(tags)}
        return data.get("value", MISSING)

    def _positional(self, call: Call, data: Data, path: Path, convert: str, region: _Region | None) -> None:
        args = data["_args_"]
        if type(args) is not list and type(args) is not tuple:
            self.problem(data, path, "_args_", f"_args_ must be a list, got {args!r}")
            return
        if call.marks is not None and id(args) in self.lines:
            call.marks = {**call.marks, **self.lines[id(args)]}
        for index, value in enumerate(args):
            call.args.append(
                value
                if type(value) in SCALAR_TYPES and value != "???"
                else self._argument(call, index, value, (*path, "_args_", index), convert, True, region)
            )

    # The run-time helpers.

    def _share(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        inner = _Region(data, path, region)
        target, extra = self._helper_target(data, SHARED_TARGET, path, convert, inner)
        call = self._plain_call(data, target, path, convert, inner, _SHARE_KEYS, inside or target != SECTION)
        return self._with_target(call, "partial" if data.get(SHARED_PARTIAL) is True else "config", extra)

    def _deferred(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        target, extra = self._helper_target(data, DEFERRED_TARGET, path, convert, region)
        call = self._plain_call(data, target, path, convert, region, frozenset({DEFERRED_TARGET}))
        return self._with_target(call, "partial" if data["_target_"] == PARTIAL else "factory", extra)

    def _helper_target(
        self, data: Data, key: str, path: Path, convert: str, region: _Region | None
    ) -> tuple[str, Call | None]:
        inner = data.get(key)
        is_deferred = type(inner) is dict and type(inner.get("_target_")) is str and inner.get("_partial_") is True
        call = self.node(inner, (*path, key), convert, True, region) if is_deferred else None
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

    def _ref(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
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
        return self.node(data, (*region.path, *steps), convert, True, region)

    def _tagged(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        """A tagged value that is no argument, e.g. an item of a list: Fiddle's TaggedValue."""
        call = Call(TAGGED, "config", [], {}, convert, self._marks(data))
        value = self._untag(call, "value", data, path)
        tree = self.node(value, (*path, "value"), convert, True, region)
        if tree is not MISSING:
            call.kwargs["value"] = tree
        return call

    def _value(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        args = data.get("_args_")
        if type(args) is not list or len(args) != 1 or type(args[0]) is not dict:
            return self._plain_call(data, VALUE, path, convert, region)
        inner_path = (*path, "_args_", 0)
        inner = self.node(args[0], inner_path, convert, True, region)
        if type(inner) is not Call:
            return self._plain_call(data, VALUE, path, convert, region)
        if self.codecs.for_call(inner.target, inner.args, inner.kwargs) is not None and inner.kind != "partial":
            inner.kind = "value"
            tree = inner
        else:
            tree = Call(VALUE, "value", [inner], {}, convert, self._marks(data))
        return tree

    def _section(self, data: Data, path: Path, convert: str, inside: bool, region: _Region | None) -> Tree:
        return self._plain_call(data, SECTION, path, convert, region, inside=False)

    def _placed(self, link: Link, data: Data, key: Any) -> Link:
        """Adds its place to the reason why a link was not resolved."""
        place = self._place(data, key)
        return link if place is None or link.reason is None else Link(link.expression, f"{link.reason} ({place})")

    def _mode(self, data: Data, path: Path, inherited: str) -> str:
        mode = normal_mode(data["_convert_"])
        if mode in MODES:
            return str(mode)
        if mode is not MISSING:
            self.problem(data, path, "_convert_", f"_convert_ must be one of {', '.join(MODES)}, got {mode!r}")
        return inherited

    def _marks(self, data: Data) -> dict[Any, Mark] | None:
        return self.lines.get(id(data))

    def problem(self, data: Data, path: Path, key: str, message: str, kind: type = ParameterError) -> None:
        self.problems.append(Problem(message, format_path((*path, key)), self._place(data, key), kind=kind))

    def _place(self, data: Data, key: Any) -> Place | None:
        mark = self.lines.get(id(data), {}).get(key)
        return None if mark is None else Place(*mark)


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
