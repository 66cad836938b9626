"""Where composed values come from, on hand-written config trees whose answers are known.

A tree is one text: ``== name`` starts a file, and ``#> key`` behind a line says that the value of that key is written
there. The keys are all leaves of the composed config; what comes from the command line is given beside the tree.
"""

from __future__ import annotations

import enum
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import MISSING

from fiddle_hydra_bridge.convert.paths import format_path
from fiddle_hydra_bridge.recipes import compose
from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13


class Tree(NamedTuple):
    files: str
    overrides: list[str] = []  # noqa: RUF012 - nobody changes them
    typed: dict[str, str] = {}  # noqa: RUF012


TREES = {
    "one file": Tree("""
== config.yaml
a: 1  #> a
b:
  c: x  #> b.c
  d:
  - 2  #> b.d[0]
  - e: {f: null}  #> b.d[1].e.f
  empty: []  #> b.empty
"""),
    "_self_ last: the file overrides its defaults": Tree("""
== config.yaml
defaults: [db: my, _self_]
db: {port: 1}  #> db.port
== db/my.yaml
port: 2
host: h  #> db.host
"""),
    "_self_ first: the defaults override the file": Tree("""
== config.yaml
defaults: [_self_, db: my]
db:
  port: 1
  user: u  #> db.user
== db/my.yaml
port: 2  #> db.port
"""),
    "_self_ in the middle": Tree("""
== config.yaml
defaults: [one, _self_, two]
a: 0
b: 0  #> b
c: 0
== one.yaml
a: 1
b: 1
d: 1  #> d
== two.yaml
a: 2  #> a
c: 2  #> c
"""),
    "defaults of defaults, relative and absolute": Tree("""
== config.yaml
defaults: [model: big]
== model/big.yaml
defaults: [base, /optim@optim: adam, _self_]
dim: 8  #> model.dim
== model/base.yaml
dim: 1
depth: 2  #> model.depth
optim: {lr: 0}
== optim/adam.yaml
lr: 3  #> model.optim.lr
"""),
    "a package in the defaults list": Tree("""
== config.yaml
defaults: [db@main: my, db@spare.one: my, db@_global_: pg]
== db/my.yaml
port: 1  #> main.port spare.one.port
== db/pg.yaml
host: h  #> host
"""),
    "a package in the header": Tree("""
== config.yaml
defaults: [db: my, db@two: pg, data: y]
== db/my.yaml
# @package _global_
port: 1  #> port
== db/pg.yaml
# @package elsewhere
host: h  #> two.host
== data/y.yaml
# @package a.b
w: 1  #> a.b.w
"""),
    "packages relative to the parent": Tree("""
== config.yaml
defaults: [server: apache]
== server/apache.yaml
defaults: [db@backend: my, db@_here_: pg, /db@_global_.top: my]
name: n  #> server.name
== server/db/my.yaml
port: 1  #> server.backend.port
== server/db/pg.yaml
host: h  #> server.host
== db/my.yaml
port: 2  #> top.port
"""),
    "an experiment overrides choices and values": Tree(
        """
== config.yaml
defaults: [db: my, _self_]
lr: 1
== db/my.yaml
port: 1
== db/pg.yaml
port: 2
host: h  #> db.host
== experiment/fast.yaml
# @package _global_
defaults:
- override /db: pg
lr: 9  #> lr
db: {port: 3}  #> db.port
""",
        ["+experiment=fast"],
    ),
    "a list of options": Tree("""
== config.yaml
defaults: [db: [my, pg]]
== db/my.yaml
port: 1
a: 1  #> db.a
== db/pg.yaml
port: 2  #> db.port
"""),
    "interpolation in the defaults list, optional and null entries": Tree("""
== config.yaml
defaults: [engine: x, tune: "${engine}", optional gone: away, nothing: null]
== engine/x.yaml
name: x  #> engine.name
== tune/x.yaml
z: 1  #> tune.z
== nothing/n.yaml
q: 1
"""),
    "??? never overwrites": Tree("""
== config.yaml
defaults: [base, over]
== base.yaml
a: 1  #> a
b: ???
c: ???
d: {e: 1}  #> d.e
== over.yaml
a: ???
b: 2  #> b
c: ???  #> c
d: ???
"""),
    "lists are replaced whole, mappings are merged": Tree("""
== config.yaml
defaults: [base, over]
== base.yaml
items: [1, 2, 3]
deep: {list: [{x: 1, y: 2}], map: {x: 1, y: 2}}  #> deep.map.x
keep: 1  #> keep
== over.yaml
items:
- 9  #> items[0]
deep:
  list:
  - x: 5  #> deep.list[0].x
  map: {y: 6}  #> deep.map.y
"""),
    "values change their kind": Tree("""
== config.yaml
defaults: [base, over]
== base.yaml
a: 1
b: {x: 1}
d: {x: 1}
e: null
== over.yaml
a: {x: 2}  #> a.x
b: 3  #> b
d: null  #> d
e: {y: 1}  #> e.y
"""),
    "a mapping merged through an interpolation": Tree("""
== config.yaml
defaults: [base, over]
== base.yaml
a:
  x: 1  #> a.x b.x
  y: 2  #> a.y
b: ${a}
c: {near: {z: 1}, far: "${.near}", further: "${..d.${d.name}}"}  #> c.near.z c.far.z
d:
  name: one  #> d.name
  one: {k: 1}  #> d.one.k c.further.k
== over.yaml
b: {y: 3}  #> b.y
c:
  far: {w: 1}  #> c.far.w
  further: {l: 2}  #> c.further.l
"""),
    "an interpolation stands where it is written": Tree("""
== config.yaml
defaults: [base]
a: {x: 1}  #> a.x
b: ${a.x}  #> b
c: ${a}  #> c
d: "${b}-${oc.env:NOTHING,none}"  #> d
== base.yaml
e: ${a.x}  #> e
"""),
    "anchors, aliases and merge keys": Tree("""
== config.yaml
a: &a
  x: 1  #> a.x b.x c.x
  y: 2  #> a.y b.y
b: *a
c:
  <<: *a
  y: 3  #> c.y
"""),
    "names that need quotes, numbers as keys": Tree("""
== config.yaml
"a b": 1  #> ["a b"]
ключ: 1  #> ключ
m: {1: one, 2: two}  #> m[1] m[2]
"""),
    "the command line sets, adds, forces and deletes": Tree(
        """
== config.yaml
a: 1
b: {x: 1, y: 2}  #> b.y
c: 3
d: 4
l: [1, 2]  #> l[0]
m: {x: 1, y: {z: 1}}  #> m.y.z
""",
        ["a=2", "a=3", "+e.f=1", "++b.x=5", "++n=1", "~c", "~d", "+d=7", "l.1=9", "m={x: 2}"],
        {
            "a": "a=3",
            "e.f": "+e.f=1",
            "b.x": "++b.x=5",
            "n": "++n=1",
            "d": "+d=7",
            "l[1]": "l.1=9",
            "m.x": "m={x: 2}",
        },
    ),
    "the command line replaces lists and adds mappings": Tree(
        """
== config.yaml
l: [1, 2, 3]
m: {x: 1}  #> m.x
""",
        ["l=[7,{a: 8}]", "+m={y: 2}"],
        {"l[0]": "l=[7,{a: 8}]", "l[1].a": "l=[7,{a: 8}]", "m.y": "+m={y: 2}"},
    ),
    "the command line chooses, adds and removes options": Tree(
        """
== config.yaml
defaults: [db: my, cache: big, log@a: short]
== db/my.yaml
port: 1
== db/pg.yaml
port: 2  #> db.port
== cache/big.yaml
size: 1
== log/short.yaml
n: 1
== log/long.yaml
n: 2  #> a.n
== extra/x.yaml
z: 1  #> extra.z
""",
        ["db=pg", "~cache", "log@a=long", "+extra=x"],
    ),
    "a value that the command line makes mandatory": Tree(
        """
== config.yaml
a: 1
""",
        ["a=???"],
        {"a": "a=???"},
    ),
    "hydra.searchpath": Tree("""
== config.yaml
defaults: [db: far]
hydra:
  searchpath: ["file://elsewhere"]
a: 1  #> a
== ../elsewhere/db/far.yaml
port: 1  #> db.port
"""),
    "Windows line ends": Tree("""
== config.yaml
a: 1  #> a\r
b:\r
  c: 2  #> b.c\r
"""),
    "a file that is only comments, and one that is empty": Tree("""
== config.yaml
defaults: [empty, comments]
a: 1  #> a
== empty.yaml
== comments.yaml
# nothing
"""),
}

