"""``instantiate``, the drop-in for ``hydra.utils.instantiate``: prepares the config as the installed Hydra does.

In comes what Hydra's function takes, out go the objects. ``objects`` makes them from the prepared nodes. What is
rare and what only Hydra can judge (call-site arguments on Hydra 1.4, unusual configs) goes to Hydra's own function.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, cast

import hydra.utils
from hydra._internal.instantiate import _instantiate2
from omegaconf import DictConfig, OmegaConf, flag_override

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.hydra_policy import installed_hydra
from fiddle_hydra_bridge.convert.nodes import (
    HAS_TUPLES,
    SPECIAL,
    content,
    counterpart,
    has_own_flags,
    is_config,
    is_structured,
)
from fiddle_hydra_bridge.convert.objects import Maker, needs_resolving

__all__ = ["instantiate"]

_FLAGS = ["allow_objects", "struct", "readonly"]
_FLAG_VALUES = [True, False, False]


def instantiate(
    config: Any,
    *args: Any,
    _share_: bool = False,
    _allow_: str | Iterable[str] | None = None,
    **kwargs: Any,
) -> Any:
    """Makes the objects of a config: a faster drop-in for ``hydra.utils.instantiate``.

    Same values, same types, same order of calls, same checks of targets, arguments and results, same errors as the
    installed Hydra. The config is never changed.

    Args:
        config: as Hydra's: a DictConfig, ListConfig, dict, list, structured config (class or instance), or None.
        *args: positional arguments that replace the config's ``_args_``.
        _share_: whether a node that interpolations reach gives one object, where Hydra makes a new one each time.
        _allow_: patterns of target paths, exact or ending in ``.*``; no other target is even imported.
        **kwargs: arguments and control keys (``_convert_``, ``_recursive_``, ``_partial_``) that override the
            config's, with the rules of the installed Hydra.

    Raises:
        hydra.errors.InstantiationException: as Hydra does.
        RefusedTargetError: if ``_allow_`` does not allow a target.
        Exception: on Hydra 1.4, whatever a target raises, as Hydra does.

    Example:
        >>> instantiate({"_target_": "fractions.Fraction", "numerator": 1, "denominator": 3})
        Fraction(1, 3)
    """
    allow = targets.normalise_allow(_allow_)
    if HAS_TUPLES and (args or kwargs):
        return _at_call_site(config, args, kwargs, _share_, allow)
    if config is None:
        return None
    if _is_unset_target(config):
        return hydra.utils.instantiate(config, *args, **kwargs)  # Hydra's refusal
    node = _as_node(config)
    if node is None or (content(node) is SPECIAL and not node._is_interpolation()):
        return hydra.utils.instantiate(config, *args, **kwargs)
    if content(node) is SPECIAL and HAS_TUPLES:
        return hydra.utils.instantiate(node, **installed_hydra().whitelist(allow))
    if HAS_TUPLES:
        return _instantiate_in_place(config, node, _share_, allow)
    return _instantiate_resolved(node, args, kwargs, _share_, allow)


def _is_unset_target(config: Any) -> bool:
    """Whether it is Hydra 1.3's ``TargetConf`` without a target."""
    return type(config).__module__ == "hydra.types" and getattr(config, "_target_", None) == "???"


def _as_node(config: Any) -> Any:
    """Returns the config as OmegaConf's container, or None if Hydra would refuse it."""
    if is_config(config):
        return config
    structured = is_structured(config)
    if not structured and type(config) not in _PLAIN_CONFIGS and not isinstance(config, dict | list):
        return None
    if not structured:
        config = _prepared(config)
    # Only Hydra 1.3 lets a plain config hold arbitrary objects.
    return OmegaConf.structured(config) if HAS_TUPLES else OmegaConf.structured(config, flags={"allow_objects": True})


_PLAIN_CONFIGS = (dict, list, tuple) if HAS_TUPLES else (dict, list)


