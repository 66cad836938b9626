"""The house rules: who may import whom, how long a module may be, what importing the package may change.

The modules are read from disk, so a new module is held to the rules from its first day. The converters have an
order, given below. A module of ``convert/`` that the order does not name is a *part* of the named modules that use
it: it may be split off and renamed freely, since what it imports counts as imported by its users.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import graphlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = "fiddle_hydra_bridge"

#: A module imports only what stands in a row above its own; the modules of one row do not import each other.
ORDER = (
    {"errors"},
    {"convert.paths"},
    {"convert.tree"},
    {"convert.targets"},
    {"convert.values"},
    {"convert.runtime"},
    # The spokes.
    {
        "convert.hydra_reader",
        "convert.hydra_writer",
        "convert.omegaconf_nodes",
        "convert.yaml_text",
        "convert.graph_reader",
        "convert.graph_writer",
        "convert.objects",
        "convert.python_source",
        "convert.compare",
    },
    # What users call: the spokes put together.
    {"convert.bridge", "convert.instantiation"},
    {"convert.links", "convert.files", "convert.printing"},
)
#: The wings above the converters, in their order, then the command. Within a wing only cycles are excluded.
WINGS = ("vocabulary", "recipes", "migration", "cli")
#: The lines that a module may have: 400 is the aim, the rest is tolerance.
LONGEST = 450

#: Inside `convert/`: who may import a library when it is imported itself, and who only when it is used.
EAGER_IMPORTERS = {
    "yaml": {"yaml_text"},
    # `python_source` asks Fiddle which calls its `auto_config` rewrites.
    "fiddle": {"graph_reader", "graph_writer", "python_source", "bridge", "links", "printing"},
    # The graph's spokes and the links import it through `nodes`: other conversion modes make its containers.
    "omegaconf": {
        "omegaconf_nodes",
        "objects",
        "graph_reader",
        "graph_writer",
        "bridge",
        "instantiation",
        "links",
        "printing",
    },
}
LAZY_IMPORTERS = {
    "yaml": set[str](),
    "fiddle": {"compare", "runtime"},
    "omegaconf": {"compare", "runtime", "targets", "yaml_text"},
}
#: What `convert/` may use of Hydra. Everything else is its application half: main, compose, core, plugins.
CONVERSION_HALF = re.compile(
    r"hydra(\.(__version__|utils|errors|types|_internal)(\.\w+)?|\._internal\.(instantiate|target_policy|utils)(\.\w+)*)?"
)


@dataclass(frozen=True)
class Import:
    """One import: what it loads, where it stands, and whether that is inside a function."""

    module: str
    importer: str
    line: int
    local: bool

    def __str__(self) -> str:
        return f"{FILES[self.importer].relative_to(PROJECT)}:{self.line}: {self.module}"

    @property
    def library(self) -> str:
        return self.module.partition(".")[0]


def module_files() -> dict[str, Path]:
    """The package's modules by name without the package's own; the face is the empty name."""
    root = PROJECT / PACKAGE
    files = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return files


FILES = module_files()
#: The modules proper: neither the face nor the `__init__.py` of a wing.
MODULES = sorted(name for name, file in FILES.items() if file.name != "__init__.py")
CONVERTERS = [name for name in MODULES if name.startswith("convert.")]
PARTS = set(CONVERTERS) - set[str]().union(*ORDER)
NAMED = [name for name in MODULES if name not in PARTS]


def parsed(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def statements(node: ast.AST, local: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yields the import statements that run, and whether they stand inside a function."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, local
        return
    local = local or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    children = node.orelse if isinstance(node, ast.If) and is_type_checking(node.test) else ast.iter_child_nodes(node)
    for child in children:
        yield from statements(child, local)


@functools.cache
def imports(name: str) -> list[Import]:
    """What a module imports when it runs; imports for the type checker alone do not count."""
    package = (f"{PACKAGE}.{name}" if name else PACKAGE).split(".")
    if FILES[name].name != "__init__.py":
        package.pop()
    found = []
    for statement, local in statements(parsed(name)):
        if isinstance(statement, ast.Import):
            found += [Import(alias.name, name, statement.lineno, local) for alias in statement.names]
            continue
        above = package[: len(package) - statement.level + 1] if statement.level else []
        base = ".".join([*above, *filter(None, [statement.module])])
        # `from package import name` loads the module `package.name` if there is one, otherwise `package`.
        found += [Import(f"{base}.{alias.name}", name, statement.lineno, local) for alias in statement.names]
    return found


def own_module(imported: str) -> str | None:
    """The package's module that an import loads, `None` for other libraries."""
    if imported != PACKAGE and not imported.startswith(f"{PACKAGE}."):
        return None
    name = imported.removeprefix(PACKAGE).removeprefix(".")
    return name if name in FILES else name.rpartition(".")[0]