_FILE = re.compile(r"^== (\S+)\n(.*?)(?=^== |\Z)", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"#> (.+?)\r?$", re.MULTILINE)


def write(folder: Path, files: str) -> dict[str, str]:
    """Writes the files of a tree below ``conf``, and returns the places that it says."""
    places = {}
    for name, text in _FILE.findall(files):
        file = folder / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        for number, line in enumerate(text.split("\n"), 1):
            found = _MARK.search(line)
            for key in re.findall(r'(?:\[".*?"\]|\S)+', found[1]) if found else []:
                places[key] = f"{os.path.normpath(os.path.join('conf', name))}:{number}"
    return places


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def traced(overrides: list[str] | None = None, name: str = "config") -> dict[str, str]:
    """The places of all leaves of the config in ``conf``, without columns."""
    with compose.traced(name, overrides or [], config_dir="conf") as provenance:
        leaves = dict(provenance.leaves())
    return {
        format_path(path): re.sub(r"(:\d+):\d+$", r"\1", str(place))
        for path, place in leaves.items()
        if path[:1] != ("hydra",)
    }


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_every_value_comes_from_the_line_that_the_tree_says(tree: Tree, folder: Path) -> None:
    expected = write(folder, tree.files)
    expected |= {key: f"command line: {text}" for key, text in tree.typed.items()}
    assert traced(tree.overrides) == expected


# --- what differs between the lines, and what is no file --------------------------------------------------------------


