"""OmegaConf nodes to live objects: ``hydra.utils.instantiate``, rule for rule, and much faster.

In come the nodes themselves, not the tree: a drop-in for Hydra must know a node's parents (interpolations), its
structured type and its identity, and on Hydra 1.4 it resolves interpolations only when it meets them. ``targets``
stands above (resolution of targets, Hydra's checks of arguments and results); ``bridge`` prepares the config.

The rules are those of Hydra's ``instantiate_node`` and ``_call_target``, in the same order, so that targets are
called in the same order and errors arise at the same point.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, SCMode
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.containers import hydra_dict, hydra_list
from fiddle_hydra_bridge.convert.nodes import (
    HAS_TUPLES,
    SPECIAL,
    TUPLE_TYPES,
    content,
    is_typed,
    object_type,
    plain,
)

__all__ = ["Maker", "holds_containers", "needs_resolving"]

_CONTROL = frozenset(
    {"_target_", "_convert_", "_recursive_", "_partial_", "_isolate_"}
    if HAS_TUPLES
    else {"_target_", "_convert_", "_recursive_", "_partial_"}
)
_PLAIN_MODES = ("all", "partial", "object")
_NO_ARGS: tuple[Any, ...] = ()


class Maker:
    """Makes the objects of one ``instantiate`` call.

    Args:
        allow: the whitelist of target paths, if there is one.
        share: whether a node that is reached again, by an interpolation, gives the same object again.
        private: whether the config is a resolved copy of the caller's, so that its nodes may be handed over as
            Hydra 1.3 does. Hydra 1.4 hands over the caller's own nodes.
    """

    __slots__ = ("_targets", "allow", "made", "private", "share")

    def __init__(self, allow: tuple[str, ...] | None, share: bool, private: bool) -> None:
        self.allow = allow
        self.share = share
        self.private = private
        self.made: dict[int, Any] = {}
        self._targets: dict[str, targets.Target] = {}

    def make_root(self, node: Any, args: Sequence[Any] = _NO_ARGS, convert: Any = "none", recursive: Any = True) -> Any:
        """Makes the object of a whole config; ``args`` replace its ``_args_``."""
        if type(node) is DictConfig and "_target_" not in content(node):
            return self._mapping(node, convert, recursive, is_root=True)
        return self.make(node, convert, recursive, args)

    def make(self, node: Any, convert: Any, recursive: Any, args: Sequence[Any] = _NO_ARGS) -> Any:
        """Makes the object of a container node with content."""
        if self.share and id(node) in self.made:
            return self.made[id(node)]
        if type(node) is DictConfig:
            target = content(node).get("_target_")
            if target is not None and (plain(target) is not SPECIAL or "_target_" in node):
                made = self._call(node, convert, recursive, args)
            else:
                made = self._mapping(node, convert, recursive)
        else:
            made = self._sequence(node, convert, recursive)
        if self.share:
            self.made[id(node)] = made
        return made

    def _call(self, node: DictConfig, convert: Any, recursive: Any, args: Sequence[Any]) -> Any:
        children = content(node)
        partial = False
        if "_convert_" in children:
            convert = _mode(_control(node, "_convert_", convert))
        if "_recursive_" in children:
            recursive = _flag(node, "_recursive_", _control(node, "_recursive_", recursive))
        if "_partial_" in children:
            partial = _flag(node, "_partial_", _control(node, "_partial_", False))
        target = self._target(node, children["_target_"])
        kwargs: dict[str, Any] = {}
        configs = []
        for key, child in children.items():
            if key in _CONTROL:
                continue
            if type(child) is AnyNode:
                # Plain values are most of a config: read without a call.
                value = child.__dict__["_val"]
                if type(value) is not str or ("${" not in value and value != "???"):
                    kwargs[key] = value
                    continue
            if partial and OmegaConf.is_missing(node, key):
                continue
            kwargs[key] = value = self._value(node, key, child, convert, recursive)
            if type(value) in _CONTAINERS:
                configs.append(value)
        if "_args_" in kwargs:
            positional = kwargs.pop("_args_")
            if not isinstance(positional, Sequence):
                raise _wrong_args(
                    node, target, f"Unsupported _args_ type: '{type(positional).__name__}'. value: '{positional}'"
                )
            args = args or positional
        if not HAS_TUPLES:
            self._detach(node, target, args, configs)
        if partial:
            return self._called(node, target, target.deferred, args, kwargs)
        return self._called(node, target, target.call, args, kwargs)

    def _detach(self, node: DictConfig, target: targets.Target, args: Sequence[Any], configs: list[Any]) -> None:
        """Detaches configs from their parents before they are handed over, as Hydra 1.3 does."""
        try:
            configs.extend(value for value in args if type(value) in _CONTAINERS)
        except OmegaConfBaseException as error:
            raise _wrong_args(node, target, repr(error)) from error
        for value in configs:
            value._set_parent(None)

    def _value(self, node: Any, key: Any, child: Any, convert: Any, recursive: bool) -> Any:
        """Makes an argument that is not a plain leaf."""
        value = _read(node, key, child)
        if type(value) not in _CONTAINERS:
            return value
        value = self.make(value, convert, recursive) if recursive else self._unbuilt(value, convert)
        return _converted(value, convert)

    def _unbuilt(self, node: Any, convert: Any) -> Any:
        if HAS_TUPLES or self.private or convert in _PLAIN_MODES:
            return node
        return copy.deepcopy(node)

    def _mapping(self, node: DictConfig, convert: Any, recursive: Any, is_root: bool = False) -> Any:
        children = content(node)
        if "_convert_" in children:
            convert = _mode(_control(node, "_convert_", convert))
        if "_recursive_" in children:
            recursive = _flag(node, "_recursive_", _control(node, "_recursive_", recursive))
        if "_partial_" in children:
            _flag(node, "_partial_", _control(node, "_partial_", False))
        # Hydra 1.3 reads all entries before it makes the first.
        read = {} if HAS_TUPLES else {key: _read(node, key, child) for key, child in children.items()}
        entries = {}
        for key, child in children.items():
            if is_root and key in _CONTROL and (HAS_TUPLES or key != "_target_"):
                continue
            value = _read(node, key, child) if HAS_TUPLES else read[key]
            # The entries of a mapping are always made: `_recursive_` speaks of call nodes.
            entries[key] = self.make(value, convert, recursive) if type(value) in _CONTAINERS else value
        if convert == "all" or (convert in _PLAIN_MODES and not is_typed(node)):
            return entries
        made = hydra_dict(entries, object_type(node), node if HAS_TUPLES else None)
        return OmegaConf.to_object(made) if convert == "object" else made

    def _sequence(self, node: Any, convert: Any, recursive: Any) -> Any:
        items = []
        for index, child in enumerate(content(node)):
            value = _read(node, index, child)
            items.append(self.make(value, convert, recursive) if type(value) in _CONTAINERS else value)
        is_tuple = isinstance(node, TUPLE_TYPES)
        if convert in _PLAIN_MODES:
            return tuple(items) if is_tuple else items
        return hydra_list(items, node if HAS_TUPLES else None, is_tuple=is_tuple)

    def _called(
        self,
        node: DictConfig,
        target: targets.Target,
        call: Callable[[Sequence[Any], dict[str, Any]], Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        try:
            return call(args, kwargs)
        except InstantiationException:
            raise
        except Exception as error:  # a target may raise anything: it goes on, in the way of the installed Hydra
            full_key = _full_key(node)
            if HAS_TUPLES:
                if full_key and f"full_key: {full_key}" not in getattr(error, "__notes__", ()):
                    error.add_note(f"full_key: {full_key}")
                raise
            name = _name(target.function)
            what = f"Error in call to target '{name}':"
            if call == target.deferred:
                what = f"Error in creating partial({name}, ...) object:"
            raise InstantiationException(_keyed(f"{what}\n{error!r}", full_key)) from error

    def _target(self, node: DictConfig, child: Any) -> targets.Target:
        path = plain(child)
        if path is SPECIAL:
            path = node["_target_"]
        try:
            return self._targets[path]
        except (KeyError, TypeError):
            pass
        if type(path) is not str:
            # A callable, under allow_objects, or nothing that could be called: Hydra has its own words for it.
            path = targets.path_of(path) if callable(path) else path
            if type(path) is not str:
                raise InstantiationException(_keyed(_no_target(path), _full_key(node)))
        try:
            target = targets.resolve(path, self.allow)
        except InstantiationException as error:
            full_key = _full_key(node)
            if full_key and "full_key:" not in str(error):
                raise InstantiationException(f"{error}\nfull_key: {full_key}") from error.__cause__
            raise
        self._targets[path] = target
        return target


def needs_resolving(node: Any) -> bool:
    """Whether a config holds interpolations, which Hydra 1.3 resolves before it calls anything."""
    pending = [node]
    while pending:
        children = content(pending.pop())
        if children is SPECIAL:
            return True
        for child in children.values() if type(children) is dict else children:
            if type(child) is AnyNode:
                value = child.__dict__["_val"]
                if type(value) is str and "${" in value:
                    return True
            elif type(child) in _CONTAINERS:
                if child.__dict__["_content"] is not None:
                    pending.append(child)
            elif plain(child) is SPECIAL and child._is_interpolation():
                return True
    return False


def holds_containers(node: Any) -> bool:
    """Whether a config may hand over OmegaConf containers to a target, which could change the config by them."""
    pending = [(node, None)]
    while pending:
        current, mode = pending.pop()
        children = content(current)
        if children is SPECIAL:
            return True
        if type(children) is dict:
            if "_recursive_" in children:
                return True
            mode = plain(children["_convert_"]) if "_convert_" in children else mode
        for child in children.values() if type(children) is dict else children:
            if type(child) is AnyNode:
                value = child.__dict__["_val"]
                if type(value) is str and "${" in value and mode != "all":
                    return True
            elif type(child) in _CONTAINERS:
                if mode != "all" and not _is_call(child):
                    return True
                pending.append((child, mode))
    return False


def _is_call(node: Any) -> bool:
    children = content(node)
    return type(children) is dict and "_target_" in children


_CONTAINERS = frozenset({DictConfig, ListConfig, *TUPLE_TYPES})


def _control(node: DictConfig, key: str, inherited: Any) -> Any:
    value = plain(content(node)[key])
    if value is not SPECIAL:
        return value
    # Not `get`, which refuses keys of another type than a typed config's.
    if key in node:
        return node[key]
    return inherited


def _mode(convert: Any) -> Any:
    """Hydra compares modes with the members of an enum, whatever their case."""
    value = getattr(convert, "value", convert)
    return value.lower() if isinstance(value, str) else value


def _flag(node: DictConfig, key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    message = f"Instantiation: {key} flag must be a bool, got {type(value)}"
    raise TypeError(_keyed(message, _full_key(node)))


def _converted(value: Any, convert: Any) -> Any:
    if type(value) not in _CONTAINERS or convert not in _PLAIN_MODES:
        return value
    mode = {"all": SCMode.DICT, "partial": SCMode.DICT_CONFIG, "object": SCMode.INSTANTIATE}[convert]
    return OmegaConf.to_container(value, resolve=True, structured_config_mode=mode)


def _read(node: Any, key: Any, child: Any) -> Any:
    """Reads a child; for interpolations, missing values and None containers by OmegaConf's own rules and errors."""
    if type(child) in _CONTAINERS:
        return node[key] if content(child) is SPECIAL else child
    value = plain(child)
    return node[key] if value is SPECIAL else value


def _no_target(target: Any) -> str:
    return f"Expected a callable target, got '{target}' of type '{type(target).__name__}'"


def _wrong_args(node: DictConfig, target: targets.Target, message: str) -> InstantiationException:
    if not HAS_TUPLES:
        message = f"Error in collecting args and kwargs for '{_name(target.function)}':\n{message}"
    return InstantiationException(_keyed(message, _full_key(node)))


def _name(function: Any) -> str:
    if hasattr(function, "__qualname__"):
        return f"{function.__module__}.{function.__qualname__}"
    return str(function)


def _keyed(message: str, full_key: str) -> str:
    return f"{message}\nfull_key: {full_key}" if full_key else message


def _full_key(node: DictConfig) -> str:
    return str(node._get_full_key(None))
