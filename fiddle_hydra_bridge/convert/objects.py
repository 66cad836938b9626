"""OmegaConf nodes to live objects: ``hydra.utils.instantiate``, rule for rule, and much faster.

In come the nodes themselves, not the tree: a drop-in for Hydra must know a node's parents (interpolations), its
structured type and its identity, and on Hydra 1.4 it resolves interpolations only when it meets them. ``targets``
stands above (resolution of targets, Hydra's checks of arguments and results); ``instantiation`` prepares the config.

The rules are those of Hydra's ``instantiate_node`` and ``_call_target``, in the same order, so that targets are
called in the same order and errors arise at the same point.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.containers import hydra_dict, hydra_list
from fiddle_hydra_bridge.convert.hydra_keys import ROOT_CONTROL, normal_mode
from fiddle_hydra_bridge.convert.nodes import (
    CONTAINER_MODES,
    HAS_TUPLES,
    SPECIAL,
    TUPLE_TYPES,
    content,
    is_config,
    is_typed,
    object_type,
    plain,
)

__all__ = ["Maker", "needs_resolving"]

#: Keys of a call node that the installed Hydra does not give to the target.
_CONTROL = ROOT_CONTROL | {"_isolate_"} if HAS_TUPLES else ROOT_CONTROL
# A tuple: what a config says of the mode need not be hashable.
_PLAIN_MODES = tuple(CONTAINER_MODES)
_NO_ARGS: tuple[Any, ...] = ()


class Maker:
    """Makes the objects of one ``instantiate`` call.

    Args:
        allow: the whitelist of target paths, if there is one.
        share: whether a node that is reached again, by an interpolation, gives the same object again.
        private: whether the config is a resolved copy of the caller's, so that its nodes may be handed over as
            Hydra 1.3 does. Hydra 1.4 hands over the caller's own nodes.
        guard: Hydra 1.4's guard of the config, for partials that are called later.
    """

    __slots__ = ("_targets", "allow", "guard", "made", "private", "share")

    def __init__(self, allow: tuple[str, ...] | None, share: bool, private: bool, guard: Any = None) -> None:
        self.allow = allow
        self.guard = guard
        self.share = share
        self.private = private
        self.made: dict[int, Any] = {}
        self._targets: dict[str, targets.Target] = {}

    def make_root(self, node: Any, args: Sequence[Any] = _NO_ARGS, convert: Any = "none", recursive: Any = True) -> Any:
        """Makes the object of a whole config; ``args`` replace its ``_args_``."""
        _CONTAINERS.add(type(node))
        if isinstance(node, DictConfig):
            if "_target_" in node:
                return self._call(node, convert, recursive, args)
            made: Any = self._mapping(node, convert, recursive, is_root=True)
        else:
            if not isinstance(recursive, bool):
                raise _no_flag(node, "_recursive_", recursive)
            made = self._sequence(node, normal_mode(convert), recursive)
        if not HAS_TUPLES and is_config(made):
            # Hydra 1.3 leaves its copy of the config above what it makes of it.
            made._set_parent(node if self.private else _stand_in(node))
        return made

    def make(self, node: Any, convert: Any, recursive: Any) -> Any:
        """Makes the object of a container node with content."""
        if self.share and id(node) in self.made:
            return self.made[id(node)]
        if type(content(node)) is dict:
            target = content(node).get("_target_")
            if target is not None and (plain(target) is not SPECIAL or "_target_" in node):
                made = self._call(node, convert, recursive, _NO_ARGS)
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
            convert = normal_mode(_control(node, "_convert_", convert))
        if "_recursive_" in children:
            recursive = _flag(node, "_recursive_", _control(node, "_recursive_", recursive))
        if "_partial_" in children:
            partial = _flag(node, "_partial_", _control(node, "_partial_", False))
        if HAS_TUPLES and "_execution_whitelist_" in children:
            raise _own_whitelist(node)
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
                message = f"Unsupported _args_ type: '{type(positional).__name__}'. value: '{positional}'"
                raise _wrong_args(node, target, InstantiationException(message))
            args = args or positional
        if not HAS_TUPLES:
            self._detach(node, target, args, configs)
        return self._called(node, target, partial, args, kwargs)

    def _detach(self, node: DictConfig, target: targets.Target, args: Sequence[Any], configs: list[Any]) -> None:
        """Detaches configs from their parents before they are handed over, as Hydra 1.3 does."""
        try:
            configs.extend(value for value in args if type(value) in _CONTAINERS)
        except OmegaConfBaseException as error:
            raise _wrong_args(node, target, error) from error
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
        # Mode "partial" keeps structured configs as they are, so that they must be copies.
        if HAS_TUPLES or self.private or convert in ("all", "object"):
            return node
        return copy.deepcopy(node)

    def _mapping(self, node: DictConfig, convert: Any, recursive: Any, is_root: bool = False) -> Any:
        children = content(node)
        if "_convert_" in children:
            convert = normal_mode(_control(node, "_convert_", convert))
        if "_recursive_" in children:
            recursive = _flag(node, "_recursive_", _control(node, "_recursive_", recursive))
        if "_partial_" in children:
            _flag(node, "_partial_", _control(node, "_partial_", False))
        if HAS_TUPLES and "_execution_whitelist_" in children:
            raise _own_whitelist(node)
        if is_root:
            # Hydra 1.3 takes the control keys away, but not a target, which can only be missing here.
            skipped = _CONTROL if HAS_TUPLES else _CONTROL - {"_target_"}
            children = {key: child for key, child in children.items() if key not in skipped}
        # Hydra 1.3 reads all entries before it makes the first.
        read = {} if HAS_TUPLES else {key: _read(node, key, child) for key, child in children.items()}
        entries = {}
        for key, child in children.items():
            value = _read(node, key, child) if HAS_TUPLES else read[key]
            # On Hydra 1.3 the entries of a mapping are always made: there `_recursive_` speaks of call nodes.
            if type(value) in _CONTAINERS and (recursive or not HAS_TUPLES):
                value = self.make(value, convert, recursive)
            entries[key] = value
        if convert == "all" or (convert in _PLAIN_MODES and not is_typed(node)):
            return entries
        made = hydra_dict(entries, object_type(node), node if HAS_TUPLES else None)
        return OmegaConf.to_object(made) if convert == "object" else made

    def _sequence(self, node: Any, convert: Any, recursive: Any) -> Any:
        items = []
        for index, child in enumerate(content(node)):
            value = _item(node, index, child)
            items.append(self.make(value, convert, recursive) if type(value) in _CONTAINERS else value)
        is_tuple = isinstance(node, TUPLE_TYPES)
        if convert in _PLAIN_MODES:
            return tuple(items) if is_tuple else items
        return hydra_list(items, node if HAS_TUPLES else None, is_tuple=is_tuple)

    def _called(
        self,
        node: DictConfig,
        target: targets.Target,
        partial: bool,
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        if not (partial or target.harmless):
            return target.watched(args, kwargs, _full_key(node), self.guard)
        if partial:
            return target.deferred(args, kwargs, _full_key(node), self.guard)
        args = tuple(args)
        try:
            made = target.function(*args, **kwargs)
        except Exception as error:  # a target may raise anything: it goes on, in the way of the installed Hydra
            full_key = _full_key(node)
            if HAS_TUPLES:
                if full_key and f"full_key: {full_key}" not in getattr(error, "__notes__", ()):
                    error.add_note(f"full_key: {full_key}")
                raise
            message = f"Error in call to target '{_name(target.function)}':\n{error!r}"
            raise InstantiationException(_keyed(message, full_key)) from error
        return target.checked(made, args, lambda: _full_key(node), self.guard)

    def _target(self, node: DictConfig, child: Any) -> targets.Target:
        path = plain(child)
        if path is SPECIAL:
            path = node.get("_target_")
        if type(path) is not str:
            return self._given(node, path)
        if path in self._targets:
            return self._targets[path]
        try:
            target = targets.resolve(path, self.allow)
        except InstantiationException as error:
            full_key = _full_key(node)
            if full_key and "full_key:" not in str(error):
                raise InstantiationException(f"{error}\nfull_key: {full_key}") from error.__cause__
            raise
        self._targets[path] = target
        return target

    def _given(self, node: DictConfig, target: Any) -> targets.Target:
        """A target that an object of the config is, or one that is none."""
        full_key = _full_key(node)
        if callable(target):
            return targets.resolve_given(target, self.allow, full_key)
        raise InstantiationException(_keyed(_no_target(target), full_key))


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


#: The types of containers. Subclasses are rare, and are added when one is met: checks by type are much faster.
_CONTAINERS: set[type] = {DictConfig, ListConfig, *TUPLE_TYPES}


def _stand_in(node: Any) -> DictConfig:
    """An empty config with the place and the flags of Hydra 1.3's copy of a node."""
    made = OmegaConf.create({}, flags={"allow_objects": True, "struct": False, "readonly": False})
    made._set_parent(node._get_parent())
    made._set_key(node._key())
    return made


