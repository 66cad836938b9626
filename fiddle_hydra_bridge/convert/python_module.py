"""A Python module in the making: functions that return expressions, split so that each reads in one screen.

In come expressions, out comes the text of the module. ``python_layout`` (lines) and ``python_names`` (imports, names)
stand above; ``python_source`` writes trees into a module, and who needs several functions in one module uses both:

    module = Module()
    encoder = module.variable("encoder", value)   # what the function uses more than once
    module.function("model", expression)          # what it returns: text(encoder) stands for the variable
    print(module.text())

Names are chosen by ``text()``, when all of them are known. So an expression holds symbols, not names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from fiddle_hydra_bridge.convert.python_layout import (
    WIDTH,
    Expr,
    Group,
    Item,
    Part,
    Symbol,
    Text,
    call,
    comment_lines,
    emit,
    printable,
    symbols,
    text,
)
from fiddle_hydra_bridge.convert.python_names import Imports, Names, snake_case

__all__ = ["Function", "Module", "Variable"]

#: About how many lines a function may have, how many nested brackets, and how many lines are worth a function.
_LONGEST, _DEEPEST, _SHORTEST = 40, 8, 6
#: How many letters of a key make the name of a function.
_LONGEST_NAME = 30


class Variable(Symbol):
    """A local variable: what stands in a function more than once.

    Attributes:
        value: what it is.
        then: calls that change it, each a statement.
    """

    __slots__ = ("then", "value")

    def __init__(self, hint: str, value: Expr, then: Iterable[Expr]) -> None:
        super().__init__(hint)
        self.value = value
        self.then = [*then]

    def expressions(self) -> Iterator[Expr]:
        """Yields what is written where it is defined."""
        yield self.value
        yield from self.then


class Function(Symbol):
    """A function that returns an expression.

    Attributes:
        value: what it returns.
        parameters: variables of the functions around its call that it uses.
        variables: its own variables, in an order in which they can be defined.
        helpers: the functions that were split off from it.
        decorators: what stands above it, without the ``@``.
        doc: its docstring; none if empty.
        comments: comment lines above it.
    """

    __slots__ = ("call", "comments", "decorators", "doc", "helpers", "parameters", "value", "variables")

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.value: Expr = text("None")
        self.parameters: list[Variable] = []
        self.variables: list[Variable] = []
        self.helpers: list[Function] = []
        self.decorators: list[Expr] = []
        self.doc = ""
        self.comments: tuple[str, ...] = ()
        #: The one place where it is called, if it was split off from another.
        self.call = call((self,))

    def expressions(self) -> Iterator[Expr]:
        """Yields what it returns."""
        yield self.value


class Module:
    """A module in the making.

    Args:
        first_party: as for :class:`Imports`.
        doc: the docstring of the module; none if empty.
        taken: names that nothing in the module can have: those of the modules below a package.
        module_of: as for :class:`Imports`.

    Attributes:
        imports: what it imports.
    """

    def __init__(
        self,
        *,
        first_party: Iterable[str] = (),
        doc: str = "",
        taken: Iterable[str] = (),
        module_of: Callable[[str], str | None] = lambda path: None,
    ) -> None:
        self.imports = Imports(first_party, module_of)
        self.taken = frozenset(taken)
        self.doc = doc
        self._functions: list[Function] = []
        self._constants: dict[str, tuple[Symbol, Expr]] = {}
        self._variables: list[Variable] = []
        self._helpers: list[Function] = []

    # Making -------------------------------------------------------------------------------------------------

    def constant(self, name: str, value: Expr) -> Symbol:
        """Returns the symbol of a constant of the module, which is defined when it is first asked for."""
        if name not in self._constants:
            self._constants[name] = (Symbol(name), value)
        return self._constants[name][0]

    def variable(self, hint: str, value: Expr, then: Iterable[Expr] = ()) -> Variable:
        """Returns a new variable of the function that is being made.

        Args:
            hint: the name that it would best have.
            value: what it is; it may use the variables that were made before.
            then: calls that change it, as statements; they may use the variable by its symbol.
        """
        if isinstance(value, Group) and value.hint and value.weight > _LONGEST // 2:
            value = self._helper(hint, value)
        variable = Variable(hint, value, then)
        self._variables.append(variable)
        return variable

    def function(self, name: str, value: Expr) -> Function:
        """Ends the function that is being made: the variables since the last one are its own.

        Args:
            name: its name, a Python name that no other function of the module has.
            value: what it returns.
        """
        function = Function(name)
        function.value = value
        function.helpers = self._helpers
        _place(function, self._variables)
        function.helpers = _in_order_of_calls(function)
        self._functions.append(function)
        self._variables, self._helpers = [], []
        return function

    def discard(self) -> None:
        """Forgets the variables and the parts of a function that is not going to be."""
        self._variables, self._helpers = [], []

    def trim(self, group: Group) -> None:
        """Splits functions off from an expression that is long or deeply nested.

        To be called for every group when it is made, inner ones first: then none is ever much too long.
        """
        if group.depth > _DEEPEST or group.weight > _LONGEST:
            candidates = sorted(_candidates(group), key=lambda item: -item.value.weight)
            for item in candidates:
                is_deep = item.value.depth >= _DEEPEST
                if is_deep or (group.weight > _LONGEST and item.value.weight >= _SHORTEST):
                    self._split_off(item)
                    group.measure()

    def _split_off(self, item: Item) -> None:
        if isinstance(item.value, Group):
            key = item.key.parts[0] if isinstance(item.key, Text) else ""
            item.value = self._helper(snake_case(key if isinstance(key, str) else "") or item.value.hint, item.value)

    def _helper(self, hint: str, value: Group) -> Group:
        """Returns the call of a new function that returns a value."""
        function = Function(f"_{hint[:_LONGEST_NAME].strip('_') or 'part'}")
        function.value = value
        self._helpers.append(function)
        return function.call

    # Writing ------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """Returns the text of the module; every symbol has its name now."""
        self._choose_names()
        blocks = [self._head()]
        for function in self._functions:
            blocks += [_function_lines(each) for each in (function, *function.helpers)]
        return "\n\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def _choose_names(self) -> None:
        for function in self._functions:
            function.text = function.hint
        public = {function.text for function in self._functions}
        names = Names(public | self.taken)
        self.imports.name(self._used(), names, public)
        for symbol, _ in self._constants.values():
            names.give(symbol, symbol.hint)
        for function in self._functions:
            for helper in function.helpers:
                names.give(helper, helper.hint)
        for function in self._functions:
            local = Names(names.taken)
            for each in (function, *function.helpers):
                for variable in each.variables:
                    # The function that makes a value is often called like the value.
                    is_imported = variable.hint in names.taken
                    local.give(variable, f"{variable.hint}_config" if is_imported else variable.hint)

    def _used(self) -> set[Symbol]:
        """Everything that what is written names."""
        written: list[Expr] = [value for _, value in self._constants.values()]
        for root in self._functions:
            for function in (root, *root.helpers):
                written += [*function.expressions(), *function.decorators, Text(_type_of(function.value))]
                written += [expr for variable in function.variables for expr in variable.expressions()]
        return {symbol for expr in written for symbol in symbols(expr)}

    def _head(self) -> list[str]:
        lines = [*_docstring(self.doc, 0)]
        imports = self.imports.lines()
        lines += ["", *imports] if lines and imports else imports
        constants = [line for symbol, value in self._constants.values() for line in emit(value, f"{symbol.text} = ")]
        return [*lines, *([""] if lines and constants else []), *constants]


def _candidates(group: Group) -> Iterator[Item]:
    """Yields the items whose values could be what a function returns."""
    for item in group.items:
        if isinstance(item.value, Group):
            if isinstance(item.key, Text) and item.key.parts == ("**",):
                yield from _candidates(item.value)
            elif item.value.hint:
                yield item


# Which function defines which variable ------------------------------------------------------------------------


def _place(root: Function, variables: list[Variable]) -> None:
    """Gives every variable to the lowest function above all its uses, and hands it down from there.

    Args:
        root: the function; its helpers are called from it, directly or not.
        variables: all variables, in an order in which they can be defined.
    """
    users: dict[Symbol, list[Function | Variable]] = {}
    owners: list[Function | Variable] = [root, *variables, *root.helpers]
    for owner in owners:
        for symbol in dict.fromkeys(each for expr in owner.expressions() for each in symbols(expr)):
            if isinstance(symbol, Variable | Function) and symbol is not owner:
                users.setdefault(symbol, []).append(owner)
    homes: dict[Variable, Function] = {}

    def home(owner: Function | Variable) -> Function:
        return owner if isinstance(owner, Function) else homes[owner]

    def above(function: Function) -> list[Function]:
        """The functions that lead to a call, the root first."""
        chain = [function]
        while chain[-1] is not root:
            chain.append(home(users[chain[-1]][0]))
        return chain[::-1]

    # Who uses a variable is made after it, and has its place already.
    for variable in reversed(variables):
        chains = [above(home(owner)) for owner in users.get(variable, [root])]
        common = [steps[0] for steps in zip(*chains, strict=False) if all(step is steps[0] for step in steps)]
        homes[variable] = common[-1]
        for function in dict.fromkeys(step for chain in chains for step in chain[len(common) :]):
            function.parameters.insert(0, variable)
    for variable in variables:
        homes[variable].variables.append(variable)
    for helper in root.helpers:
        helper.call.items = [Item(text(parameter)) for parameter in helper.parameters]
        helper.call.measure()


def _in_order_of_calls(root: Function) -> list[Function]:
    """The functions that a function calls, directly or not, each before those that it calls itself."""
    found: list[Function] = []
    pending = [root]
    while pending:
        function = pending.pop()
        found.append(function)
        own = [*(expr for variable in function.variables for expr in variable.expressions()), *function.expressions()]
        called = [symbol for expr in own for symbol in symbols(expr) if isinstance(symbol, Function)]
        pending += reversed(called)
    return found[1:]


# Lines --------------------------------------------------------------------------------------------------------


def _function_lines(function: Function) -> list[str]:
    lines = comment_lines(function.comments)
    for decorator in function.decorators:
        lines += emit(decorator, "@")
    lines += _signature(function)
    lines += _docstring(function.doc, 4)
    for variable in function.variables:
        lines += emit(variable.value, f"{variable.text} = ", indent=4)
        for statement in variable.then:
            lines += emit(statement, indent=4)
    return [*lines, *emit(function.value, "return ", indent=4)]


def _signature(function: Function) -> list[str]:
    """Writes the head of a function; where it is too long and has no parameters, its annotation is broken."""
    annotation = "".join(map(_name, _type_of(function.value)))
    start = f"def {function.text}"
    returns = f" -> {annotation}" if annotation else ""
    if function.parameters or not annotation or len(f"{start}(){returns}:") <= WIDTH:
        return emit(call((start,), [text(parameter) for parameter in function.parameters]), suffix=f"{returns}:")
    outer, bracket, inner = annotation.removesuffix("]").partition("[")
    generic = Group((outer,), "[]", [Item(text(inner))])
    if bracket and len(f"{start}() -> {outer}[") <= WIDTH:
        return emit(generic, f"{start}() -> ", ":")
    return emit(Group((f"{start}() -> ",), "()", [Item(generic if bracket else text(annotation))]), suffix=":")


def _type_of(value: Expr) -> tuple[Part, ...]:
    if isinstance(value, Group):
        return value.of
    variable = value.parts[0]
    return _type_of(variable.value) if isinstance(variable, Variable) else ()


def _name(part: Part) -> str:
    return part if isinstance(part, str) else part.text


def _docstring(doc: str, indent: int) -> list[str]:
    words = [printable(line).rstrip() for line in doc.strip().replace("\\", "\\\\").splitlines()]
    if not words:
        return []
    blanks = " " * indent
    lines = [f"{blanks}{line}".rstrip().replace('"""', '\\"\\"\\"') for line in words]
    # A quote beside the quotes is kept apart, as ruff does.
    first, bare_quote = lines[0].lstrip(), re.search(r'(?<!\\)(?:\\\\)*"$', lines[-1])
    before, behind = " " if first.startswith('"') else "", " " if bare_quote else ""
    lines[0] = f'{blanks}"""{before}{first}'
    return [*lines, f'{blanks}"""'] if len(lines) > 1 else [f'{lines[0]}{behind}"""']
