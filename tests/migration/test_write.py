"""What the modules look like: one YAML file and the function that takes its place, comments included."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.migration.plan import plan
from fiddle_hydra_bridge.migration.scan import scan
from fiddle_hydra_bridge.migration.write import write_module
from tests.migration.trees import write


def module(folder: Path, files: dict[str, str | bytes], *, group: str = "", lazy: bool = False) -> str:
    """The text of the module of a group."""
    configs, _ = scan(write(folder, files))
    planned = next(each for each in plan(configs).tree() if each.group == group)
    text, refused = write_module(planned, lazy=lazy)
    assert refused == []
    return text


def function(text: str) -> str:
    """The functions of a module, without its docstring and imports."""
    start = min(text.find(word) for word in ("\n\n\n#", "\n\n\n@") if word in text)
    return text[start:].strip()


#: The content of `config.yaml`, and the function for it.
ROWS = {
    "data": (
        """
lr: 1e-3
names: [a, "1"]
deep: {flag: true, none: null}
""",
        """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {"lr": 0.001, "names": ["a", "1"], "deep": {"flag": True, "none": None}}
""",
    ),
    "a call node": (
        """
_target_: nets.Llama
tokenizer: {_target_: nets.Tokenizer, vocabulary: "${data.vocabulary}"}
hidden: ???
""",
        """
@fhb.recipe(verbatim=True)
def config() -> fdl.Config[Llama]:
    return fhb.node(
        Llama,
        tokenizer=fhb.node(Tokenizer, vocabulary=fhb.link("${data.vocabulary}")),
        hidden=MISSING,
    )
""",
    ),
    "control keys, where they stand": (
        """
_partial_: true
_target_: nets.make
_args_: [1]
_convert_: all
a-b: 1
class: 2
c: 3
""",
        """
@fhb.recipe(verbatim=True)
def config() -> fdl.Partial[Any]:
    return fhb.node(
        _partial_=True,
        _target_=make,
        _args_=[1],
        _convert_="all",
        **{"a-b": 1, "class": 2},
        c=3,
    )
""",
    ),
    "what a node cannot say": (
        """
a: {_target_: nets.f, _args_: "${c}", x: "${c}"}
b: {_target_: nets.f, _args_: null}
c: {_target_: nets.f, _convert_: "${c}"}
d: {_target_: nets.f, _convert_: often}
e: {_target_: nets.f, _partial_: maybe}
""",
        """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {
        "a": fhb.node(f, _args_="${c}", x=fhb.link("${c}")),
        "b": {"_target_": "nets.f", "_args_": None},
        "c": fhb.node(f, _convert_="${c}"),
        "d": {"_target_": "nets.f", "_convert_": "often"},
        "e": {"_target_": "nets.f", "_partial_": "maybe"},
    }
""",
    ),
    "what stays data": (
        """
defaults: [_self_, {model: "${choice}"}]
hydra: {run: {dir: "${now:%Y}"}, launcher: {_target_: a.B}}
trainer: {_target_: nets.Llama, _recursive_: false, model: {_target_: nets.Part, dim: "${d}"}}
""",
        """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {
        "defaults": ["_self_", {"model": "${choice}"}],
        "hydra": {"run": {"dir": "${now:%Y}"}, "launcher": {"_target_": "a.B"}},
        "trainer": fhb.node(
            Llama, _recursive_=False, model={"_target_": "nets.Part", "dim": "${d}"}
        ),
    }
""",
    ),
    "targets that no import names": (
        """
a: {_target_: "${t}"}
b: {_target_: "???x"}
c: {_target_: __main__.C}
d: {_target_: a-b.C}
e: {_target_: [1]}
f: {_target_: g.h, 1: 2}
g: {_target_: builtins.dict, x: 1}
h: {_target_: one.Model}
i: {_target_: two.Model}
""",
        """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {
        "a": fhb.node("${t}"),
        "b": fhb.node("???x"),
        "c": fhb.node("__main__.C"),
        "d": fhb.node("a-b.C"),
        "e": {"_target_": [1]},
        "f": {"_target_": "g.h", 1: 2},
        "g": fhb.node(dict, x=1),
        "h": fhb.node(Model),
        "i": fhb.node("two.Model"),
    }
""",
    ),
    "targets of Python that are not there": (
        "a: {_target_: code.models.Net}\nb: {_target_: collections.Nothing}\nc: {_target_: code.interact}\n",
        """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {
        "a": fhb.node("code.models.Net"),
        "b": fhb.node("collections.Nothing"),
        "c": fhb.node(interact),
    }
""",
    ),
    "the package": (
        "# @package _global_\n# What it is.\n\na: 1\n",
        '''
@fhb.recipe(package="_global_", verbatim=True)
def config() -> dict[str, Any]:
    """What it is."""
    return {"a": 1}
''',
    ),
    "a long head": (
        "# one\n# two\n#\n# three\n# four\na: 1\n",
        """
# one
# two
#
# three
# four
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {"a": 1}
""",
    ),
    "comments": (
        """
# the head

# above a
a: 1  # behind a
b:  # behind b
  c: [1, 2]  # behind c
  # d: 2
# above e
e:
  - x  # behind x
  # above y
  - y: 1  # behind y
f: "no # comment"
g: |
  # no comment
  text