def rank(name: str) -> int | None:
    """How far down the order a module stands, `None` if it has no place there."""
    for index, row in enumerate(ORDER):
        if name in row:
            return index
    wing = name.partition(".")[0]
    return len(ORDER) + WINGS.index(wing) if wing in WINGS else None


def imports_with_parts(name: str, local: bool = False) -> Iterator[Import]:
    """What a module imports, by itself and through its parts; what lies behind a local import is local too."""
    for each in imports(name):
        part = own_module(each.module)
        if part in PARTS:
            yield from imports_with_parts(part, local or each.local)
        else:
            yield dataclasses.replace(each, local=local or each.local)


@functools.cache
def is_heavy(name: str) -> bool:
    """Whether importing a module of the package loads another library."""
    at_once = [each for each in imports(name) if not each.local]
    own = {own_module(each.module) for each in at_once} - {None}
    libraries = {each.library for each in at_once} - {PACKAGE} - sys.stdlib_module_names
    return bool(libraries) or any(is_heavy(each) for each in own if each is not None)


def shown(found: Iterable[Import]) -> list[str]:
    return sorted(set(map(str, found)))


def run(code: str) -> object:
    """Runs code in a new interpreter and returns the JSON that it prints."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_imports_make_no_cycle() -> None:
    graph = {name: {own_module(each.module) for each in imports(name)} - {None, name} for name in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", NAMED)
def test_a_module_imports_only_what_stands_above_it(name: str) -> None:
    own_rank = rank(name)
    assert own_rank is not None, "give the module its place in the order"

    def is_above(imported: str) -> bool:
        if imported == "":
            # The command is written as its users would write it: with the face, which loads what is used.
            return name.startswith("cli.")
        other = rank(imported) if imported in MODULES else None
        same_wing = imported.partition(".")[0] == name.partition(".")[0] in WINGS
        return other is not None and (other < own_rank or same_wing)

    own = [(each, own_module(each.module)) for each in imports_with_parts(name)]
    assert not shown(each for each, imported in own if imported is not None and not is_above(imported))


def test_every_part_belongs_to_a_module_of_the_order() -> None:
    used = {own_module(each.module) for name in MODULES for each in imports(name)}
    assert not PARTS - used


@pytest.mark.parametrize("name", sorted(set(FILES) - set(MODULES)))
def test_a_package_loads_none_of_its_modules_by_itself(name: str) -> None:
    assert not shown(each for each in imports(name) if own_module(each.module) is not None and not each.local)


@pytest.mark.parametrize("name", [name for name in NAMED if name in CONVERTERS])
@pytest.mark.parametrize("library", EAGER_IMPORTERS)
def test_a_library_is_imported_only_where_it_belongs(library: str, name: str) -> None:
    stem = name.removeprefix("convert.")
    eagerly = stem in EAGER_IMPORTERS[library]
    allowed = {False: eagerly, True: eagerly or stem in LAZY_IMPORTERS[library]}
    found = [each for each in imports_with_parts(name) if each.library == library]
    assert not shown(each for each in found if not allowed[each.local])


@pytest.mark.parametrize("name", CONVERTERS)
def test_conversion_uses_nothing_of_hydras_application_half(name: str) -> None:
    found = [each for each in imports(name) if each.library == "hydra"]
    assert not shown(each for each in found if not CONVERSION_HALF.fullmatch(each.module))


@pytest.mark.parametrize("name", CONVERTERS)
def test_only_what_loads_another_library_is_imported_inside_a_function(name: str) -> None:
    def is_light(each: Import) -> bool:
        own = own_module(each.module)
        return each.library in sys.stdlib_module_names if own is None else not is_heavy(own)

    assert not shown(each for each in imports(name) if each.local and is_light(each))


@pytest.mark.parametrize("name", FILES)
def test_user_code_is_imported_in_one_place_and_nothing_is_evaluated_or_pickled(name: str) -> None:
    importers = {"", "convert.targets", "convert.yaml_dialect"}
    forbidden = {"dill", "cloudpickle", "marshal", "pickle", "shelve"} | (set() if name in importers else {"importlib"})
    calls = [node.func for node in ast.walk(parsed(name)) if isinstance(node, ast.Call)]
    called = {function.id for function in calls if isinstance(function, ast.Name)}
    assert not called & {"eval", "exec", "compile", "__import__"}
    assert not shown(each for each in imports(name) if each.library in forbidden)


@pytest.mark.parametrize("name", FILES)
def test_a_broad_except_gives_its_reason_or_raises_again(name: str) -> None:
    lines = FILES[name].read_text(encoding="utf-8").splitlines()

    def is_broad(handler: ast.ExceptHandler) -> bool:
        caught = set() if handler.type is None else {ast.unparse(each) for each in ast.walk(handler.type)}
        return handler.type is None or bool(caught & {"Exception", "BaseException"})

    def is_justified(handler: ast.ExceptHandler) -> bool:
        last = handler.body[-1]
        return "#" in lines[handler.lineno - 1] or (isinstance(last, ast.Raise) and last.exc is None)

    handlers = [node for node in ast.walk(parsed(name)) if isinstance(node, ast.ExceptHandler)]
    assert not [handler.lineno for handler in handlers if is_broad(handler) and not is_justified(handler)]


@pytest.mark.parametrize("name", FILES)
def test_a_module_says_where_you_are(name: str) -> None:
    assert ast.get_docstring(parsed(name))


@pytest.mark.parametrize("name", FILES)
def test_a_module_is_not_too_long(name: str) -> None:
    length = len(FILES[name].read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST


def test_nothing_names_the_machine_it_was_written_on() -> None:
    # In a name like `${dir}/work` or a URL the folder is somebody else's; at the start of a path it is ours.
    foreign = re.compile(r"(?<![\w.\-}/*])/(?:work|tmp|opt|root|home)\b(?:/|$|[^\w/])|file:///")
    folders = ["fiddle_hydra_bridge", "hydra_plugins", "benchmarks", "conf", "docs", "examples", "tests", ".ci"]
    files = [file for folder in folders for file in (PROJECT / folder).rglob("*") if file.is_file()]
    files += [file for file in PROJECT.iterdir() if file.suffix in {".md", ".toml"} or file.name == "Makefile"]
    found = []
    for file in files:
        if file == Path(__file__) or "__pycache__" in file.parts:
            continue
        text = file.read_bytes().decode("utf-8", errors="replace")
        lines = enumerate(text.splitlines(), 1)
        found += [f"{file.relative_to(PROJECT)}:{number}: {line}" for number, line in lines if foreign.search(line)]
    assert not found


def test_importing_the_package_loads_only_itself_and_the_standard_library() -> None:
    loaded = run(f"""
