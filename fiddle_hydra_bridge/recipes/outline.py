"""The recipes of one module, read from its source text: nothing is imported, nothing is evaluated.

In comes a text, out comes an :class:`Outline`, for ``listing``. Hydra asks every config source about every override
and group, so a module of a thousand recipes must be listed in milliseconds, which parsing it whole is not: the text
is cut at the top-level functions, and only the heads of those in question are parsed.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fiddle_hydra_bridge.recipes.registry import path_problem

__all__ = ["Head", "Outline"]

_RECIPE = frozenset({"fiddle_hydra_bridge.recipe", "fiddle_hydra_bridge.recipes.registry.recipe"})
#: Decorators of functions that are, or make, graphs.
_GRAPH_FUNCTIONS = frozenset(
    {
        "fiddle.experimental.auto_config.auto_config",
        "fiddle_hydra_bridge.autoconvert",
        "nemo_run.autoconvert",
    }
)
#: Return annotations that say "a graph".
_GRAPHS = frozenset(
    f"{package}.{name}"
    for package, names in {
        "fiddle": ("Buildable", "Config", "Partial"),
        "fiddle_hydra_bridge": ("Config", "Partial", "Script"),
        "nemo_run": ("Config", "Partial", "Script"),
    }.items()
    for name in names
)

# Strings with quotes inside them, and comments, must not be mistaken for code. What comes first in the text wins.
_STRINGS = re.compile(
    r"""\"\"\"[\s\S]*?(?<!\\)\"\"\"|'''[\s\S]*?(?<!\\)'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*"""
)
_FUNCTION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
#: A line that begins a statement at the top level: not indented, not the end of brackets.
_STATEMENT = re.compile(r"^[^\s)\]}]", re.MULTILINE)
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+[.\w]+[ \t]+import[ \t]+(?:\([^)]*\)|[^\n;(]+)|import[ \t]+[^\n;]+)", re.MULTILINE
)
_CONSTANT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*(\"[^\"\\\n]*\"|'[^'\\\n]*')[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Head:
    """What the head of a function says of it as a recipe.

    Attributes:
        function: the name of the function.
        name: the name of the option.
        group: the group it is put in, ``None`` for the module's place.
        package: where Hydra places it, ``None`` for its group.
        problem: why the head cannot be read, if so.
        typed: whether it is served as a structured config.
        verbatim: whether the config is what the recipe says and nothing else.
    """

    function: str
    name: str
    group: str | None = None
    package: str | None = None
    problem: str | None = None
    typed: bool = False
    verbatim: bool = False


class Outline:
    """The recipes of a module.

    Args:
        text: the source text; it need not be valid Python.
        module: the dotted name of the module.
        is_package: whether relative imports start at the module itself.
    """

    def __init__(self, text: str, module: str, is_package: bool) -> None:
        self.text = _STRINGS.sub(lambda match: _blanked(match.group()), text)
        self.package = module if is_package else module.rpartition(".")[0]
        self.heads: dict[int, Head | None] = {}

    def named(self, name: str) -> Iterator[Head]:
        """Yields the recipes with a name."""
        if name in self.text:
            is_constant = name in self._constants.values()
            for index, chunk in enumerate(self._chunks):
                if is_constant or name in chunk:
                    head = self._head(index)
                    if head is not None and head.name == name:
                        yield head

    def all(self) -> Iterator[Head]:
        """Yields the recipes in the order of the text."""
        for index in range(len(self._chunks)):
            head = self._head(index)
            if head is not None:
                yield head

    @functools.cached_property
    def names_groups(self) -> bool:
        """Whether a recipe of the module might name a group of its own."""
        return "recipe" in self.text and "group" in self.text

    @functools.cached_property
    def _chunks(self) -> list[str]:
        """The texts of the top-level functions, decorators included."""
        starts = [match.start() for match in _STATEMENT.finditer(self.text)]
        chunks = []
        decorators: int | None = None
        for start, end in itertools.pairwise([*starts, len(self.text)]):
            if self.text[start] == "@":
                decorators = start if decorators is None else decorators
                continue
            if _FUNCTION.match(self.text, start):
                chunks.append(self.text[start if decorators is None else decorators : end])
            decorators = None
        return chunks

    @functools.cached_property
    def imported(self) -> dict[str, str]:
        """The dotted names of what the module imports, by the local name."""
        aliases: dict[str, str] = {}
        for text in {match.group().strip() for match in _IMPORT.finditer(self.text)}:
            for statement in _parsed(text):
                if isinstance(statement, ast.ImportFrom):
                    base = statement.module or ""
                    if statement.level:
                        above = self.package.split(".")[: len(self.package.split(".")) - statement.level + 1]
                        base = ".".join([*above, *filter(None, [statement.module])])
                    aliases |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in statement.names}
                elif isinstance(statement, ast.Import):
                    # "import a.b" makes a name for a, "import a.b as c" one for a.b.
                    for alias in statement.names:
                        top = alias.name.partition(".")[0]
                        aliases[alias.asname or top] = alias.name if alias.asname else top
        return aliases

    @functools.cached_property
    def _constants(self) -> dict[str, str]:
        return {match[1]: match[2][1:-1] for match in _CONSTANT.finditer(self.text)}

    def _head(self, index: int) -> Head | None:
        if index not in self.heads:
            self.heads[index] = self._read(self._chunks[index])
        return self.heads[index]

    def _read(self, chunk: str) -> Head | None:
        found = _FUNCTION.search(chunk)
        if found is None or found[1].startswith("_"):
            return None
        function = _function(chunk, found.start())
        if function is None:
            # Importing the module will say what is wrong; until then the function is on offer.
            return Head(found[1], found[1])
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            origin = self._origin(call.func if call else decorator)
            if origin in _RECIPE:
                return self._decorated(function.name, call.keywords if call else [])
            if origin in _GRAPH_FUNCTIONS and not _has_required(function.args):
                return Head(function.name, function.name)
        if self._returns_graph(function.returns) and not _has_required(function.args):
            return Head(function.name, function.name)
        return None

    def _decorated(self, function: str, keywords: list[ast.keyword]) -> Head:
        words: dict[str, Any] = {}
        for keyword in keywords:
            word, value = keyword.arg or "**", keyword.value
            if isinstance(value, ast.Name) and value.id in self._constants:
                value = ast.Constant(self._constants[value.id])
            kinds = bool if word in ("typed", "verbatim") else str | None
            if not isinstance(value, ast.Constant) or not isinstance(value.value, kinds):
                wanted = "True or False" if kinds is bool else "a string literal, or a constant of the module"
                return Head(function, function, problem=f"{word}= of @recipe must be {wanted}")
            words[word] = value.value
        group, name = words.get("group"), words.get("name") or function
        typed, verbatim = words.get("typed", False), words.get("verbatim", False)
        # What stands for a file can be called what a file can be called.
        problem = None if verbatim else path_problem(group, name)
        if problem:
            return Head(function, function, problem=problem)
        return Head(function, name, group, words.get("package"), typed=typed, verbatim=verbatim)

    def _returns_graph(self, annotation: ast.expr | None) -> bool:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            parsed = _parsed(annotation.value)
            annotation = parsed[0].value if parsed and isinstance(parsed[0], ast.Expr) else None
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        return annotation is not None and self._origin(annotation) in _GRAPHS

    def _origin(self, node: ast.expr) -> str:
        """The dotted name of what an expression names, through the module's imports."""
        steps = []
        while isinstance(node, ast.Attribute):
            steps.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imported.get(node.id, node.id), *reversed(steps)])


def _blanked(token: str) -> str:
    """Takes out of a text what could look like code: comments, and strings of several lines."""
    if token.startswith("#"):
        return ""
    return '""' if token.startswith(('"""', "'''")) else token


def _function(chunk: str, start: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Parses the head of a function, or all of it if the end of the head is hard to see."""
    depth = 0
    position = start
    for line in chunk[start:].splitlines(keepends=True):
        position += len(line)
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if depth <= 0 and line.rstrip().endswith(":"):
            break
    for text in (f"{chunk[:position]}\n ...", chunk):
        for statement in _parsed(text):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                return statement
    return None


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # A module under work is no reason to break apps that do not use it.
        return []


def _has_required(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return positional > len(arguments.defaults) or None in arguments.kw_defaults
