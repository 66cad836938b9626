"""Hydra's command-line overrides on a Fiddle graph.

In come a graph and override strings, as they would stand behind ``python app.py``; out goes a changed copy. Hydra's
own parser reads the strings, so the grammar is that of the installed line. ``editing`` stands below: it finds the
places that the keys name and knows what may be set there. The spokes of ``convert`` make the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from fiddle_hydra_bridge.convert.allow import normalise_allow
from fiddle_hydra_bridge.convert.bridge import guarded
from fiddle_hydra_bridge.convert.compare import same_graph
from fiddle_hydra_bridge.convert.histories import Location, caller
from fiddle_hydra_bridge.convert.tree import MISSING, Data
from fiddle_hydra_bridge.errors import BridgeError, ParameterError, Problem, SyntaxProblemError, raise_problems
from fiddle_hydra_bridge.recipes.editing import Editor, read_value
from fiddle_hydra_bridge.recipes.views import ABSENT, Spot, View, is_link, is_missing

__all__ = ["override", "override_at", "steps"]


def override(graph: Any, overrides: Sequence[str], *, allow: str | Iterable[str] | None = None) -> Any:
    """Returns a copy of a graph with Hydra's overrides applied, one after the other.

    What the target declares as a parameter can be set without ``+``, whether it is set or not; ``**kwargs`` and
    entries of sections and dicts that do not exist yet need it, as in Hydra. A dict is merged into the node or dict
    that it meets, a list replaces the items of a list, and everything else replaces what stands there. When
    ``_target_`` changes, the arguments stay, and are checked against the new signature after the last override. A
    node that the graph shares is changed for all that share it. Interpolations become links.

    Args:
        graph: a Buildable, or lists and dicts of them; it is not changed.
        overrides: ``a.b=1``, ``a.layers.0=1`` (and ``a.layers[0]=1`` where the installed Hydra parses it),
            ``a={_target_: my.Node, dim: 3}``, ``+a.c=1``, ``++a.c=1``, ``~a.b``, ``~a.b=1``.
        allow: patterns of target paths that the overrides may name, as for ``from_hydra``.

    Raises:
        BridgeError: with every override that does not parse, names nothing or does not fit.

    Example:
        >>> import fiddle as fdl
        >>> from fractions import Fraction
        >>> override(fdl.Config(Fraction, 1, 3), ["denominator=4"])
        <Config[Fraction(numerator=1, denominator=4)]>
    """
    return override_at(caller(), graph, overrides, allow=allow)


@guarded
def override_at(
    location: Location, graph: Any, overrides: Sequence[str], *, allow: str | Iterable[str] | None = None
) -> Any:
    """Does what :func:`override` does, and says in Fiddle's history that the changes were made at ``location``."""
    if isinstance(overrides, str) or not all(isinstance(text, str) for text in overrides):
        raise ParameterError(f"overrides must be a list of strings, got {overrides!r}")
    editor = Editor(graph, normalise_allow(allow), location)
    problems: list[Problem] = []
    for text in overrides:
        try:
            _apply(editor, _parsed(text))
        except BridgeError as error:
            problems.extend(error.problems)
    # The signatures are judged only where every override found its place: the rest would be consequences.
    raise_problems(problems)
    return editor.finish()


def _parsed(text: str) -> Override:
    """Parses one override.

    Raises:
        SyntaxProblemError: if it does not parse.
        ParameterError: if it means something only on the command line of an app.
    """
    try:
        (parsed,) = OverridesParser.create().parse_overrides([text])
    except HydraException as error:
        raise SyntaxProblemError(
            Problem(f"cannot parse {text!r}: {str(error).strip()}", kind=SyntaxProblemError)
        ) from error
    if parsed.is_sweep_override():
        raise ParameterError(
            Problem(
                f"{text!r} is a sweep over several values",
                hint="sweeps are for the command line of an app, with --multirun; "
                "a list is written key=[a,b], and a string with commas in quotes",
                kind=ParameterError,
            )
        )
    if parsed.package is not None:
        raise ParameterError(
            Problem(
                f"{text!r} looks like an override of a config group, and a graph has none",
                hint="the value itself is set with key=value",
                kind=ParameterError,
            )
        )
    return parsed


_STEP = re.compile(r"(?:\\[.\[\]=]|[^.\[\]])+")


def steps(key: str) -> list[str]:
    """Splits a key that Hydra has parsed, as OmegaConf does: ``a.l[0]``, and on 1.4 ``a\\.b`` for a key with a dot."""
    return [re.sub(r"\\([.\[\]=])", r"\1", step) for step in _STEP.findall(key)] or [""]


