"""Trees as Python source: functions that return the graph.

In comes the tree, out goes the text of a module. ``python_module`` (functions, names, lines) and ``python_values``
(literals, codecs) stand above; ``bridge`` reads graphs into trees for it. Nothing is imported or run here: targets are
written as their paths say.

:class:`Printer` writes one function after the other into a ``Module``, so that several share their imports:

    module = Module(doc="The recipes of the project.")
    printer = Printer(module, STYLES["fiddle"], making)
    printer.function("model", model_tree)
    printer.function("data", data_tree)
    print(module.text())
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiddle_hydra_bridge.convert import python_values
from fiddle_hydra_bridge.convert.paths import format_path
from fiddle_hydra_bridge.convert.python_layout import Expr, Group, Item, Part, Text, call, symbols, text, walk
from fiddle_hydra_bridge.convert.python_module import Function, Module, Variable
from fiddle_hydra_bridge.convert.python_names import is_name, snake_case
from fiddle_hydra_bridge.convert.python_styles import (
    CONSTRUCTOR_NAMES,
    STYLES,
    Making,
    Style,
    is_changed_by_binding,
    is_rewritten,
)
from fiddle_hydra_bridge.convert.tree import (
    MISSING,
    SCALAR_TYPES,
    TAGGED,
    Call,
    Link,
    Tree,
    children,
    find,
)
from fiddle_hydra_bridge.errors import (
    BridgeError,
    ParameterError,
    Problem,
    SyntaxProblemError,
    UnsupportedValueError,
    raise_problems,
    suggestion,
)

__all__ = ["Printer", "write"]


def write(tree: Tree, *, making: Callable[[Call], Making], name: str = "config", style: str = "fiddle") -> str:
    """Writes a module with a function that returns the graph of a tree.

    Args:
        tree: the tree, without ``???`` for parameters that are just not set.
        making: what is known of the node of a call.
        name: the name of the function.
        style: one of ``STYLES``.

    Raises:
        BridgeError: with everything that has no place in Python source.
    """
    if style not in STYLES:
        hint = suggestion(style, STYLES)
        raise ParameterError(f"style must be one of {', '.join(map(repr, STYLES))}, got {style!r}{hint}")
    module = Module()
    Printer(module, STYLES[style], making).function(name, tree)
    return module.text()


class Printer:
    """Writes trees into a module, one function for each.

    Args:
        module: the module; further functions and constants may be added to it by others.
        style: one of ``STYLES``.
        making: what is known of the node of a call.
    """

    def __init__(self, module: Module, style: Style, making: Callable[[Call], Making]) -> None:
        self.module = module
        self.imports = module.imports
        self.style = style
        self.making = making
        self._problems: list[tuple[Tree, BridgeError]] = []
        #: What is met more than once, by the id of the node: the names of the arguments that it is given for.
        self._shared: dict[int, list[str]] = {}
        #: The variables of what is met again or gets tags, by the id of the node.
        self._variables: dict[int, Variable] = {}
        #: The calls that ``auto_config`` rewrites, by id; kept alive, since ids of dead objects come again.
        self._rewritten: dict[int, Group] = {}

    def function(self, name: str, tree: Tree) -> Function:
        """Writes a function that returns the graph of a tree.

        Args:
            name: its name.
            tree: the tree.

        Raises:
            ParameterError: if the name is no Python name.
            BridgeError: with everything in the tree that has no place in Python source.
        """
        if not is_name(name):
            raise ParameterError(f"a function cannot be called {name!r}: that is no Python name")
        self._problems, self._variables = [], {}
        self._shared = _met_again(tree)
        value = self.node(tree)
        if self._problems:
            self.module.discard()
            raise_problems([problem for node, error in self._problems for problem in _placed(error, tree, node)])
        function = self.module.function(name, value)
        if self.style.rewritten:
            self._decorate(function)
        return function

    # Here are loops, not comprehensions, whose frames would halve the depth of the graphs that can be written.

    # Nodes --------------------------------------------------------------------------------------------------

    def node(self, tree: Tree) -> Expr:
        """Writes any node."""
        kind = type(tree)
        if kind in SCALAR_TYPES:
            return python_values.literal(tree, self.imports)
        if kind is Link:
            return self._link(tree)
        if tree is MISSING:
            return self._unbuildable("missing")
        known = self._variables.get(id(tree))
        if known is not None:
            return text(known)
        then: list[tuple[str | int, tuple[str, ...]]] = []
        try:
            if kind is Call:
                made = self._call(tree)
                then = [*(tree.tags or {}).items()] if tree.target != TAGGED else []
            elif kind is dict:
                made = self._dict(tree)
            elif kind is list:
                made = self._list(tree)
            else:
                raise UnsupportedValueError(_unknown(tree))
            return self._named(tree, made, then) if then or id(tree) in self._shared else made
        except BridgeError as error:
            self._problems.append((tree, error))
            return text("None")

    def _named(self, tree: Tree, made: Expr, tags: list[tuple[str | int, tuple[str, ...]]]) -> Expr:
        """Makes a variable of what is met again, or of a node that gets tags."""
        keys = set(self._shared.get(id(tree), ()))
        own = made.hint if isinstance(made, Group) else ""
        hint = (keys.pop() if len(keys) == 1 else own) or own or "value"
        variable = self.module.variable(hint, made)
        variable.then += [self._set_tags(variable, key, paths) for key, paths in tags]
        self._variables[id(tree)] = variable
        return text(variable)

    def _set_tags(self, variable: Variable, key: str | int, paths: tuple[str, ...]) -> Expr:
        named = python_values.literal(key, self.imports)
        if not paths:
            return call(self.maker("fiddle.clear_tags"), [text(variable), named])
        return call(self.maker("fiddle.set_tags"), [text(variable), named, self._tags(paths)])

    def _tags(self, paths: tuple[str, ...]) -> Group:
        return Group((), "{}", [Item(Text(self.imports.reference(path))) for path in paths])

    def _dict(self, tree: dict[Any, Tree]) -> Group:
        items: list[Item] = []
        for key, item in tree.items():
            items.append(Item(self.node(item), self.node(key), ": "))
        return self._trimmed(Group((), "{}", items, "entries", self._type("builtins.dict")))

    def _list(self, tree: list[Tree]) -> Group:
        items: list[Item] = []
        for item in tree:
            items.append(Item(self.node(item)))
        return self._trimmed(Group((), "[]", items, "items", self._type("builtins.list")))

    def _trimmed(self, made: Group) -> Group:
        self.module.trim(made)
        return made

    def _link(self, leaf: Link) -> Expr:
        expression = python_values.string(leaf.expression)
        if leaf.reason is not None:
            return self._unbuildable("unresolved", expression, python_values.string(leaf.reason))
        return call(self.maker("fiddle_hydra_bridge.link"), [expression])

    def _unbuildable(self, name: str, *args: Expr) -> Group:
        target = Text(self.imports.reference(f"fiddle_hydra_bridge.convert.runtime.{name}"))
        return call(self.imports.reference("fiddle.Config"), [target, *args])

    # Calls --------------------------------------------------------------------------------------------------

    def _call(self, made: Call) -> Expr:
        if made.kind == "value":
            return python_values.value(made, self)
        if made.target == TAGGED:
            return self._tagged_value(made)
        making = self.making(made)
        items: list[Item] = []
        for item in made.args:
            items.append(Item(self.node(item)))
        named: list[tuple[str, Expr]] = []
        for key, item in made.kwargs.items():
            named.append((key, self.node(item)))
        items += python_values.keyword_items(named)
        group = self._made(made, making, items)
        group.hint = snake_case(made.target.rpartition(".")[2]) or "node"
        group.of = self._type(self._class_path(made))
        return self._trimmed(group)

    def _made(self, made: Call, making: Making, items: list[Item]) -> Group:
        if self.style.rewritten and made.kind != "factory" and making == Making():
            if made.kind == "partial" and not {"partial_cls", "buildable_or_callable"} & made.kwargs.keys():
                target = Item(Text(self.imports.reference(made.target)))
                return self._rewrites(call(self.imports.reference("functools.partial"), (), [target, *items]))
            if made.kind == "config" and is_rewritten(made.target):
                return self._rewrites(call(self.imports.reference(made.target), (), items))
        if making.lazy:
            lazy = [python_values.string(made.target)]
            target = Item(call(self.maker("fiddle_hydra_bridge.LazyTarget"), lazy))
        else:
            target = Item(Text(self.imports.reference(made.target)))
        if not making.signature:
            function = self.maker("fiddle_hydra_bridge.convert.buildables.without_signature")
            return call(function, [Text(self._class(made, making, called=False))], [target, *items])
        if not self.style.binding or made.kind == "factory":
            return call(self._class(made, making), (), [target, *items])
        if CONSTRUCTOR_NAMES & made.kwargs.keys():
            plain = call(self.imports.reference(f"fiddle.{made.kind.title()}"), (), [target, *items])
            return call(self.imports.reference("fiddle.cast"), [Text(self._class(made, making, called=False)), plain])
        if is_changed_by_binding(made):
            items = [*items, Item(text("False"), text("bind_args"), "=")]
        return call(self._class(made, making), (), [target, *items])

    def _class(self, made: Call, making: Making, called: bool = True) -> tuple[Part, ...]:
        path = self._class_path(made)
        if making.mode is None:
            return self.maker(path) if called else self.imports.reference(path)
        function = self.imports.reference("fiddle_hydra_bridge.convert.buildables.mode_class")
        base = Text(self.imports.reference(path))
        name = f"{making.mode.title()}{path.rpartition('.')[2]}"
        constant = self.module.constant(name, call(function, [base, python_values.string(making.mode)]))
        return self._exempted((constant,)) if called else (constant,)

    def _class_path(self, made: Call) -> str:
        return {"config": self.style.config, "partial": self.style.partial}.get(made.kind, "fiddle.ArgFactory")

    def _type(self, path: str) -> tuple[Part, ...]:
        """The return annotation of a function, which under ``auto_config`` would not be true."""
        return () if self.style.rewritten else self.imports.reference(path)

    def _tagged_value(self, made: Call) -> Group:
        tags = (made.tags or {}).get("value", ())
        default = [self.node(item) for item in made.kwargs.values()]
        if len(tags) == 1:
            return call((*self.imports.reference(tags[0]), ".new"), default, hint="tagged")
        items = [Item(item, text("default"), "=") for item in default]
        return call(self.maker("fiddle.tagging.TaggedValue"), [self._tags(tags)], items, hint="tagged")

    def maker(self, path: str) -> tuple[Part, ...]:
        """Writes a callable so that calling it calls it, in every style."""
        parts = self.imports.reference(path)
        if path in ("fiddle.Config", "fiddle.Partial") or path.startswith("builtins."):
            return parts
        return self._exempted(parts)

    def _exempted(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        if not self.style.rewritten:
            return parts
        return (*self.imports.reference("fiddle.experimental.auto_config.exempt"), "(", *parts, ")")

    # Functions ----------------------------------------------------------------------------------------------

    def _rewrites(self, group: Group) -> Group:
        self._rewritten[id(group)] = group
        return group

    def _decorate(self, function: Function) -> None:
        """Decorates the functions whose calls are rewritten, and those that they must be called as usual from."""
        functions = [function, *function.helpers]
        owned = {
            each: [*each.expressions(), *(expr for variable in each.variables for expr in variable.expressions())]
            for each in functions
        }
        callers: dict[Function, Function] = {
            symbol: each
            for each, expressions in owned.items()
            for expr in expressions
            for symbol in symbols(expr)
            if isinstance(symbol, Function)
        }
        rewritten: set[Function] = set()
        for each, expressions in owned.items():
            if any(id(part) in self._rewritten for expr in expressions for part in walk(expr)):
                above: Function | None = each
                while above is not None and above not in rewritten:
                    rewritten.add(above)
                    above = callers.get(above)
        for each in functions:
            word = "auto_config" if each in rewritten else "exempt"
            each.decorators.append(Text(self.imports.reference(f"fiddle.experimental.auto_config.{word}")))


def _met_again(tree: Tree) -> dict[int, list[str]]:
    """Returns the nodes that are met more than once, by id, with the names of the arguments they are met at.

    Raises:
        SyntaxProblemError: if the tree contains itself.
    """
    names: dict[int, list[str]] = {}
    open_nodes: set[int] = {id(tree)}
    pending = [(tree, children(tree))]
    while pending:
        node, steps = pending[-1]
        step, child = next(steps, (None, None))
        if step is None:
            open_nodes.discard(id(node))
            pending.pop()
        elif type(child) in (Call, dict, list):
            key = step[-1] if isinstance(step[-1], str) else ""
            if id(child) in open_nodes:
                path = format_path((*(find(tree, node) or ()), *step))
                raise SyntaxProblemError(
                    Problem("a graph that contains itself cannot be written", path, None, "break the cycle")
                )
            if id(child) in names:
                names[id(child)].append(snake_case(key))
            else:
                names[id(child)] = [snake_case(key)]
                open_nodes.add(id(child))
                pending.append((child, children(child)))
    return {key: found for key, found in names.items() if len(found) > 1}


def _unknown(value: Any) -> Problem:
    return Problem(
        f"a value of type {type(value).__name__} cannot be written as Python",
        hint="use a value that a codec spells",
        kind=UnsupportedValueError,
    )


def _placed(error: BridgeError, tree: Tree, node: Tree) -> list[Problem]:
    path = format_path(find(tree, node) or ())
    return [Problem(each.message, each.path or path, each.place, each.hint, each.kind) for each in error.problems]