def test_an_override_below_an_interpolation_changes_what_the_installed_hydra_changes(folder: Path) -> None:
    write(folder, "== config.yaml\na: {x: 1, y: 2}\nb: ${a}\n")
    a, b = "conf/config.yaml:1", "command line: ++b.x=5"
    # Hydra 1.3 puts a mapping in the place of the interpolation, 1.4 changes what it reaches.
    expected = {"a.x": a, "a.y": a, "b.x": b} if IS_HYDRA_13 else {"a.x": b, "a.y": a, "b": "conf/config.yaml:2"}
    assert traced(["++b.x=5"]) == expected


@pytest.mark.skipif(IS_HYDRA_13, reason="the grammar of Hydra 1.4")
def test_items_that_the_command_line_appends(folder: Path) -> None:
    expected = write(folder, "== config.yaml\nl:\n- 1  #> l[0]\n")
    override = "l=extend_list(2, [3])"
    assert traced([override]) == expected | dict.fromkeys(["l[1]", "l[2][0]"], f"command line: {override}")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Server:
    host: str = "localhost"
    port: int = MISSING
    ratio: float = 1.0
    color: Color = Color.RED
    root: Path = Path("top")
    names: list[str] = field(default_factory=lambda: ["n"])
    limits: dict[str, float] = field(default_factory=dict)


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    """Hydra's ConfigStore, put back afterwards."""
    Plugins.instance()  # registers the plugins' own configs, which must stay
    store = ConfigStore.instance()
    state = store.repo
    store.repo = dict(state)
    yield store
    store.repo = state


def test_a_structured_config_has_the_place_of_its_name_and_converts_what_is_written(
    folder: Path, store: ConfigStore
) -> None:
    store.store(name="base_server", node=Server)
    store.store(name="plain", group="extra", node={"a": 1})
    expected = write(
        folder,
        """
== config.yaml
defaults: [base_server@server, extra: plain, _self_]
server:
  port: 80  #> server.port
  ratio: 2  #> server.ratio
  color: BLUE  #> server.color
  root: here  #> server.root
  limits: {x: 1}  #> server.limits.x
""",
    )
    expected |= dict.fromkeys(["server.host", "server.names[0]"], "ConfigStore: base_server")
    expected |= {"extra.a": "ConfigStore: extra/plain"}
    assert traced() == expected


@dataclass
class Cluster:
    servers: dict[str, Server] = field(default_factory=dict)


def test_what_only_the_types_of_a_structured_config_fill_in_is_unknown(folder: Path, store: ConfigStore) -> None:
    store.store(name="base_cluster", node=Cluster)
    files = "== config.yaml\ndefaults: [base_cluster, _self_]\nservers: {a: {port: 1}}  #> servers.a.port\n"
    expected = write(folder, files)
    places = traced()
    assert {key: places[key] for key in expected} == expected
    assert {places[key] for key in places.keys() - expected.keys()} == {"None"}


@pytest.mark.skipif(not IS_HYDRA_13, reason="Hydra 1.4 does not match schemas by name")
@pytest.mark.filterwarnings("ignore")
def test_the_schema_of_the_same_name_that_hydra_13_validates_a_file_by(folder: Path, store: ConfigStore) -> None:
    store.store(name="config", node=Server)
    expected = write(folder, "== config.yaml\nport: 80  #> port\nratio: 2  #> ratio\nlimits: {x: 1}  #> limits.x\n")
    names = ["host", "color", "root", "names[0]"]
    assert traced() == expected | dict.fromkeys(names, "ConfigStore: config")


RECIPES = """\
import fiddle as fdl
import fiddle_hydra_bridge as fhb
from fractions import Fraction

def base():
    graph = fdl.Config(dict, part=fdl.Config(Fraction, 1, denominator=2),
                       items=[1, fdl.Config(dict, deep=3)])
    graph.part.numerator = 7
    return graph

@fhb.recipe
def model() -> fdl.Config:
    graph = base()
    graph.extra = "e"
    return graph

@fhb.recipe
def shared() -> fdl.Config:
    part = fdl.Config(list)
    return fdl.Config(dict, one=part,
                      two=part)
"""


@pytest.fixture
def recipes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (folder / "provenance_zoo.py").write_text(RECIPES, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    yield
    sys.modules.pop("provenance_zoo", None)


@pytest.mark.usefixtures("recipes")
def test_values_of_recipes_come_from_the_lines_of_python_that_set_them(folder: Path) -> None:
    write(folder, "== config.yaml\ndefaults: [model@model, _self_]\nhydra: {searchpath: ['fiddle://provenance_zoo']}\n")
    places = traced(["model.items.0=5"])
    zoo = "provenance_zoo.py"
    assert {key: place for key, place in places.items() if "_convert_" not in key} == {
        "model._target_": f"{zoo}:6",
        "model.part._target_": f"{zoo}:6",
        "model.part.numerator": f"{zoo}:8",
        "model.part.denominator": f"{zoo}:6",
        "model.items[0]": "command line: model.items.0=5",
        "model.items[1]._target_": f"{zoo}:7",
        "model.items[1].deep": f"{zoo}:7",
        "model.extra": f"{zoo}:14",
    }
