"""The modules of the package, written.

In come a planned module and the content of its files, out comes the text of the module. What a file says is written as
it stands: mappings are dicts, call nodes are ``fhb.node(...)``, interpolations are links, comments stay with their
entries. ``convert.python_module`` stands above and puts expressions into lines; nothing is imported or evaluated.
"""

from __future__ import annotations

import functools
from pathlib import PurePath
from typing import Any

from fiddle_hydra_bridge.convert import python_values
from fiddle_hydra_bridge.convert.hydra_keys import ROOT_CONTROL
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.python_layout import Comment, Expr, Group, Item, Part, Text, call, text
from fiddle_hydra_bridge.convert.python_module import Module
from fiddle_hydra_bridge.convert.python_names import is_name
from fiddle_hydra_bridge.convert.tree import Data
from fiddle_hydra_bridge.errors import BridgeError, ParameterError, Place, Problem, TargetError, UnsupportedValueError
from fiddle_hydra_bridge.migration.constants import spot_of
from fiddle_hydra_bridge.migration.notes import Notes, notes_of
from fiddle_hydra_bridge.migration.plan import PlannedModule, PlannedRecipe
from fiddle_hydra_bridge.migration.scan import ConfigFile, Content, read
from fiddle_hydra_bridge.migration.stand_ins import is_there
from fiddle_hydra_bridge.migration.variables import SharedConstants, Variables
from fiddle_hydra_bridge.recipes.call_node import check_entries
from fiddle_hydra_bridge.recipes.listing import module_of

__all__ = ["Refused", "write_module"]

#: How deep brackets may be nested, so that Python can read them.
_DEEPEST = 80

Refused = list[tuple[ConfigFile, BridgeError]]


def write_module(
    planned: PlannedModule,
    *,
    lazy: bool = False,
    dialect: str | None = None,
    shared: SharedConstants | None = None,
) -> tuple[str, Refused]:
    """Writes a module.

    Args:
        planned: the module.
        lazy: whether targets are placeholders, which are imported when they are called.
        dialect: whose words the files speak, as for ``from_hydra``.
        shared: the constants that become variables; without them all interpolations are links.

    Returns:
        the text, and the configs that have no place in it, with the reasons.
    """
    title = f"The config group ``{planned.group}``." if planned.group else "The primary configs."
    taken = [child.place[-1] for child in planned.children]
    module = Module(doc=title, taken=taken, module_of=functools.cache(module_of))
    refused: Refused = []
    placeholders: dict[str, str] | None = {} if lazy else None
    depth = len(planned.place) - (0 if planned.is_package else 1)
    variables = None if shared is None else Variables(module, shared, depth)
    for recipe in planned.recipes:
        try:
            _add(module, planned, recipe, read(recipe.config, dialect), placeholders, variables)
        except BridgeError as error:
            refused.append((recipe.config, error))
            module.discard()
        except OSError as error:
            refused.append((recipe.config, BridgeError(f"{recipe.config.file}: {error.strerror}")))
    return module.text(), refused


def _add(
    module: Module,
    planned: PlannedModule,
    recipe: PlannedRecipe,
    content: Content,
    placeholders: dict[str, str] | None,
    variables: Variables | None,
) -> None:
    notes = notes_of(content)
    is_hydras = planned.group == "hydra" or planned.group.startswith("hydra/")
    value = _Writer(module, content, notes, placeholders, variables).node(content.data, (), is_hydras)
    function = module.function(recipe.function, value)
    function.doc = notes.doc
    function.comments = tuple(notes.head)
    function.decorators = [_decorator(module, planned, recipe, content)]


def _decorator(module: Module, planned: PlannedModule, recipe: PlannedRecipe, content: Content) -> Expr:
    """Writes ``@fhb.recipe(...)``: what the place of the function does not say."""
    said: dict[str, str] = {}
    if not planned.is_in_its_place:
        said["group"] = recipe.config.group
    if recipe.function != recipe.config.name:
        said["name"] = recipe.config.name
    if content.package is not None:
        said["package"] = content.package
    named = [*((key, python_values.string(value)) for key, value in said.items()), ("verbatim", text("True"))]
    return call(module.imports.reference("fiddle_hydra_bridge.recipe"), items=python_values.keyword_items(named))


