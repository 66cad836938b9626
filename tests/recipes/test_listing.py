"""Recipes are listed from source texts: what is an option, of which group, and what is not."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from fiddle_hydra_bridge.recipes.listing import Listing, Option
from fiddle_hydra_bridge.recipes.outline import Head, Outline

APPS = Path(__file__).with_name("apps")

IMPORTS = """
import fiddle as fdl
import fiddle
import nemo_run as run
import fiddle_hydra_bridge as fhb
from fiddle import Partial as P
from fiddle_hydra_bridge import (
    recipe,
    autoconvert as convert,
)
from fiddle.experimental import auto_config
"""

OPTIONS = {
    "annotated": ("def f() -> fdl.Config: ...", Head("f", "f")),
    "annotated with its target": ("def f() -> fdl.Config[Model]: ...", Head("f", "f")),
    "annotated by the full name": ("def f() -> fiddle.Partial[Model]: ...", Head("f", "f")),
    "annotated by another name": ("def f() -> P[Model]: ...", Head("f", "f")),
    "annotated in quotes": ('def f() -> "run.Config[Model]": ...', Head("f", "f")),
    "with defaults": ("def f(a=1, *args, b=[')', ':'], **kwargs) -> run.Partial: ...", Head("f", "f")),
    "over several lines": (
        "def f(\n    a: int = 1,  # one :\n    b: str = '(',\n) -> fdl.Config[Model]:\n    pass\n",
        Head("f", "f"),
    ),
    "decorated": ("@fhb.recipe\ndef f(): ...", Head("f", "f")),
    "decorated with a call": ("@recipe()\ndef f(): ...", Head("f", "f")),
    "decorated with all words": (
        "@fhb.recipe(\n    group='a/b', name='c',\n    package='_global_',\n)\ndef f(): ...",
        Head("f", "c", "a/b", "_global_"),
    ),
    "decorated as typed": ("@fhb.recipe(typed=True, name='c')\ndef f(): ...", Head("f", "c", typed=True)),
    "decorated as not typed": ("@fhb.recipe(typed=False)\ndef f(): ...", Head("f", "f")),
    "a typed that is no literal": (
        "@recipe(typed='yes')\ndef f(): ...",
        Head("f", "f", problem="typed= of @recipe must be True or False"),
    ),
    "decorated with a constant": (
        "GROUP: str = 'a'\n@recipe(group=GROUP, name=None)\ndef f(): ...",
        Head("f", "f", "a"),
    ),
    "decorated twice": ("@fhb.recipe(group='a')\n@other\ndef f(): ...", Head("f", "f", "a")),
    "decorated, with required parameters": ("@recipe\ndef f(a): ...", Head("f", "f")),
    "auto_config": ("@auto_config.auto_config\ndef f() -> Model: ...", Head("f", "f")),
    "autoconvert": ("@convert\ndef f() -> Model: ...", Head("f", "f")),
    "NeMo-Run's autoconvert": ("@run.autoconvert(partial=True)\ndef f() -> Model: ...", Head("f", "f")),
    "a body that is no Python": ("def f() -> fdl.Config:\n    return (\n", Head("f", "f")),
    "a head that is no Python": ("def f(a b):\n    pass\n", Head("f", "f")),
    "imports for the type checker": (
        "if TYPE_CHECKING:\n    from fiddle import Config as C\n\ndef f() -> C: ...",
        Head("f", "f"),
    ),
    "a group that is no literal": (
        "@recipe(group=f'{a}')\ndef f(): ...",
        Head("f", "f", problem="group= of @recipe must be a string literal, or a constant of the module"),
    ),
    "a group that no command line could name": (
        "@recipe(group='a.b', name='c')\ndef f(): ...",
        Head("f", "f", problem="group='a.b' must be words with slashes between them"),
    ),
}


@pytest.mark.parametrize("text, head", OPTIONS.values(), ids=OPTIONS)
def test_a_recipe_is_read_from_the_text(text: str, head: Head) -> None:
    outline = Outline(IMPORTS + text, "pkg.module", False)
    assert list(outline.all()) == [head]
    assert list(outline.named(head.name)) == [head]


NO_OPTIONS = {
    "nothing": "",
    "no annotation": "def f(): ...",
    "another annotation": "def f() -> Model: ...",
    "another Config": "from mine import Config\ndef f() -> Config: ...",
    "a private name": "@recipe\ndef _f() -> fdl.Config: ...",
    "required parameters": "def f(a) -> fdl.Config: ...",
    "required keywords": "def f(*, a) -> fdl.Config: ...",
    "inside a function": "def g():\n    def f() -> fdl.Config: ...",
    "inside a class": "class A:\n    def f() -> fdl.Config: ...",
    "in a string": 'A = """\ndef f() -> fdl.Config: ...\n"""',
    "in a string behind a quote in a comment": "# it's \"\"\"\nA = '''\ndef f() -> fdl.Config: ...\n'''",
    "in a comment": "# def f() -> fdl.Config: ...",
    "another decorator called recipe": "@mine.recipe\ndef f(): ...",
}


@pytest.mark.parametrize("text", NO_OPTIONS.values(), ids=NO_OPTIONS)
def test_other_functions_are_no_recipes(text: str) -> None:
    assert list(Outline(IMPORTS + text, "pkg.module", False).all()) == []
    assert list(Outline(text, "pkg.module", False).all()) == []


def test_relative_imports_are_followed_to_their_name() -> None:
    text = "from . import recipe\n@recipe\ndef f(): ..."
    assert list(Outline(text, "fiddle_hydra_bridge", True).all()) == [Head("f", "f")]
    assert list(Outline(text, "other.module", False).all()) == []


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> Listing:
    monkeypatch.syspath_prepend(str(APPS))
    return Listing("zoo")


def test_modules_are_groups_and_recipes_are_options(zoo: Listing) -> None:
    assert zoo.names("") == ({"model", "optim", "data"}, {"pretrain", "whole"})
    assert zoo.names("model") == (set(), {"llama3_8b", "big", "twins", "automatic"})
    assert zoo.names("optim") == ({"plain"}, {"adam"})
    assert zoo.names("optim/plain") == (set(), {"sgd"})
    assert zoo.names("data") == (set(), {"corpus"})
    assert zoo.names("helpers") == (set(), set())


def test_options_are_found_by_path(zoo: Listing) -> None:
    assert zoo.find("whole") == Option("whole", "zoo.whole", None)
    assert zoo.find("model/big") == Option("model/big", "zoo.model.llama3_70b", None)
    assert zoo.find("optim/plain/sgd") == Option("optim/plain/sgd", "zoo.optim.plain.sgd", None)
    assert zoo.find("data/corpus") == Option("data/corpus", "zoo.model.corpus", "elsewhere.data")
    for missing in (
        "model/llama3_70b",
        "model/corpus",
        "corpus",
        "model/with_tokenizer",
        "model",
        "no/such",
        "a.b",
        "",
    ):
        assert zoo.find(missing) is None


def test_only_modules_with_recipes_are_groups(zoo: Listing) -> None:
    assert all(map(zoo.is_group, ("", "model", "optim", "optim/plain", "data")))
    assert not any(map(zoo.is_group, ("helpers", "model/llama3_8b", "optim.plain", "no", "model.dim")))


def test_everything_can_be_offered_below_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APPS))
    listing = Listing("zoo", "my/zoo")
    assert listing.names("") == ({"my"}, set())
    assert listing.names("my/zoo/optim") == ({"plain"}, {"adam"})
    assert listing.find("my/zoo/data/corpus") == Option("my/zoo/data/corpus", "zoo.model.corpus", "elsewhere.data")
    assert listing.find("data/corpus") is None
    assert all(map(listing.is_group, ("", "my", "my/zoo", "my/zoo/model")))
    assert not any(map(listing.is_group, ("model", "zoo", "my/zoo/no", "m")))


def test_listing_imports_nothing(zoo: Listing) -> None:
    before = {name for name in sys.modules if name.partition(".")[0] in ("zoo", "parts")}
    zoo.names("")
    assert {name for name in sys.modules if name.partition(".")[0] in ("zoo", "parts")} == before


@pytest.mark.parametrize("module", ["no_such_package", "zoo.no_such_module", "zoo.model.deeper", "not a name", "a..b"])
def test_a_module_that_is_not_there_is_not_available(zoo: Listing, module: str) -> None:
    assert zoo.available()
    listing = Listing(module)
    assert not listing.available()
    assert (listing.find("a"), listing.is_group("a"), listing.names("")) == (None, False, (set(), set()))


def test_a_changed_module_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "changing_recipes.py"
    file.write_text("import fiddle as fdl\ndef before() -> fdl.Config: ...\n")
    assert Listing("changing_recipes").names("")[1] == {"before"}
    file.write_text("import fiddle as fdl\ndef afterwards() -> fdl.Config: ...\n")
    assert Listing("changing_recipes").names("")[1] == {"afterwards"}


def test_modules_in_zip_archives_and_folders_without_init_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import fiddle as fdl\ndef packed() -> fdl.Config: ...\n"
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("zipped_recipes/__init__.py", "")
        archive.writestr("zipped_recipes/model.py", text)
    (tmp_path / "loose_recipes").mkdir()
    (tmp_path / "loose_recipes" / "model.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "packed.zip"))
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("zipped_recipes", "loose_recipes"):
        assert Listing(module).find("model/packed") == Option("model/packed", f"{module}.model.packed", None)