# the end
""",
        '''
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    """the head"""
    return {
        # above a
        "a": 1,  # behind a
        # behind b
        "b": {
            "c": [1, 2]  # behind c
            # d: 2
        },
        # above e
        "e": [
            "x",  # behind x
            # above y
            {"y": 1},  # behind y
        ],
        "f": "no # comment",
        "g": "# no comment\\ntext\\n",
        # the end
    }
''',
    ),
    "a list": (
        "# tasks\n- {_target_: nets.Task}\n- a\n",
        '''
@fhb.recipe(verbatim=True)
def config() -> list[Any]:
    """tasks"""
    return [fhb.node(Task), "a"]
''',
    ),
    "bytes and numbers": (
        "a: !!binary AGki\nb: [1_000, .inf, -0.0, 0x10, 1e3]\n",
        """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    return {"a": b'\\x00i"', "b": [1000, math.inf, -0.0, 16, 1000.0]}
""",
    ),
    "nothing": ("", "@fhb.recipe(verbatim=True)\ndef config() -> dict[str, Any]:\n    return {}"),
    "Windows line ends": (
        "# head\r\na: 1  # one\r\n",
        '''
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    """head"""
    return {
        "a": 1  # one
    }
''',
    ),
}


@pytest.mark.parametrize(("yaml", "python"), ROWS.values(), ids=ROWS)
def test_a_file_becomes_a_function(tmp_path: Path, yaml: str, python: str) -> None:
    assert function(module(tmp_path, {"config.yaml": yaml})) == python.strip()


@pytest.mark.parametrize("yaml", [yaml for yaml, _ in ROWS.values()], ids=ROWS)
def test_ruff_leaves_the_module_alone(tmp_path: Path, yaml: str) -> None:
    text = module(tmp_path, {"config.yaml": yaml})
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "-"]
    formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if "No module named ruff" in formatted.stderr:
        pytest.skip("ruff is not installed here")
    assert formatted.stdout == text


@pytest.mark.parametrize("length", range(25, 90, 5))
def test_ruff_leaves_long_names_alone(tmp_path: Path, length: int) -> None:
    name = "n" * length
    yaml = (
        f"# @package {name}\n_target_: m{name}.C{name}\n{name}: 1  # {name}\n"
        f"b: ${{{name}}}\nc: [{name}, {name}]\nd: 'x {name}'  # c\n"
    )
    text = module(tmp_path, {f"{name}.yaml": yaml, f"a-{name}.yaml": "a: 1", f"b{name[1:]}-.yaml": yaml})
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "-"]
    formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if "No module named ruff" in formatted.stderr:
        pytest.skip("ruff is not installed here")
    assert formatted.stdout == text


def test_lazy_targets_are_placeholders_at_the_top_of_the_module(tmp_path: Path) -> None:
    text = module(tmp_path, {"config.yaml": "a: {_target_: nets.Llama}\nb: {_target_: other.Llama}"}, lazy=True)
    assert 'Llama = fhb.LazyTarget("nets.Llama")' in text
    assert '"a": fhb.node(Llama), "b": fhb.node("other.Llama")' in text
    assert "import Llama" not in text


def test_what_speaks_to_hydra_imports_nothing(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"hydra/launcher/mine.yaml": "_target_: hydra_plugins.mine.Launcher\nn: ${x}"}
    assert 'return {"_target_": "hydra_plugins.mine.Launcher", "n": "${x}"}' in module(
        tmp_path, files, group="hydra/launcher"
    )


def test_names_of_modules_below_a_package_are_not_taken_by_imports(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": "x: {_target_: nets.model}\ny: {_target_: math.sqrt}",
        "model/b.yaml": "",
        "math/c.yaml": "",
    }
    imported = {
        alias.asname or alias.name
        for statement in ast.parse(module(tmp_path, files)).body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    }
    assert not imported & {"model", "math"}


REFUSED = {
    "broken": ("a: [1\nb: 2\n", "2:2: expected ',' or ']' in the list opened at 1:4"),
    "twice the same key": ("a: 1\nb: 2\na: 3\n", "3:1: the key 'a' stands twice in this mapping"),
    "two documents": ("a: 1\n---\nb: 2\n", "2:1: a second document starts here"),
    "not UTF-8": ("a: 1\nb: é\n".encode("latin-1"), "2:1: the file is not UTF-8: invalid continuation byte"),
    "a header of three words": ("# @package a b\n", "1:1: Hydra cannot read the header"),
    "nested too deeply": ("a:\n  b: " + "[" * 90 + "]" * 90, "it is nested deeper than 80 levels"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_place_is_refused_with_its_place(tmp_path: Path, content: str | bytes, message: str) -> None:
    configs, _ = scan(write(tmp_path, {"config.yaml": content, "fine.yaml": "a: 1"}))
    text, refused = write_module(plan(configs))
    assert [config.name for config, _ in refused] == ["config"]
    assert isinstance(refused[0][1], BridgeError)
    assert message in str(refused[0][1])
    assert "def fine()" in text
    assert "def config()" not in text


def test_a_folder_that_holds_only_a_part_of_a_package_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Such as a checkout of configs, without the code beside them.
    write(tmp_path, {"apart/sub/conf/x.yaml": "", "whole/__init__.py": "", "whole/made.py": "class builder: ..."})
    monkeypatch.syspath_prepend(str(tmp_path))
    text = module(tmp_path / "conf", {"a.yaml": "a: {_target_: apart.sub.nets.M}\nb: {_target_: whole.made.builder.f}"})
    assert "from apart.sub.nets import M\n" in text
    assert "from whole.made import builder\n" in text
    assert "fhb.node(builder.f)" in text
