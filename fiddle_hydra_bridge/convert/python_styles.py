"""The styles of generated Python: how nodes are written, and what a style cannot say.

In comes what ``python_source`` asks about a call, out go rows and answers. ``tree`` stands above. What is loaded is
looked at, never imported.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from fiddle.experimental import auto_config

from fiddle_hydra_bridge.convert.callables import look_up
from fiddle_hydra_bridge.convert.tree import VALUE, Call

__all__ = [
    "CONSTRUCTOR_NAMES",
    "STYLES",
    "Making",
    "Style",
    "is_changed_by_binding",
    "is_rewritten",
]


@dataclass(frozen=True)
class Style:
    """How nodes are written.

    Attributes:
        config: the path of the class of configs.
        partial: the path of the class of partials.
        rewritten: whether calls stand for configs, since ``auto_config`` rewrites the function.
        binding: whether the classes' constructors change arguments, as NeMo-Run's do.
    """

    config: str = "fiddle.Config"
    partial: str = "fiddle.Partial"
    rewritten: bool = False
    binding: bool = False


#: The styles of ``to_python``, by name.
STYLES = {
    "fiddle": Style(),
    "auto_config": Style(rewritten=True),
    "nemo_run": Style("nemo_run.Config", "nemo_run.Partial", binding=True),
}


@dataclass(frozen=True)
class Making:
    """What a call does not say about its node.

    Attributes:
        lazy: whether its callable is a ``LazyTarget``.
        signature: whether its callable shows a signature.
        mode: the conversion mode of its class, if it is of a class of ``buildables.mode_class``.
    """

    lazy: bool = False
    signature: bool = True
    mode: str | None = None


#: Parameters of NeMo-Run's constructors, which no argument can be called.
CONSTRUCTOR_NAMES = frozenset({"self", "fn_or_cls", "bind_args"})


def is_rewritten(path: str) -> bool:
    """Whether ``auto_config`` makes a Config of a call of this target. Of what is not loaded nobody knows."""
    try:
        function = look_up(path)
    except (LookupError, AttributeError):
        return False
    is_special = path.startswith(("fiddle.", "functools."))
    return not (is_special or auto_config.is_auto_config(function) or auto_config.auto_config_policy.latest(function))


def is_changed_by_binding(made: Call) -> bool:
    """Whether NeMo-Run's constructor would change an argument: dataclasses become configs, and what is falsy gives
    way to the config that the annotation of the parameter names."""
    arguments = (*made.args, *made.kwargs.values())
    if any(type(item) is Call and item.kind == "value" and item.target in _MAY_BE_DATACLASSES for item in arguments):
        return True
    try:
        parameters = inspect.signature(look_up(made.target)).parameters.values()
    except (LookupError, AttributeError, TypeError, ValueError):  # not loaded, or no signature to be had
        return False
    return any(str(parameter.annotation).startswith("typing.Annotated") for parameter in parameters)


_MAY_BE_DATACLASSES = frozenset(
    {VALUE, *(f"hydra.utils.get_{kind}" for kind in ("object", "class", "method", "static_method"))}
)
