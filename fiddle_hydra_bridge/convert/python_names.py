"""Names in a Python module: what is imported for a dotted path, and what everything is called.

In come dotted paths and wishes, out come :class:`Symbol` parts of expressions; when the whole module is known they get
their names, and the import lines are written in the order of ``ruff``'s isort rules. ``python_layout`` stands above;
nothing is imported here.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fiddle_hydra_bridge.convert.callables import look_up
from fiddle_hydra_bridge.convert.python_layout import WIDTH, Part, Symbol
from fiddle_hydra_bridge.errors import Problem, TargetError

__all__ = ["Imports", "Names", "Reference", "is_name", "snake_case"]

#: Modules that people import as a whole, with the name they are known by.
_WHOLE_MODULES = {
    "collections": "collections",
    "datetime": "datetime",
    "fiddle": "fdl",
    "fiddle_hydra_bridge": "fhb",
    "functools": "functools",
    "jax": "jax",
    "jax.numpy": "jnp",
    "math": "math",
    "nemo_run": "run",
    "numpy": "np",
    "operator": "operator",
    "pandas": "pd",
    "re": "re",
    "tensorflow": "tf",
    "torch": "torch",
}
_BUILTINS = frozenset(dir(builtins))
#: Names that are no good: ruff finds these letters hard to tell from digits (E741).
_AMBIGUOUS = frozenset({"l", "O", "I"})


def is_name(word: str) -> bool:
    """Whether a word can be written as a name, and Python reads it as it stands."""
    return (
        word.isidentifier()
        and not keyword.iskeyword(word)
        and word != "__debug__"
        and unicodedata.normalize("NFKC", word) == word
    )


def snake_case(name: str) -> str:
    """Returns a name for a value of what is called ``name``; empty if nothing is left of it.

    >>> snake_case("LlamaConfig8B"), snake_case("a-b")
    ('llama_config8_b', 'a_b')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    cleaned = re.sub(r"\W+", "_", words).strip("_").lower()
    if cleaned in _BUILTINS or keyword.iskeyword(cleaned):
        return f"{cleaned}_"
    return cleaned if is_name(cleaned) else ""


class Reference(Symbol):
    """The name of something imported, or of a builtin.

    Attributes:
        module: its module.
        name: its name there; None for the module itself.
    """

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str | None) -> None:
        super().__init__(_WHOLE_MODULES.get(module, module) if name is None else name)
        self.module = module
        self.name = name

    @property
    def is_builtin(self) -> bool:
        """Whether it needs no import."""
        return self.module == "builtins" and self.text == self.name