def _prepared(value: Any) -> Any:
    """Replaces targets that are given as callables by their names, as Hydra does."""
    if isinstance(value, dict):
        return {key: _target_name(item) if key == "_target_" else _prepared(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_prepared(item) for item in value]
    if HAS_TUPLES and type(value) is tuple:
        return tuple(_prepared(item) for item in value)
    return value


def _target_name(target: Any) -> Any:
    if callable(target) and hasattr(target, "__qualname__"):
        return f"{target.__module__}.{target.__qualname__}"
    return target


def _instantiate_resolved(
    node: Any, args: tuple[Any, ...], kwargs: dict[str, Any], share: bool, allow: tuple[str, ...] | None
) -> Any:
    """Hydra 1.3: call-site arguments are merged and interpolations are resolved before anything is called."""
    kwargs = _prepared(kwargs)
    convert, recursive = "none", True
    if not isinstance(node, DictConfig):
        if kwargs.pop("_partial_", False):
            return hydra.utils.instantiate(counterpart(node), *args, _partial_=True)  # Hydra's refusal
        convert, recursive = kwargs.pop("_convert_", convert), kwargs.pop("_recursive_", recursive)
        args = ()
        kwargs = {}
    private = bool(kwargs) or (not share and needs_resolving(node))
    if private:
        # A copy of the whole tree: Hydra's own copy of the node alone resolves what lies outside in place.
        node = counterpart(node)
        node._set_flag(flags=_FLAGS, values=_FLAG_VALUES)
        if kwargs:
            parent = node._get_parent()
            node = OmegaConf.merge(node, kwargs)
            node._set_parent(parent)
        if not share:
            OmegaConf.resolve(node)
    return Maker(allow, share, private).make_root(node, args, convert, recursive)


def _instantiate_in_place(config: Any, node: Any, share: bool, allow: tuple[str, ...] | None) -> Any:
    """Hydra 1.4: the caller's own nodes, read-only while targets run."""
    if isinstance(node, DictConfig) and "_isolate_" in content(node):
        return hydra.utils.instantiate(config, **installed_hydra().whitelist(allow))
    if node is not config:
        return Maker(allow, share, False).make_root(node)
    guard = getattr(_instantiate2, "_ReadOnlyDeferredTargetContext", None)
    with _read_only(node):
        return Maker(allow, share, False, None if guard is None else guard(node)).make_root(node)


def _read_only(node: Any) -> AbstractContextManager[Any]:
    """Keeps a config read-only while targets run, as Hydra does.

    A flag of the root is inherited by all nodes but those with a flag of their own. Where there are such, Hydra's own
    guard sets them one by one.
    """
    root = node._get_root()
    guard = getattr(_instantiate2, "_read_only_config_tree", None)
    if guard is None or not has_own_flags(root, "readonly"):
        return flag_override(root, "readonly", True)
    return cast("AbstractContextManager[Any]", guard(node))


def _at_call_site(
    config: Any, args: tuple[Any, ...], kwargs: dict[str, Any], share: bool, allow: tuple[str, ...] | None
) -> Any:
    """Hydra 1.4 with call-site arguments, whose rules are Hydra's own affair."""
    if not share:
        return hydra.utils.instantiate(config, *args, **{**kwargs, **installed_hydra().whitelist(allow)})
    whitelist = kwargs.pop("_execution_whitelist_", None)
    if whitelist is not None:
        with vars(hydra.utils)["execution_whitelist"](whitelist):
            return instantiate(config, *args, _share_=True, _allow_=allow, **kwargs)
    if not args and not kwargs:
        return instantiate(config, _share_=True, _allow_=allow)
    node = _as_node(config)
    if not isinstance(node, DictConfig) or content(node) is SPECIAL:
        return Maker(allow, share, False).make_root(node, args)
    merged = counterpart(node)
    merged._set_flag(flags=_FLAGS, values=_FLAG_VALUES)
    parent = merged._get_parent()
    merged = OmegaConf.merge(merged, _prepared(kwargs))
    merged._set_parent(parent)
    return Maker(allow, share, True).make_root(merged, args)