class _Writer:
    """Writes the content of one file as an expression.

    Args:
        module: the module that the expression is for.
        content: the content.
        notes: its comments.
        placeholders: the targets of the module that are written as placeholders, by the last word of their paths;
            None if targets are imported.
        variables: writes what is constant; None if all interpolations are links.
    """

    def __init__(
        self,
        module: Module,
        content: Content,
        notes: Notes,
        placeholders: dict[str, str] | None,
        variables: Variables | None,
    ) -> None:
        self.module = module
        self.imports = module.imports
        self.content = content
        self.notes = notes
        self.variables = variables
        self.lazy = placeholders is not None
        #: By the last word of a target's path, the path that the word stands for.
        self.paths: dict[str, str] = {} if placeholders is None else placeholders

    def node(self, data: Data, path: Path, raw: bool) -> Expr:
        """Writes any node. ``raw``: whether it is data to whoever reads it, and nothing in it has another meaning."""
        if len(path) > _DEEPEST:
            raise self._refused(path, f"it is nested deeper than {_DEEPEST} levels, which Python cannot read")
        if type(data) is dict:
            if not raw and self._is_call(data):
                return self._call(data, path)
            return self._mapping(data, path, raw)
        if type(data) is list:
            items = [
                self._item(data, index, None, "", self.node(item, (*path, index), raw))
                for index, item in enumerate(data)
            ]
            of = self.imports.reference("builtins.list")
            return Group((), "[]", items, of=(*of, "[", *self._any(), "]"))
        return self._leaf(data, path, raw)

    def _mapping(self, data: dict[Any, Data], path: Path, raw: bool) -> Group:
        items = []
        for key, item in data.items():
            is_hydras = path == () and key in ("defaults", "hydra")
            value = self.node(item, (*path, key), raw or is_hydras)
            items.append(self._item(data, key, self._plain(key, (*path, key), True), ": ", value))
        of = self.imports.reference("builtins.dict")
        return Group((), "{}", items, of=(*of, "[", *self.imports.reference("builtins.str"), ", ", *self._any(), "]"))

    def _any(self) -> tuple[Part, ...]:
        return self.imports.reference("typing.Any")

    def _is_call(self, data: dict[Any, Data]) -> bool:
        """Whether a mapping can be written as a node: it has a target, and what else it says a node can say."""
        target = data.get("_target_")
        if type(target) is not str or target in ("", "???") or not all(type(key) is str for key in data):
            return False
        try:
            check_entries(data)
        except ParameterError:
            return False
        return True

    def _call(self, data: dict[str, Data], path: Path) -> Group:
        named: list[tuple[str, Expr]] = []
        raw = data.get("_recursive_") is False
        for key, item in data.items():
            is_hydras = path == () and key in ("defaults", "hydra")
            # Of positional arguments only a list holds nodes; an interpolation to one is a word.
            is_word = key in ROOT_CONTROL or (key == "_args_" and type(item) is str)
            is_data = is_hydras or is_word or (raw and key != "_args_")
            value = self._target(item) if key == "_target_" else self.node(item, (*path, key), is_data)
            named.append((key, value))
        is_first = next(iter(data)) == "_target_"
        items = python_values.keyword_items(named[1:] if is_first else named, lambda key: self._comment(data, key))
        if is_first:
            items.insert(0, Item(named[0][1], comment=self._comment(data, "_target_")))
        kind = "Partial" if data.get("_partial_") is True else "Config"
        return Group(self.imports.reference("fiddle_hydra_bridge.node"), "()", items, of=self._class(kind, data))

    def _class(self, kind: str, data: dict[str, Data]) -> tuple[Part, ...]:
        """The return annotation of a function."""
        parts = self.imports.reference(f"fiddle.{kind}")
        target = self._target(data["_target_"])
        is_class = data["_target_"].rpartition(".")[2][:1].isupper()
        if self.lazy or not is_class or not isinstance(target, Text) or isinstance(target.parts[0], str):
            return (*parts, "[", *self._any(), "]")
        return (*parts, "[", *target.parts, "]")

    def _target(self, path: str) -> Expr:
        """Writes a target: as an imported name, or as its path where no import statement could name it."""
        top = path.partition(".")[0]
        if "." not in path or top == "__main__" or "${" in path:
            return python_values.string(path)
        # Two paths of one name may lead to one object, which a recipe could then tell by one of them only.
        name = path.rpartition(".")[2]
        if not is_name(name) or self.paths.setdefault(name, path) != path:
            return python_values.string(path)
        if self.lazy:
            lazy = call(self.imports.reference("fiddle_hydra_bridge.LazyTarget"), [python_values.string(path)])
            return text(self.module.constant(name, lazy))
        if not is_there(path):
            return python_values.string(path)
        try:
            return Text(self.imports.reference(path))
        except TargetError:
            return python_values.string(path)

    def _leaf(self, value: Any, path: Path, raw: bool) -> Expr:
        constant = None if self.variables is None else self.variables.expression(spot_of(self._place(path)))
        return self._plain(value, path, raw) if constant is None else constant

    def _plain(self, value: Any, path: Path, raw: bool) -> Expr:
        if type(value) is str:
            if not raw and "${" in value:
                return call(self.imports.reference("fiddle_hydra_bridge.link"), [python_values.string(value)])
            if not raw and value == "???":
                return Text(self.imports.reference("omegaconf.MISSING"))
            return python_values.string(value)
        if isinstance(value, PurePath):
            return call(self.imports.reference("pathlib.Path"), [python_values.string(str(value))])
        return python_values.literal(value, self.imports)

    def _item(self, container: Data, key: Any, written: Expr | None, joint: str, value: Expr) -> Item:
        return Item(value, written, joint, self._comment(container, key))

    def _comment(self, container: Data, key: Any) -> Comment | None:
        note = self.notes.of(container, key)
        return None if note is None else Comment(tuple(note.above), note.beside, tuple(note.below))

    def _refused(self, path: Path, message: str) -> BridgeError:
        problem = Problem(message, format_path(path), self._place(path), kind=UnsupportedValueError)
        return UnsupportedValueError(problem)

    def _place(self, path: Path) -> Place:
        marks = self.content.marks
        container: Data = self.content.data
        line, column = marks.root
        for step in path:
            _, line, column = marks.lines.get(id(container), {}).get(step, ("", line, column))
            container = container[step]
        return Place(marks.source, line, column)
