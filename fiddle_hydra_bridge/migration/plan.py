"""Where each config goes in the package: its module, and the name of its function.

In come the configs that ``scan`` has found, out come :class:`PlannedModule` rows for ``write``. A group becomes a
module, or a package if it has groups below it; primary configs go into the package's own ``__init__.py``. Names that
Python or ``fiddle://`` would not take are replaced, and the recipe then says its group and name itself.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fiddle_hydra_bridge.migration.scan import ConfigFile

__all__ = ["PlannedModule", "PlannedRecipe", "plan"]

#: What the modules that are written call things of their own.
_OWN_NAMES = frozenset({"Any", "Path", "fdl", "fhb", "link", "node", "recipe"})
#: Builtins, and letters that are hard to tell from digits (ruff's E743).
_BUILTINS = frozenset({*dir(builtins), "l", "O", "I"})


@dataclass(frozen=True)
class PlannedRecipe:
    """A config and the function that takes its place.

    Attributes:
        config: the config.
        function: the name of the function.
    """

    config: ConfigFile
    function: str


@dataclass
class PlannedModule:
    """A module of the package.

    Attributes:
        group: the config group that it stands for.
        place: the names that lead to it from the package; empty for the package itself.
        recipes: its recipes, in the order of their names.
        children: the modules below it.
    """

    group: str
    place: tuple[str, ...]
    recipes: list[PlannedRecipe] = field(default_factory=list)
    children: list[PlannedModule] = field(default_factory=list)

    @property
    def is_package(self) -> bool:
        """Whether it is a folder with an ``__init__.py``."""
        return not self.place or bool(self.children)

    @property
    def is_in_its_place(self) -> bool:
        """Whether its name says its group."""
        return self.group == "/".join(self.place)

    @property
    def file(self) -> str:
        """Its file, relative to the package."""
        return "/".join((*self.place, "__init__")) + ".py" if self.is_package else "/".join(self.place) + ".py"

    def tree(self) -> Iterable[PlannedModule]:
        """Yields the module and all modules below it."""
        yield self
        for child in self.children:
            yield from child.tree()


def plan(configs: Iterable[ConfigFile]) -> PlannedModule:
    """Finds a place for every config.

    Returns:
        the module that is the package itself.
    """
    by_group: dict[str, list[ConfigFile]] = {}
    for config in configs:
        by_group.setdefault(config.group, []).append(config)
    names: dict[str, set[str]] = {}
    for group in by_group:
        steps = group.split("/") if group else []
        for depth, step in enumerate(steps):
            names.setdefault("/".join(steps[:depth]), set()).add(step)
    return _module("", (), by_group, names)


def _module(
    group: str, place: tuple[str, ...], by_group: dict[str, list[ConfigFile]], names: dict[str, set[str]]
) -> PlannedModule:
    module = PlannedModule(group, place)
    # A file system need not tell Model from model.
    children = _python_names(names.get(group, ()), frozenset(), str.casefold)
    for step, name in children.items():
        below = f"{group}/{step}" if group else step
        module.children.append(_module(below, (*place, name), by_group, names))
    configs = {config.name: config for config in by_group.get(group, ())}
    # A function must not stand in the way of a submodule: importing that would replace the function.
    taken = _OWN_NAMES | _BUILTINS | set(children.values())
    functions = _python_names(configs, taken)
    module.recipes = [PlannedRecipe(configs[name], function) for name, function in functions.items()]
    return module


def _python_names(words: Iterable[str], taken: frozenset[str], same: Callable[[str], str] = str) -> dict[str, str]:
    """Returns a Python name for each word, in the order of the words; those that are names already keep theirs.

    Args:
        words: the words.
        taken: names that none of them can have.
        same: what two names have in common that cannot stand beside each other.
    """
    names: dict[str, str] = {}
    used = set(map(same, taken))
    words = sorted(words)
    for word in words:
        if _is_name(word) and word not in taken and same(word) not in used:
            names[word] = word
            used.add(same(word))
    for word in words:
        if word not in names:
            name = _python_name(word)
            candidates = itertools.chain([name, f"{name}_"], (f"{name}_{number}" for number in itertools.count(2)))
            names[word] = next(each for each in candidates if each not in taken and same(each) not in used)
            used.add(same(names[word]))
    return {word: names[word] for word in words}


def _is_name(word: str) -> bool:
    # Names that begin with an underscore are no options, and Python reads some characters as others.
    is_plain = word.isidentifier() and unicodedata.normalize("NFKC", word) == word
    return is_plain and not keyword.iskeyword(word) and not word.startswith("_")


def _python_name(word: str) -> str:
    """Returns the name that comes nearest to a word.

    >>> _python_name("llama-3.1"), _python_name("8b"), _python_name("class"), _python_name("_x")
    ('llama_3_1', 'x_8b', 'class_', 'x')
    """
    name = re.sub(r"\W", "_", unicodedata.normalize("NFKC", word)).strip("_")
    if not name or not name[0].isidentifier():
        name = f"x_{name}".rstrip("_")
    return name if _is_name(name) and name not in _BUILTINS | _OWN_NAMES else f"{name}_"
