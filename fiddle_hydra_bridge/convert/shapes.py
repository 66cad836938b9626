"""Shapes: which calls of a codec's target mean a value, and which are ordinary calls.

In come the arguments of a call node, as trees, out goes whether they are just what the codec writes. A call of
another shape is left alone: it is built when the config is built. ``codec`` stands above, ``values`` below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fiddle_hydra_bridge.convert.codec import Shape, closed
from fiddle_hydra_bridge.convert.tree import Call, Tree

__all__ = [
    "takes",
    "takes_any",
    "takes_call",
    "takes_hashables",
    "takes_latin1",
    "takes_list",
    "takes_pairs",
    "takes_path",
    "takes_pieces",
    "takes_scalars",
    "takes_texts",
    "takes_uuid",
]


def takes(*positional: tuple[type, ...]) -> Shape:
    """Exactly these positional arguments, each of one of the types given or spelled as a value itself."""

    def reads(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
        same_number = not kwargs and len(args) == len(positional)
        return same_number and all(type(arg) in (*types, Call) for arg, types in zip(args, positional, strict=True))

    return reads


def takes_any(*shapes: Shape) -> Shape:
    return lambda args, kwargs: any(shape(args, kwargs) for shape in shapes)


def takes_scalars(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return bool(args) and not kwargs and all(type(arg) not in (list, dict) for arg in args)


def takes_texts(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return bool(args) and not kwargs and all(type(arg) in (str, Call) for arg in args)


def takes_list(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return not kwargs and [type(arg) for arg in args] == [list]


def takes_hashables(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return takes_list(args, kwargs) and all(type(item) not in (list, dict) for item in args[0])


def takes_pairs(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return takes_list(args, kwargs) and all(
        type(pair) is list and len(pair) == 2 and type(pair[0]) not in (list, dict) and closed(pair[0])
        for pair in args[0]
    )


def takes_pieces(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return takes((str,), (list,))(args, kwargs) and args[0] == "" and all(type(piece) is str for piece in args[1])


def takes_latin1(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return takes((str,), (str,))(args, kwargs) and args[1] == "latin-1"


def takes_uuid(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return takes((str,))(args, {}) and kwargs.keys() <= {"is_safe"}


def takes_path(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return kwargs.keys() <= {"path"} and [type(arg) for arg in (*args, *kwargs.values())] == [str]


def takes_call(args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> bool:
    return not kwargs and len(args) == 1 and type(args[0]) is Call and args[0].kind in ("config", "partial")
