"""Hydra's spelling as plain data, written from the tree.

In comes the tree; out go dicts, lists and scalars for ``yaml_text`` and ``omegaconf_nodes``. ``sharing`` stands above
and knows which nodes are met more than once; what is written here is read by ``hydra_reader``, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiddle_hydra_bridge.convert import values
from fiddle_hydra_bridge.convert.hydra_keys import (
    DEFERRED_TARGET,
    RESERVED,
    ROOT_CONTROL,
    SHARED_PARTIAL,
    SHARED_TARGET,
)
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.sharing import Sharing, find_sharing
from fiddle_hydra_bridge.convert.tree import (
    ARG_FACTORY,
    MISSING,
    PARTIAL,
    REF,
    SECTION,
    SHARE,
    TAGGED,
    VALUE,
    Call,
    Data,
    Link,
    Marks,
    Tree,
)
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError, raise_problems

__all__ = ["write"]


def write(
    tree: Tree,
    *,
    codecs: values.Codecs = values.BUILTIN,
    native: Callable[[Any], bool] = lambda value: False,
    link_places: dict[int, tuple[Path, bool]] | None = None,
    marks: Marks | None = None,
) -> Data:
    """Writes a tree as data.

    Args:
        tree: the tree.
        codecs: the value spellings that :func:`read` would recognise.
        native: whether a value is written as itself, without a call node.
        link_places: where to note, by the id of each ``Link`` leaf, and of each call whose target is a link, the
            path it is written at, and whether that is below a call node.
        marks: where to note the places that the calls of the tree know of their arguments.

    Returns:
        dicts, lists, scalars, ``Link`` and ``MISSING`` leaves, and values of native types.

    Raises:
        BridgeError: with every value that cannot be spelled.
    """
    if type(tree) is dict and values.plain_dict(tree):
        # A plain dict at the root is a section.
        tree = Call(SECTION, kwargs=tree)
    writer = _Writer(find_sharing(tree), codecs, native, link_places, marks)
    data = writer.node(tree, (), False, None)
    raise_problems(writer.problems)
    return data


class _Writer:
    def __init__(
        self,
        sharing: Sharing,
        codecs: values.Codecs,
        native: Callable[[Any], bool],
        link_places: dict[int, tuple[Path, bool]] | None,
        marks: Marks | None,
    ) -> None:
        self.sharing = sharing
        self.codecs = codecs
        self.native = native
        self.link_places = link_places
        self.marks = marks
        self.problems: list[Problem] = []

    def node(self, tree: Tree, path: Path, inside: bool, explicit: str | None, region: _Open | None = None) -> Data:
        """Writes any node. ``explicit``: the conversion mode that a node above has written."""
        kind = type(tree)
        if kind is not Call and kind is not dict and kind is not list:
            if kind is Link and self.link_places is not None:
                self.link_places[id(tree)] = (path, inside)
            return tree
        if region is not None and id(tree) in self.sharing.shared:
            if id(tree) in region.written:
                return {"_target_": REF, "_ref_": format_path(region.written[id(tree)])}
            region.written[id(tree)] = path[region.depth :]
        if kind is Call:
            return self._call(tree, path, inside, explicit, region)
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
            for key in call.kwargs.keys() & (ROOT_CONTROL if path == () else {"_target_"}):
                message = f"a section cannot have an entry {key!r}: Hydra reads it itself"
                self.problem(path, key, message, "rename the entry")
            entries = {key: self.node(item, (*path, key), False, explicit, region) for key, item in call.kwargs.items()}
            self._mark(entries, call)
            return entries
        if call.target == TAGGED and call.tags is not None:
            return self._tag(
                call, "value", lambda p: self.node(call.kwargs["value"], p, True, explicit, region), path, region
            )
        data: dict[str, Data] = {}
        if call.kind == "factory" or (call.kind == "partial" and (region is not None or self.sharing.makes(call))):
            data["_target_"] = ARG_FACTORY if call.kind == "factory" else PARTIAL
            if region is not None:
                data["_partial_"] = True
            data[DEFERRED_TARGET] = {"_target_": self._target(call, (*path, DEFERRED_TARGET)), "_partial_": True}
        else:
            data["_target_"] = self._target(call, path)
            if region is not None or call.kind == "partial":
                data["_partial_"] = True
            elif self.codecs.for_call(call.target, call.args, call.kwargs) is not None:
                # The bare call would be read as a value.
                data["_partial_"] = False
        return self._arguments(call, data, path, explicit, region)

    def _target(self, call: Call, path: Path) -> Data:
        if "${" not in call.target:
            return call.target
        if self.link_places is not None:
            self.link_places[id(call)] = ((*path, "_target_"), True)
        return Link(call.target)

    def _share(self, call: Call, path: Path, explicit: str | None) -> Data:
        region = _Open(len(path))
        region.written[id(call)] = ()
        target = {"_target_": self._target(call, (*path, SHARED_TARGET)), "_partial_": True}
        data: dict[str, Data] = {"_target_": SHARE, SHARED_TARGET: target}
        if call.kind == "partial":
            data[SHARED_PARTIAL] = True
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
            if key in RESERVED:
                message = f"a keyword argument cannot be called {key!r} in Hydra's spelling"
                self.problem(path, key, message, "Hydra or the bridge reads this key itself: rename the parameter")
            elif call.kind == "partial" and item is MISSING:
                continue
            else:
                data[key] = self._argument(call, key, item, (*path, key), explicit, region)
        for tagged in call.tags or ():
            if isinstance(tagged, str) and tagged not in call.kwargs and call.target != TAGGED:
                data[tagged] = self._argument(call, tagged, MISSING, (*path, tagged), explicit, region, unset=True)
        self._mark(data, call)
        return data

    def _mark(self, data: dict[str, Data], call: Call) -> None:
        if self.marks is not None and call.marks is not None:
            self.marks.lines[id(data)] = call.marks
            if call.args:
                self.marks.lines[id(data["_args_"])] = call.marks

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
                message = "tags of an unset parameter of a Partial have no spelling"
                self.problem(path[:-1], path[-1], message, "set the parameter, or remove the tags")
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

    def problem(self, path: Path, key: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(message, format_path((*path, key)), None, hint, UnsupportedValueError))


class _Open:
    """A ``share`` node that is being written: where each shared value was written first, from the share node on."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.written: dict[int, Path] = {}