class Names:
    """The names that are taken in a module, or in a function of it."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*keyword.kwlist, *_BUILTINS, *_AMBIGUOUS, "__debug__", *taken}
        self._numbers: dict[str, Iterator[int]] = {}

    def give(self, symbol: Symbol, *candidates: str) -> None:
        """Gives a symbol the first of these names that is free, or the last one with a number behind it."""
        wishes = [name for name in candidates if is_name(name)] or ["value"]
        numbers = self._numbers.setdefault(wishes[-1], itertools.count(2))
        numbered = (f"{wishes[-1]}_{number}" for number in numbers)
        symbol.text = next(name for name in itertools.chain(wishes, numbered) if name not in self.taken)
        self.taken.add(symbol.text)


class Imports:
    """What a module imports.

    Args:
        first_party: top-level packages of the project that the module is made for, besides those that are loaded from
            elsewhere than an environment: ruff gives them a block of their own behind the other libraries.
        module_of: which module a dotted path starts with, None where that is not known.
    """

    def __init__(
        self, first_party: Iterable[str] = (), module_of: Callable[[str], str | None] = lambda path: None
    ) -> None:
        self.first_party = frozenset(first_party)
        self.module_of = module_of
        self._references: dict[tuple[str, str | None], Reference] = {}
        self._paths: dict[str, tuple[Part, ...]] = {}

    def reference(self, path: str) -> tuple[Part, ...]:
        """Returns the parts of an expression that stand for what a dotted path names.

        Raises:
            TargetError: if it cannot be imported by an import statement.
        """
        known = self._paths.get(path)
        if known is None:
            known = self._paths[path] = self._found(path)
        return known

    def relative(self, module: str, name: str) -> tuple[Part, ...]:
        """Returns the parts that stand for a name in a module of the same package, e.g. of ``..other``."""
        return (self._reference(module, name),)

    def _found(self, path: str) -> tuple[Part, ...]:
        module = self.module_of(path) or _module_of(path)
        qualname = path.removeprefix(f"{module}.")
        if not all(map(is_name, (*module.split("."), *qualname.split(".")))):
            raise TargetError(
                Problem(
                    f"{path!r} cannot be imported by a statement: a part of it is no Python name",
                    hint="give it an importable name, or use a LazyTarget",
                    kind=TargetError,
                )
            )
        if module in _WHOLE_MODULES:
            return self._reference(module, None), f".{qualname}"
        name, _, rest = qualname.partition(".")
        return (self._reference(module, name), f".{rest}") if rest else (self._reference(module, name),)

    def _reference(self, module: str, name: str | None) -> Reference:
        found = self._references.get((module, name))
        if found is None:
            found = self._references[module, name] = Reference(module, name)
        return found

    def name(self, used: set[Symbol], names: Names, functions: set[str]) -> None:
        """Gives everything that is imported its name.

        Args:
            used: what the module uses; all else is not imported.
            names: the names of the module.
            functions: the names of its functions, which may hide builtins.
        """
        self._references = {key: reference for key, reference in self._references.items() if reference in used}
        for (module, name), reference in sorted(self._references.items(), key=lambda entry: str(entry[0])):
            if module == "builtins":
                reference.text = str(name) if name not in functions else f"builtins.{name}"
                continue
            last = module.rpartition(".")[2]
            if name is None:
                names.give(reference, reference.hint, f"{module.replace('.', '_')}_module")
            elif name[0].isupper():
                names.give(reference, name, f"{_camel_case(last)}{name}", name)
            else:
                names.give(reference, name, f"{last}_{name}", name)

    def lines(self) -> list[str]:
        """Returns the import statements, sorted, with empty lines between their blocks."""
        blocks: dict[int, tuple[list[Reference], list[Reference]]] = {}
        hidden = [reference for reference in self._references.values() if reference.text.startswith("builtins.")]
        for reference in [*self._references.values(), *([_builtins_module()] if hidden else [])]:
            if reference.module != "builtins" or reference.name is None:
                whole, parts = blocks.setdefault(self._block(reference.module), ([], []))
                (whole if reference.name is None else parts).append(reference)
        lines: list[str] = []
        for _, (whole, parts) in sorted(blocks.items()):
            lines += [""] if lines else []
            lines += [_whole_import(each) for each in sorted(whole, key=lambda each: _module_key(each.module))]
            lines += _from_imports(parts)
        return lines

    def _block(self, module: str) -> int:
        top = module.partition(".")[0]
        if top == "__future__":
            return 0
        if not top:
            return 4
        if top in sys.stdlib_module_names and top != "__main__":
            return 1
        return 3 if top in self.first_party or _is_of_project(top) else 2


def _is_of_project(top: str) -> bool:
    """Whether a package is code of the user's own: loaded, and from no environment's folder of libraries."""
    module = sys.modules.get(top)
    files = [file for file in (*getattr(module, "__path__", ()), getattr(module, "__file__", None)) if file]
    is_installed = any(part in ("site-packages", "dist-packages") for file in files for part in Path(file).parts)
    return top == "__main__" or (bool(files) and not is_installed and top != "fiddle_hydra_bridge")


def _builtins_module() -> Reference:
    reference = Reference("builtins", None)
    reference.text = "builtins"
    return reference


def _module_of(path: str) -> str:
    """Returns the module that a dotted path starts with.

    What is loaded tells; of what is not, the first name in capitals is taken for a class.
    """
    parts = path.split(".")
    if len(parts) == 1:
        return "builtins"
    count = 1
    try:
        look_up(path)
        count = next(n for n in range(len(parts) - 1, 0, -1) if ".".join(parts[:n]) in sys.modules)
    except (LookupError, AttributeError, StopIteration):
        is_class = [part.lstrip("_")[:1].isupper() for part in parts]
        count = is_class.index(True) if True in is_class[1:-1] and not is_class[0] else len(parts) - 1
    return ".".join(parts[:count])


def _camel_case(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


# The order of ruff's isort rules ------------------------------------------------------------------------------


def _natural(name: str) -> tuple[tuple[int, int], ...]:
    """A key that orders numbers in names by their value."""
    return tuple((48, int(run)) if run.isdecimal() else (ord(run), 0) for run in re.findall(r"\d+|\D", name))


def _module_key(module: str) -> tuple[object, ...]:
    return _natural(module.lower()), _natural(module)


def _member_key(name: str) -> tuple[object, ...]:
    rank = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return rank, _natural(name.lower()), _natural(name)


def _whole_import(reference: Reference) -> str:
    suffix = "" if reference.text == reference.module else f" as {reference.text}"
    return f"import {reference.module}{suffix}"


def _from_imports(references: list[Reference]) -> list[str]:
    plain: dict[str, list[str]] = {}
    statements: list[tuple[tuple[object, ...], list[str]]] = []
    for reference in references:
        name = str(reference.name)
        if reference.text == name:
            plain.setdefault(reference.module, []).append(name)
        else:
            key = (*_module_key(reference.module), _member_key(name))
            statements.append((key, _from_import(reference.module, [f"{name} as {reference.text}"])))
    for module, members in plain.items():
        members.sort(key=_member_key)
        statements.append(((*_module_key(module), _member_key(members[0])), _from_import(module, members)))
    return [line for _, lines in sorted(statements, key=lambda entry: entry[0]) for line in lines]


def _from_import(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]