def _own_whitelist(node: DictConfig) -> InstantiationException:
    message = (
        "_execution_whitelist_ must be passed to instantiate() from trusted code, "
        "not configured inside the config being instantiated."
    )
    return InstantiationException(_keyed(message, _full_key(node)))


def _control(node: DictConfig, key: str, inherited: Any) -> Any:
    value = plain(content(node)[key])
    if value is not SPECIAL:
        return value
    # Not `get`, which refuses keys of another type than a typed config's.
    if key in node:
        return node[key]
    return inherited


def _flag(node: DictConfig, key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _no_flag(node, key, value)


def _no_flag(node: Any, key: str, value: Any) -> TypeError:
    message = f"Instantiation: {key} flag must be a bool, got {type(value)}"
    return TypeError(_keyed(message, _full_key(node)))


def _converted(value: Any, convert: Any) -> Any:
    if type(value) not in _CONTAINERS or convert not in _PLAIN_MODES:
        return value
    return OmegaConf.to_container(value, resolve=True, structured_config_mode=CONTAINER_MODES[convert])


def _read(node: Any, key: Any, child: Any) -> Any:
    """Reads a child; for interpolations, missing values and None containers by OmegaConf's own rules and errors."""
    if type(child) in _CONTAINERS:
        return node[key] if content(child) is SPECIAL else child
    value = plain(child)
    if value is not SPECIAL:
        return value
    value = node[key]
    if is_config(value):
        _CONTAINERS.add(type(value))
    return value


def _no_target(target: Any) -> str:
    return f"Expected a callable target, got '{target}' of type '{type(target).__name__}'"


def _item(node: Any, index: int, child: Any) -> Any:
    """Reads an item of a list, which Hydra iterates over: a missing one raises another error."""
    if child._is_interpolation():
        child = child._dereference_node()
        if not child._is_missing():
            return child if type(child) in _CONTAINERS and content(child) is not SPECIAL else child._value()
    if child._is_missing():
        raise MissingMandatoryValue(f"Missing value at index {index}")
    return _read(node, index, child)


def _wrong_args(node: DictConfig, target: targets.Target, error: Exception) -> InstantiationException:
    if HAS_TUPLES:
        return InstantiationException(_keyed(str(error), _full_key(node)))
    message = f"Error in collecting args and kwargs for '{_name(target.function)}':\n{error!r}"
    made = InstantiationException(_keyed(message, _full_key(node)))
    made.__cause__ = error
    return made


def _name(function: Any) -> str:
    if hasattr(function, "__qualname__"):
        return f"{function.__module__}.{function.__qualname__}"
    return str(function)


def _keyed(message: str, full_key: str) -> str:
    return f"{message}\nfull_key: {full_key}" if full_key else message


def _full_key(node: DictConfig) -> str:
    return str(node._get_full_key(None))
