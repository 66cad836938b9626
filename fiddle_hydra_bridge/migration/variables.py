"""Python for what ``constants`` has found: variables of functions, and a module of what several modules use.

In come the :class:`~fiddle_hydra_bridge.migration.constants.Constants` of a tree, out come expressions for ``write``. A
value that is named in its own file only is a variable of the function; one that other files name stands in a module of
the package.
``convert.python_module`` stands above and gives the names.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Callable

from fiddle_hydra_bridge.convert import python_values
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.python_layout import Expr, Part, Symbol, Text, text
from fiddle_hydra_bridge.convert.python_module import Module, Variable
from fiddle_hydra_bridge.convert.python_names import Names, snake_case
from fiddle_hydra_bridge.migration.constants import Constants, Spot

__all__ = ["MODULE", "SharedConstants", "Variables"]

#: The module of what several modules use. What begins with an underscore is no config group.
MODULE = "_constants"


class SharedConstants:
    """The module of the constants that several modules of a package use.

    Args:
        constants: what of the tree is constant.

    Attributes:
        constants: the same.
        names: the names of the shared values.
    """

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        shared = sorted(constants.shared())
        words = {spot: _constant_name(_last(constants.values[spot].path)) for spot in shared}
        counts = collections.Counter(words.values())
        names = Names()
        self.names: dict[Spot, str] = {}
        for spot, word in words.items():
            symbol = Symbol(word)
            whole = _constant_name("_".join(map(str, constants.values[spot].path)))
            names.give(symbol, *([word] if counts[word] == 1 else []), whole)
            self.names[spot] = symbol.text

    def text(self) -> str:
        """Returns the text of the module, empty if nothing is shared."""
        if not self.names:
            return ""
        module = Module(doc="What several configs use.")

        @functools.cache
        def symbol(spot: Spot) -> Symbol:
            value = _expression(self.constants, spot, lambda named: (symbol(named),), module)
            return module.constant(self.names[spot], value)

        for spot in self.names:
            symbol(spot)
        return module.text()


class Variables:
    """What the functions of one module use of the constants.

    Args:
        module: the module.
        shared: the constants of the package.
        depth: how many packages above the module the package of the recipes is.
    """

    def __init__(self, module: Module, shared: SharedConstants, depth: int) -> None:
        self.module = module
        self.constants = shared.constants
        self.shared = shared.names
        self.beside = f"{'.' * (depth + 1)}{MODULE}"
        self._variables: dict[Spot, Variable] = {}

    def expression(self, spot: Spot) -> Expr | None:
        """Writes the entry at a place, None if it is neither an interpolation nor named by one that is constant."""
        if spot in self.constants.values:
            return Text(self._variable(spot))
        if spot in self.constants.interpolations:
            return _expression(self.constants, spot, self._variable, self.module)
        return None

    def _variable(self, spot: Spot) -> tuple[Part, ...]:
        if spot in self.shared:
            return self.module.imports.relative(self.beside, self.shared[spot])
        if spot not in self._variables:
            value = _expression(self.constants, spot, self._variable, self.module)
            hint = snake_case(_last(self.constants.values[spot].path))
            self._variables[spot] = self.module.variable(hint, value)
        return (self._variables[spot],)


def _expression(constants: Constants, spot: Spot, variable: Callable[[Spot], tuple[Part, ...]], module: Module) -> Expr:
    """Writes a value: an interpolation as what it names, everything else as a literal."""
    pieces = constants.interpolations.get(spot)
    if pieces is None:
        return python_values.literal(constants.values[spot].value, module.imports)
    if len(pieces) == 3 and pieces[0] == pieces[2] == "":
        (named,) = constants.named(spot)
        return Text(variable(named))
    named_parts = [variable(named) for named in constants.named(spot)]
    return text("f", *_f_string([piece for piece in pieces if isinstance(piece, str)], named_parts))


def _f_string(texts: list[str], between: list[tuple[Part, ...]]) -> list[Part]:
    """The parts of an f-string without the ``f``: texts, and what stands between them."""
    braced = [piece.replace("{", "{{").replace("}", "}}") for piece in texts]
    (quoted,) = python_values.string("{}".join(braced)).parts
    # Read from left to right, what is doubled stands for itself.
    parts: list[Part] = []
    pending = iter(between)
    for word in re.split(r"(\{\{|\}\}|\{\})", str(quoted)):
        parts += ["{", *next(pending), "}"] if word == "{}" else [word]
    return parts


def _last(path: Path) -> str:
    """The last key of a path that is a word: of the items of a list, the key of the list."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _constant_name(words: str) -> str:
    """Returns the name of a constant.

    >>> _constant_name("data_seq-length")
    'DATA_SEQ_LENGTH'
    """
    return snake_case(words).strip("_").upper() or "VALUE"
