"""Files: what is saved is loaded, a failing save leaves the old file, and bad input ends quickly with a place."""

from __future__ import annotations

import functools
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import fiddle as fdl
import pytest
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from tests import components as c

pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = [
    "model.yaml",
    "model.yml",
    "model.json",
    "MODEL.YAML",
    "a b.yaml",
    "ünïcode.json",
    "a.b.c.yaml",
    ".hidden.yaml",
]
GRAPHS: dict[str, Any] = {
    "a call": lambda: fdl.Config(c.Encoder, dim=1),
    "sharing, values and tags": lambda: shared(),
    "a section": lambda: fdl.Config(fhb.section, a=1, b=fdl.Config(fhb.section, c=[None, True, 1.5, "é\n"])),
    "a list": lambda: [fdl.Config(c.Encoder, dim=1), 2],
    "what is not set": lambda: fdl.Config(c.Encoder),
    "a link": lambda: fdl.Config(fhb.section, a=1, b=fhb.link("${a}")),
    "odd floats": lambda: fdl.Config(c.Node, a=float("inf"), b=float("-inf"), c=-0.0),
    "texts that look like others": lambda: fdl.Config(c.Node, a="1e-3", b="null", c="${no}"),
}


def shared() -> Any:
    encoder = fdl.Config(c.Encoder, dim=1)
    fdl.add_tag(encoder, "dim", c.Width)
    return fdl.Config(c.Model, encoder=encoder, decoder=[encoder], layers=(1, {2}, c.Colour.RED, Path("x")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS.keys())
def test_what_is_saved_is_loaded(make: Any, name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    fhb.save(make(), file)
    assert fhb.same_graph(fhb.load(file, links="keep"), make())
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_files_hold_the_texts_of_both_formats(tmp_path: Path) -> None:
    graph = fdl.Config(c.Encoder, dim=1)
    fhb.save(graph, tmp_path / "a.yaml")
    fhb.save(graph, str(tmp_path / "a.json"))
    assert (tmp_path / "a.yaml").read_bytes() == b"_target_: tests.components.Encoder\ndim: 1\n"
    assert (tmp_path / "a.json").read_bytes() == b'{\n  "_target_": "tests.components.Encoder",\n  "dim": 1\n}\n'
    assert OmegaConf.load(tmp_path / "a.yaml") == OmegaConf.create(json.loads((tmp_path / "a.json").read_text()))


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_options_of_the_converters_are_options_of_files(name: str, tmp_path: Path) -> None:
    fhb.save(fdl.Config(c.Encoder, dim=1), tmp_path / name, defaults="all", comments=True)
    text = (tmp_path / name).read_text()
    assert "encoder" in text
    assert ("# int: width of the layers." in text) is name.endswith("yaml")
    loaded = fhb.load(tmp_path / name, allow=["tests.*"], convert="none")
    assert (loaded.dim, loaded.name) == (1, "encoder")
    with pytest.raises(fhb.RefusedTargetError):
        fhb.load(tmp_path / name, allow=["other.*"])
    with pytest.raises(fhb.ParameterError):
        fhb.load(tmp_path / name, links="some")


@pytest.mark.parametrize("name", ["model.txt", "model", "model.yaml.bak", "model.toml"])
@pytest.mark.parametrize("use", [fhb.load, functools.partial(fhb.save, fdl.Config(c.Node))], ids=["load", "save"])
def test_another_suffix_is_refused(use: Any, name: str, tmp_path: Path) -> None:
    with pytest.raises(fhb.BridgeError, match=r"is not \.yaml, \.yml or \.json"):
        use(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# Saving is all or nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_graph_that_cannot_be_spelled_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text("old")
    with pytest.raises(fhb.UnsupportedValueError):
        fhb.save(fdl.Config(c.Node, a=[1, object()]), file)
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_text_that_no_file_can_hold_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text("old")
    with pytest.raises(fhb.UnsupportedValueError, match="surrogate"):
        fhb.save(fdl.Config(c.Node, a="\ud800"), file)
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_json_holds_every_character(tmp_path: Path) -> None:
    graph = fdl.Config(c.Node, a="\x00\x7f\u2028\uffff😀", b='"\\')
    fhb.save(graph, tmp_path / "a.json")
    assert fhb.same_graph(fhb.load(tmp_path / "a.json"), graph)


def test_a_folder_in_the_place_of_the_file_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(OSError, match=r"a\.yaml"):
        fhb.save(fdl.Config(c.Node), tmp_path / "a.yaml")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="every folder is writable for root")
def test_an_unwritable_folder_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match=r"a\.yaml"):
            fhb.save(fdl.Config(c.Node), file)
    finally:
        tmp_path.chmod(0o700)
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_a_folder_that_is_not_there_is_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fhb.save(fdl.Config(c.Node), tmp_path / "no" / "a.yaml")
    with pytest.raises(FileNotFoundError, match=r"a\.yaml"):
        fhb.load(tmp_path / "a.yaml")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_permissions_are_kept_and_new_files_get_the_usual_ones(tmp_path: Path) -> None:
    old, new, usual = tmp_path / "old.yaml", tmp_path / "new.yaml", tmp_path / "usual"
    old.write_text("a: 1")
    old.chmod(0o640)
    usual.touch()
    for file in (old, new):
        fhb.save(fdl.Config(c.Node), file)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, alias = tmp_path / "real" / "a.yaml", tmp_path / "a.yaml"
    real.write_text("a: 1")
    alias.symlink_to(real)
    fhb.save(fdl.Config(c.Node), alias)
    assert alias.is_symlink()
    assert real.read_text() == "_target_: tests.components.Node\n"


# Reading: encodings and what is no config ----------------------------------------------------------------------------

ENCODER = fdl.Config(c.Encoder, dim=1)
EMPTY = fdl.Config(fhb.section)
READ: dict[str, tuple[str, bytes, Any]] = {
    "CRLF": ("a.yaml", b"_target_: tests.components.Encoder\r\ndim: 1\r\n", ENCODER),
    "CR": ("a.yaml", b"_target_: tests.components.Encoder\rdim: 1\r", ENCODER),
    "BOM": ("a.yaml", b"\xef\xbb\xbf_target_: tests.components.Encoder\ndim: 1\n", ENCODER),
    "BOM and CRLF": ("a.yaml", b"\xef\xbb\xbf_target_: tests.components.Encoder\r\ndim: 1\r\n", ENCODER),
    "no last line break": ("a.yaml", b"_target_: tests.components.Encoder\ndim: 1", ENCODER),
    "CRLF in JSON": ("a.json", b'{"_target_": "tests.components.Encoder",\r\n"dim": 1}\r\n', ENCODER),
    "BOM in JSON": ("a.json", b'\xef\xbb\xbf{"_target_": "tests.components.Encoder", "dim": 1}', ENCODER),
    "an empty file": ("a.yaml", b"", EMPTY),
    "only comments": ("a.yaml", b"# nothing\n", EMPTY),
    "JSON within YAML": ("a.yaml", b'{"_target_": "tests.components.Encoder", "dim": 1}', ENCODER),
    "interpolations in JSON": ("a.json", b'{"a": 1, "b": "${a}"}', fdl.Config(fhb.section, a=1, b=1)),
    "missing values in JSON": (
        "a.json",
        b'{"_target_": "tests.components.Encoder", "dim": "???"}',
        fdl.Config(c.Encoder),
    ),
}


@pytest.mark.parametrize(("name", "content", "graph"), READ.values(), ids=READ.keys())
def test_files_of_every_kind_are_read(name: str, content: bytes, graph: Any, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert fhb.same_graph(fhb.load(file), graph)


# The name, the content, line and column (None: anywhere), a part of the message.
BROKEN: dict[str, tuple[str, bytes, tuple[int, int] | None, str]] = {
    "Latin-1": ("a.yaml", b"a: 1\nb: \xe9\n", (2, 4), "the file is not UTF-8"),
    "UTF-16": ("a.yaml", "a: 1\n".encode("utf-16"), (1, 1), "the file is not UTF-8"),
    "Latin-1 in JSON": ("a.json", b'{"a": "\xe9"}', (1, 8), "the file is not UTF-8"),
    "a number": ("a.yaml", b"3\n", (1, 1), "a config is a mapping or a list, not int"),
    "a number in JSON": ("a.json", b"3", (1, 1), "not int"),
    "null in JSON": ("a.json", b"null", (1, 1), "not NoneType"),
    "text in JSON": ("a.json", b'"a: 1"', (1, 1), "not str"),
    "an empty file of JSON": ("a.json", b"", (1, 1), "Expecting value"),
    "broken YAML": ("a.yaml", b"a:\n  - 1\n - 2\n", (3, 2), ""),
    "broken JSON": ("a.json", b'{"a": 1,\n "b"}', (2, 5), "Expecting ':' delimiter"),
    "a duplicate key": ("a.yaml", b"a: 1\nb: {c: 1, c: 2}\n", (2, 11), "the key 'c' stands twice"),
    "a duplicate key in JSON": ("a.json", b'{"a": {"b": 1, "b": 2}}', None, "duplicate key 'b'"),
    "a duplicate target": ("a.yaml", b"_target_: a.b\n_target_: c.d\n", (2, 1), "'_target_' stands twice"),
    "a Python tag": ("a.yaml", b"a: !!python/object/apply:os.system ['true']\n", (1, 4), ""),
    "an unknown parameter": (
        "a.yaml",
        b"_target_: tests.components.Encoder\ndmi: 1\n",
        (2, 1),
        "Encoder has no parameter 'dmi' (did you mean 'dim'?)",
    ),
    "two documents": ("a.yaml", b"a: 1\n---\nb: 2\n", (2, 1), ""),
}


@pytest.mark.parametrize(("name", "content", "place", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_files_are_told_with_their_place(
    name: str, content: bytes, place: tuple[int, int] | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.load(file)
    problem = caught.value.problems[0]
    assert message in problem.message
    assert problem.place is not None
    assert problem.place.file == str(file)
    assert place is None or (problem.place.line, problem.place.column) == place


# Hostile input ends quickly ------------------------------------------------------------------------------------------

DEEP = 100_000
ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
HOSTILE: dict[str, str] = {
    "brackets": "[" * DEEP,
    "closed brackets": "[" * DEEP + "]" * DEEP,
    "braces": "{a: " * DEEP,
    "dashes": "- " * DEEP,
    "indentation": "".join(f"{' ' * n}a:\n" for n in range(1000)),
    "aliases": ALIASES,
    "an alias of itself": "a: &a [*a]\n",
    "an alias of a mapping around it": "a: &a {b: {c: *a}}\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(fhb.SyntaxProblemError) as caught:
        fhb.from_yaml(text, source="bad.yaml")
    assert caught.value.problems[0].place is not None
    assert caught.value.problems[0].place.file == "bad.yaml"


@pytest.mark.parametrize(
    "text", ["[" * DEEP, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP], ids=["open", "lists", "objects"]
)
def test_hostile_json_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(fhb.SyntaxProblemError, match=r"a\.json.*nested"):
        fhb.load(file)


def nested(depth: int, wrap: Any) -> Any:
    return functools.reduce(lambda inner, _: wrap(inner), range(depth), None)


@pytest.mark.parametrize(
    "config",
    [nested(DEEP, lambda inner: [inner]), nested(DEEP, lambda inner: {"a": inner})],
    ids=["lists", "dicts"],
)
def test_deep_data_is_refused(config: Any) -> None:
    with pytest.raises(fhb.BridgeError, match="nested too deeply"):
        fhb.from_hydra(config)


@pytest.mark.parametrize("write", [fhb.to_yaml, fhb.to_hydra], ids=["to_yaml", "to_hydra"])
def test_deep_graphs_are_refused(write: Any) -> None:
    graph = nested(3000, lambda inner: fdl.Config(c.Node, a=inner))
    with pytest.raises(fhb.BridgeError, match="nested too deeply"):
        write(graph)


@pytest.mark.parametrize("container", [[], {}], ids=["list", "dict"])
def test_data_that_contains_itself_is_refused(container: Any) -> None:
    if isinstance(container, list):
        container.append([container])
    else:
        container["a"] = [container]
    with pytest.raises(fhb.BridgeError):
        fhb.from_hydra(container)


CYCLES: dict[str, str] = {
    "two values": "a: ${b}\nb: ${a}\n",
    "one value": "a: ${a}\n",
    "one text": "a: x${a}\n",
    "three values": "a: ${b}\nb: ${c}\nc: x${a}\n",
    "a container with itself": "a:\n  b: ${a}\n",
    "a list with itself": "a:\n- ${a}\n",
    "two containers": "a:\n  b: ${c}\nc:\n  d: ${a}\n",
    "the root by a relative path": "a:\n  b: ${..a}\n",
    "a call node with itself": "a:\n  _target_: tests.components.Node\n  a: ${a}\n",
    "two call nodes": (
        "a:\n  _target_: tests.components.Node\n  a: ${b}\nb:\n  _target_: tests.components.Node\n  a: ${a}\n"
    ),
}


@pytest.mark.parametrize("share", [False, True], ids=["copied", "shared"])
@pytest.mark.parametrize("text", CYCLES.values(), ids=CYCLES.keys())
def test_cycles_of_interpolations_end_in_an_error_with_a_place(text: str, share: bool) -> None:
    with pytest.raises(fhb.BridgeError, match=r"bad\.yaml:\d+"):
        fdl.build(fhb.from_yaml(text, source="bad.yaml", share=share))


@pytest.mark.parametrize("text", CYCLES.values(), ids=CYCLES.keys())
def test_cycles_of_kept_links_end_in_an_error(text: str) -> None:
    with pytest.raises(fhb.BridgeError):
        fhb.build(fhb.from_yaml(text, links="keep"))


BOMB = "a0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(f"a{n}:\n" + f"- ${{a{n - 1}}}\n" * 10 for n in range(1, 10))


@pytest.mark.slow
@pytest.mark.parametrize(
    "read", [fhb.from_yaml, lambda text: fhb.from_hydra(OmegaConf.create(text))], ids=["text", "config"]
)
def test_interpolations_that_copy_each_other_beyond_measure_are_refused(read: Any) -> None:
    with pytest.raises(fhb.SyntaxProblemError, match="interpolations copy more than") as caught:
        read(BOMB)
    assert caught.value.problems[0].path is not None


TEXT_BOMB = "a0: xxxxxxxxxx\n" + "".join(f"a{n}: '{f'${{a{n - 1}}}' * 10}'\n" for n in range(1, 12))


@pytest.mark.parametrize("text", [TEXT_BOMB, TEXT_BOMB.replace("${", "${.")], ids=["absolute", "relative"])
def test_text_that_multiplies_beyond_measure_is_refused(text: str) -> None:
    with pytest.raises(fhb.SyntaxProblemError, match="it takes more than 10,000 interpolations") as caught:
        fhb.from_yaml(text, source="bomb.yaml")
    assert caught.value.problems[0].path == "a4"
    assert caught.value.problems[0].place == fhb.Place("bomb.yaml", 5, 1)


def test_shared_interpolations_are_no_bomb() -> None:
    graph = fhb.from_yaml(BOMB, share=True)
    assert graph.a9[0] is graph.a9[9] is graph.a8


def test_moderate_copies_are_made() -> None:
    graph = fhb.from_yaml(BOMB[: BOMB.index("a4:")])
    assert graph.a3[0][0][0] == [1] * 10
    assert graph.a3[0] is not graph.a3[1]