import json, sys
before = set(sys.modules)
import {PACKAGE}
print(json.dumps(sorted(set(sys.modules) - before)))
""")
    assert isinstance(loaded, list)
    libraries = {name.partition(".")[0] for name in loaded}
    assert PACKAGE in libraries
    assert not libraries - {PACKAGE} - set(sys.stdlib_module_names)


SNAPSHOT = """
import copyreg, json, logging, os, sys, warnings
import fiddle, hydra, omegaconf, yaml
from omegaconf.basecontainer import BaseContainer

def yaml_classes(base):
    yield base
    for cls in base.__subclasses__():
        yield from yaml_classes(cls)

def yaml_tables():
    # By class: a new class, with tables of its own, is not a change of the others.
    names = ("yaml_representers", "yaml_multi_representers", "yaml_constructors", "yaml_multi_constructors",
             "yaml_implicit_resolvers", "yaml_path_resolvers")
    bases = (yaml.representer.BaseRepresenter, yaml.constructor.BaseConstructor, yaml.resolver.BaseResolver)
    return {
        (cls, name): sorted(map(repr, getattr(cls, name).items()))
        for base in bases for cls in yaml_classes(base) for name in names if hasattr(cls, name)
    }

def snapshot():
    return yaml_tables() | {
        "resolvers": sorted(BaseContainer._resolvers),
        "copyreg": sorted(map(repr, copyreg.dispatch_table)),
        "path": list(sys.path),
        "path hooks": list(map(repr, sys.path_hooks)),
        "meta path": list(map(repr, sys.meta_path)),
        "environment": dict(os.environ),
        "warnings": list(map(repr, warnings.filters)),
        "logging": [logging.root.level, list(map(repr, logging.root.handlers))],
        "recursion limit": sys.getrecursionlimit(),
        "exception hook": repr(sys.excepthook),
        "hydra": hydra.core.global_hydra.GlobalHydra.instance().is_initialized(),
    }

def changes(before):
    after = snapshot()
    return [str(key) for key in before if before[key] != after[key]]
"""


def test_importing_every_module_changes_nothing_global() -> None:
    names = [".".join(filter(None, [PACKAGE, name])) for name in FILES]
    changed = run(f"""{SNAPSHOT}
import importlib
before = snapshot()
for name in {names!r}:
    importlib.import_module(name)
print(json.dumps(changes(before)))
""")
    assert changed == []


def test_a_conversion_changes_nothing_global_and_starts_no_hydra_application() -> None:
    changed = run(f"""{SNAPSHOT}
import {PACKAGE} as fhb
before = snapshot()
fhb.to_yaml(fhb.from_yaml("a: {{_target_: fractions.Fraction, _args_: [1, 2]}}"))
# Hydra imports its core plugins when, and only when, it looks for plugins.
started = ["hydra._internal.core_plugins"] if "hydra._internal.core_plugins" in sys.modules else []
print(json.dumps(changes(before) + started))
""")
    assert changed == []
