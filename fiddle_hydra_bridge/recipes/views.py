"""The containers of a graph as Hydra sees them, and the places in them that override keys name.

In come lists, dicts and tuples of the graph that ``editing`` holds; it stands above, and ``drafts`` between the two
sees Buildables in the same way. A place is a container, seen through a ``View``, and a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiddle as fdl

from fiddle_hydra_bridge.convert import runtime
from fiddle_hydra_bridge.convert.paths import Path, format_path, parse_path
from fiddle_hydra_bridge.convert.records import is_namedtuple
from fiddle_hydra_bridge.errors import BridgeError, ParameterError, Problem, suggestion

__all__ = [
    "ABSENT",
    "DictView",
    "Root",
    "Spot",
    "View",
    "container_view",
    "is_link",
    "is_missing",
    "is_section",
    "under",
]


class _Absent:
    """The type of ``ABSENT``: nothing stands at a place."""


ABSENT: Any = _Absent()


class View:
    """A container of a graph as Hydra sees it, with strings for steps.

    Attributes:
        inside: whether a mapping that is set here is a dict, since it stands below a call node.
        convert: the conversion mode that a node inherits here.
        merges: the kind of value that is merged into it; None if a value takes its place.
        grows: whether ``+`` may add what is not there.
        name: what to call it in messages.
    """

    inside: bool
    convert: str
    merges: type | None = None
    grows: bool = False
    name: str = ""

    def path_to(self, step: Any) -> Path:
        raise NotImplementedError

    def get(self, step: Any) -> Any:
        """Returns what stands at a step, or ``ABSENT``."""
        raise NotImplementedError

    def set(self, step: Any, value: Any) -> None:
        raise NotImplementedError

    def delete(self, step: Any) -> None:
        raise NotImplementedError

    def knows(self, step: Any) -> bool:
        """Whether a value that is not there can be set without ``+``."""
        return False

    def unknown(self, step: Any) -> tuple[str, str | None]:
        """Returns what is wrong with a step that names nothing, and a hint."""
        raise NotImplementedError


def is_link(value: Any) -> bool:
    return isinstance(value, fdl.Buildable) and fdl.get_callable(value) is runtime.unresolved


def is_missing(value: Any) -> bool:
    return isinstance(value, fdl.Buildable) and fdl.get_callable(value) is runtime.missing


def is_section(value: Any) -> bool:
    return isinstance(value, fdl.Buildable) and fdl.get_callable(value) is runtime.section


class Spot:
    """A place in the graph: what a key names, whether something stands there or not."""

    def __init__(self, view: View, step: Any) -> None:
        self.view = view
        self.step = step
        self.path: Path = view.path_to(step)

    def __str__(self) -> str:
        return ".".join(map(str, self.path))

    def get(self) -> Any:
        return self.view.get(self.step)

    def set(self, value: Any) -> None:
        try:
            self.view.set(self.step, value)
        except BridgeError as error:
            raise under(self.path, error) from error

    def delete(self) -> None:
        try:
            self.view.delete(self.step)
        except BridgeError as error:
            raise under(self.path, error) from error

    def wrong(self, message: str, hint: str | None = None) -> ParameterError:
        return ParameterError(Problem(message, format_path(self.path), hint=hint, kind=ParameterError))

    def unknown(self) -> ParameterError:
        """The error for a step that names nothing."""
        return self.wrong(*self.view.unknown(self.step))


def under(path: Path, error: BridgeError) -> BridgeError:
    """Returns the error of a part with the paths that its problems have in the whole."""
    return type(error)(
        Problem(
            problem.message,
            format_path((*path, *parse_path(problem.path or ""))),
            hint=problem.hint,
            kind=problem.kind,
        )
        for problem in error.problems
    )


class Root(View):
    """What holds the graph itself."""

    inside = False
    convert = "all"

    def __init__(self, value: Any) -> None:
        self.value = value

    def path_to(self, step: Any) -> Path:
        return ()

    def get(self, step: Any) -> Any:
        return self.value

    def set(self, step: Any, value: Any) -> None:
        self.value = value


class _Part(View):
    """A container at a place."""

    def __init__(self, value: Any, spot: Spot) -> None:
        self.value = value
        self.spot = spot
        self.convert = spot.view.convert
        # A mapping in a list outside call nodes is a section, in a dict (a call, in Hydra's spelling) it is a dict.
        self.inside = spot.view.inside

    def path_to(self, step: Any) -> Path:
        return (*self.spot.path, step)


class DictView(_Part):
    merges = dict
    grows = True
    name = "a dict"

    def __init__(self, value: Any, spot: Spot) -> None:
        super().__init__(value, spot)
        self.inside = self.inside or bool(spot.path)

    def _key(self, step: Any) -> Any:
        """The key that a step names: OmegaConf 2.4 reaches integers too."""
        if type(step) is str and step not in self.value and step.isdecimal() and int(step) in self.value:
            return int(step)
        return step

    def get(self, step: Any) -> Any:
        return self.value.get(self._key(step), ABSENT)

    def set(self, step: Any, value: Any) -> None:
        if step == "_target_" and step not in self.value:
            hint = "give the node as a whole: {_target_: ...}"
            raise ParameterError(Problem("a dict is no call node", hint=hint, kind=ParameterError))
        self.value[self._key(step)] = value

    def delete(self, step: Any) -> None:
        del self.value[self._key(step)]

    def unknown(self, step: Any) -> tuple[str, str | None]:
        near = suggestion(str(step), [key for key in self.value if type(key) is str])
        return f"there is no key {step!r}{near}", "write + in front to append it"


class _List(_Part):
    merges: type | None = list
    name = "a list"

    def path_to(self, step: Any) -> Path:
        index = self._index(step)
        return super().path_to(step if index is None else index)

    def _index(self, step: Any) -> int | None:
        try:
            index = int(step)
        except ValueError:
            return None
        return index if -len(self.value) <= index < len(self.value) else None

    def get(self, step: Any) -> Any:
        index = self._index(step)
        return ABSENT if index is None else self.value[index]

    def set(self, step: Any, value: Any) -> None:
        self.value[self._index(step)] = value

    def delete(self, step: Any) -> None:
        del self.value[self._index(step)]

    def unknown(self, step: Any) -> tuple[str, str | None]:
        return (
            f"there is no item {step} in {self.name} of {len(self.value)}",
            "give the list as a whole to make it longer",
        )


class _Tuple(_List):
    """A tuple or namedtuple, which is made anew and set where it stands."""

    merges = None
    name = "a tuple"

    def __init__(self, value: Any, spot: Spot) -> None:
        super().__init__(list(value), spot)
        self.make: Callable[[list[Any]], Any] = getattr(type(value), "_make", tuple)
        self.fields: tuple[str, ...] = getattr(value, "_fields", ())
        self.inside = True

    def _index(self, step: Any) -> int | None:
        return self.fields.index(step) if step in self.fields else super()._index(step)

    def set(self, step: Any, value: Any) -> None:
        super().set(step, value)
        self.spot.set(self.make(self.value))

    def delete(self, step: Any) -> None:
        if self.fields:
            raise ParameterError("a field of a namedtuple cannot be deleted")
        super().delete(step)
        self.spot.set(self.make(self.value))


def container_view(value: Any, spot: Spot) -> View | None:
    """Returns the view of a container that stands at a place, None for what has no parts."""
    make = _VIEWS.get(tuple if _is_tuple(value) else type(value))
    return None if make is None else make(value, spot)


def _is_tuple(value: Any) -> bool:
    return type(value) is tuple or is_namedtuple(value)


_VIEWS: dict[type, Callable[[Any, Spot], View]] = {dict: DictView, list: _List, tuple: _Tuple}