def _apply(editor: Editor, override: Override) -> None:
    """Applies one override, and says of each problem which override it was."""
    apply, failed = _KINDS[override.type.name]
    try:
        apply(editor, override)
    except BridgeError as error:
        raise type(error)(
            Problem(
                f"{failed} {override.key_or_group!r}: {problem.message}",
                problem.path,
                hint=problem.hint,
                kind=problem.kind,
            )
            for problem in error.problems
        ) from error


def _change(editor: Editor, override: Override) -> None:
    spot = editor.walk(steps(override.key_or_group), add=False)
    _assign(editor, spot, read_value(override.value()), add=False)


def _force_add(editor: Editor, override: Override) -> None:
    spot = editor.walk(steps(override.key_or_group), add=True)
    _assign(editor, spot, read_value(override.value()), add=True)


def _add(editor: Editor, override: Override) -> None:
    spot = editor.walk(steps(override.key_or_group), add=True)
    data = read_value(override.value())
    value = spot.get()
    if value is not ABSENT and value is not None and not is_missing(value) and type(data) not in (dict, list):
        line = override.input_line or ""
        raise spot.wrong("an item is already there", f"write {line[1:]} or +{line} to override it")
    _assign(editor, spot, data, add=True)


def _delete(editor: Editor, override: Override) -> None:
    spot = editor.walk(steps(override.key_or_group), add=False)
    value = spot.get()
    if value is ABSENT:
        raise spot.wrong("it is not set" if spot.view.knows(spot.step) else spot.view.unknown(spot.step)[0])
    if override.value_type is not None:
        expected = editor.graph_of(read_value(override.value()), spot)
        if not _is_equal(value, expected):
            raise spot.wrong(f"its value is {_shown(value)} and not {_shown(expected)}")
    spot.delete()


def _extend(editor: Editor, override: Override) -> None:
    """Hydra 1.4's ``extend_list``."""
    spot = editor.walk(steps(override.key_or_group), add=False)
    value = spot.get()
    if type(value) is not list:
        raise spot.wrong("it is not set" if value is ABSENT else f"{_shown(value)} is not a list")
    value.extend(editor.graph_of(read_value(override.value()), spot))


#: By the type of an override: what is done, and what is said when it fails.
_KINDS: dict[str, tuple[Callable[[Editor, Override], None], str]] = {
    "CHANGE": (_change, "Could not override"),
    "ADD": (_add, "Could not append"),
    "FORCE_ADD": (_force_add, "Could not override"),
    "DEL": (_delete, "Could not delete"),
    "EXTEND_LIST": (_extend, "Could not extend"),
}


def _assign(editor: Editor, spot: Spot, data: Data, add: bool, known: bool = False) -> None:
    """Sets or merges a value, as ``OmegaConf.update`` does.

    Args:
        editor: the editor.
        spot: the place.
        data: the value, in Hydra's spelling.
        add: whether what is not declared may be added, also inside the value.
        known: whether the place itself needs no ``+``.
    """
    value = spot.get()
    view = editor.view(value, spot) if type(data) in (dict, list) and not is_link(value) else None
    if view is not None and view.merges is not None:
        if type(data) is not view.merges:
            found = "a dict" if type(data) is dict else "a list"
            raise spot.wrong(f"{found} cannot be merged into {view.name}", f"delete it first: ~{spot}")
        if type(data) is dict:
            becomes_call = type(value) is dict and "_target_" in data
            _merge(editor, editor.called(value, spot) if becomes_call else view, data, add)
        else:
            value[:] = editor.graph_of(data, spot)
        return
    if value is ABSENT and not known and not spot.view.knows(spot.step) and not (add and spot.view.grows):
        raise spot.unknown()
    spot.set(editor.graph_of(data, spot))


def _merge(editor: Editor, view: View, data: dict[Any, Data], add: bool) -> None:
    """Merges a dict into a node or dict, key by key.

    With a ``_target_`` it is a whole node: what it may hold is for that target's signature to say, after the last
    override.
    """
    problems: list[Problem] = []
    for key in sorted(data, key=lambda key: key != "_target_"):
        spot = Spot(view, key)
        if data[key] is MISSING and spot.get() is not ABSENT:
            continue
        try:
            _assign(editor, spot, data[key], add, known="_target_" in data)
        except BridgeError as error:
            problems.extend(error.problems)
    raise_problems(problems)


def _is_equal(value: Any, expected: Any) -> bool:
    if isinstance(value, int | float) and isinstance(expected, int | float):
        return value == expected
    return same_graph(value, expected)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
