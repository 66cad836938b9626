"""``fhb.migrate`` from end to end: the package, the comparison, the report, and what it leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import hydra
import pytest

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.migration import client
from fiddle_hydra_bridge.migration.report import Report
from fiddle_hydra_bridge.migration.scan import scan
from fiddle_hydra_bridge.migration.verify import difference
from tests.migration.trees import write

TREE: dict[str, str | bytes] = {
    "config.yaml": """
defaults:
  - db: mysql
  - model@net: llama
  - model/part@net.parts: [one, two]
  - optional nothing: here
  - chosen: ${model@net}
  - a-b: x y
  - override hydra/job_logging: quiet
  - _self_
seed: 1
net: {hidden: "${seed}"}
hydra: {run: {dir: "out/${now:%Y}"}}
""",
    "early.yaml": "defaults: [_self_, db: mysql]\ndb: {host: early}\n",
    "late.yaml": "defaults: [db: mysql, _self_]\ndb: {host: late}\n",
    "open.yaml": "defaults:\n- db: ???\n",
    "db/mysql.yaml": "# The usual one.\n_target_: db.connect\nhost: here  # or there\nport: 1e3\n",
    "db/nested.yaml": "defaults: [mysql, /model/part@part: one, _self_]\nhost: nested\n",
    "db/placed.yaml": "# @package other.place\nx: 1\n",
    "db/overlay.yaml": "_partial_: true\nport: ???\n",
    "model/llama.yaml": "z: 1\n_target_: nets.Llama\nhidden: 8\nlayers: [{_target_: nets.Layer}]\n",
    "model/part/one.yaml": "one: 1\n",
    "model/part/two.yaml": "two: 2\n",
    "chosen/llama.yaml": "by: llama\n",
    "a-b/x y.yaml": "odd: true\n",
    "experiment/fast.yaml": """# @package _global_
defaults: [override /db: nested, override /model@net: llama]
seed: 2
""",
    "hydra/job_logging/quiet.yaml": "version: 1\nroot: {level: ERROR}\n",
    "plugged.yaml": "defaults: [schema, group: schema, override hydra/launcher: not_installed]\na: 1\n",
    "tasks/list.yaml": "- {_target_: nets.Task, x: 1}\n- b\n",
    "with_tasks.yaml": "defaults: [tasks: list]\na: ${tasks}\n",
    "broken.yaml": "a: [1\n",
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("project")
    report = fhb.migrate(write(folder / "conf", TREE), folder / "recipes")
    return folder, report


def test_everything_that_composes_is_equal(migrated: tuple[Path, Report]) -> None:
    _, report = migrated
    status = {row.config: row.status for row in report.rows}
    expected = {name.removesuffix(".yaml"): "equal" for name in TREE} | {"broken": "skipped"}
    assert status == expected


def test_options_are_composed_with_a_primary_config(migrated: tuple[Path, Report]) -> None:
    composed = {row.config: row.composed for row in migrated[1].rows}
    assert composed["db/nested"] == "config db=nested"
    assert composed["experiment/fast"] == "config +experiment=fast"
    assert composed["a-b/x y"] == "config a-b='x y'"
    assert composed["open"].startswith("open db=")


def test_the_report_tells_places_reasons_and_what_was_taken_for_empty(migrated: tuple[Path, Report]) -> None:
    folder, report = migrated
    assert str(report).splitlines() == [
        f"{folder / 'recipes'}: 19 configs: 18 equal, 1 not migrated (Hydra {hydra.__version__})",
        f"{folder / 'conf/broken.yaml'}:2:1: not migrated: expected ',' or ']' in the list opened at 1:4",
        "taken for empty, since the tree does not hold them: group/schema, hydra/launcher/not_installed, schema",
        "not installed here, and not imported for the comparison: db, nets",
    ]
    data = json.loads(report.to_json())
    assert data["ok"] is report.ok is False
    assert data["counts"] == {"equal": 18, "alike": 0, "different": 0, "skipped": 1}
    assert [row["config"] for row in data["rows"] if row["status"] == "skipped"] == ["broken"]


def test_only_the_package_is_left(migrated: tuple[Path, Report]) -> None:
    folder, _ = migrated
    assert sorted(os.listdir(folder)) == ["conf", "recipes"]
    assert not [file for file in (folder / "recipes").rglob("*") if file.suffix != ".py" and file.is_file()]


def test_lazy_targets_compose_where_nothing_is_installed(tmp_path: Path) -> None:
    report = fhb.migrate(write(tmp_path / "conf", TREE), tmp_path / "recipes", lazy=True)
    assert (report.count("equal"), report.missing) == (18, ())
    assert 'connect = fhb.LazyTarget("db.connect")' in (tmp_path / "recipes/db.py").read_text()


def test_the_name_of_a_package_can_be_dotted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("conf"), {"config.yaml": "a: 1"})
    assert fhb.migrate("conf", "app.recipes").ok
    assert Path("app/recipes/__init__.py").is_file()


REFUSALS = {
    "no folder": ({}, "conf", "recipes", "there is no such folder"),
    "no configs": ({"conf/a.txt": ""}, "conf", "recipes", "there are no configs in it"),
    "no name of a package": ({"conf/a.yaml": ""}, "conf", "my-recipes", "'my-recipes' cannot be the name of a package"),
    "a keyword": ({"conf/a.yaml": ""}, "conf", "class", "'class' cannot be the name of a package"),
    "a module of Python": ({"conf/a.yaml": ""}, "conf", "json", "another module of the name 'json'"),
    "a module that Hydra needs": ({"conf/a.yaml": ""}, "conf", "omegaconf", "another module of the name 'omegaconf'"),
    "the folder itself": ({"conf/a.yaml": ""}, "conf", "conf", "folders beside each other"),
    "inside the tree": ({"conf/a.yaml": ""}, "conf", "conf/recipes", "folders beside each other"),
    "around the tree": ({"conf/a.yaml": ""}, "conf/a", "conf", "there is no such folder"),
    "a file": ({"conf/a.yaml": "", "recipes": "x"}, "conf", "recipes", "there is a file of this name"),
    "a package that holds targets": (
        {"conf/a.yaml": "_target_: recipes.nets.Model"},
        "conf",
        "recipes",
        "the configs name targets in a package 'recipes'",
    ),
    "not empty": ({"conf/a.yaml": "", "recipes/x.py": ""}, "conf", "recipes", "the folder is not empty"),
}


@pytest.mark.parametrize(("files", "source", "target", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    tmp_path: Path, files: dict[str, str | bytes], source: str, target: str, message: str
) -> None:
    write(tmp_path, files)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(fhb.ParameterError, match=message):
        fhb.migrate(tmp_path / source, tmp_path / target)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("version_base", ["1.0", "next"])
def test_a_version_base_that_hydra_does_not_know_is_refused(tmp_path: Path, version_base: str) -> None:
    write(tmp_path, {"conf/a.yaml": "b: 1"})
    for inline in (False, True):
        with pytest.raises(fhb.ParameterError, match=f"version_base='{version_base}'"):
            fhb.migrate(tmp_path / "conf", tmp_path / "recipes", version_base=version_base, inline=inline)
    assert os.listdir(tmp_path) == ["conf"]


def test_force_replaces_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"conf/a.yaml": "a: 1", "recipes/old.py": ""})
    assert fhb.migrate(tmp_path / "conf", tmp_path / "recipes", force=True).ok
    assert [file.name for file in (tmp_path / "recipes").iterdir()] == ["__init__.py"]


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, {"conf/a.yaml": "a: 1", "conf/b.yaml": "b: 1", "recipes/old.py": "old"})

    def stop(doing: str, done: int, total: int) -> None:
        if doing == "comparing configs":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fhb.migrate(tmp_path / "conf", tmp_path / "recipes", force=True, progress=stop)
    assert sorted(os.listdir(tmp_path)) == ["conf", "recipes"]
    assert (tmp_path / "recipes/old.py").read_text() == "old"


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write(tmp_path, {"conf/a.yaml": "a: 1", "conf/b/c.yaml": "b: 1"})
    fhb.migrate(tmp_path / "conf", tmp_path / "recipes", progress=lambda *words: told.append(words))
    assert told == [
        ("writing modules", 1, 2),
        ("writing modules", 2, 2),
        ("comparing configs", 1, 2),
        ("comparing configs", 2, 2),
    ]


def test_a_config_that_hydra_composes_in_no_way_is_compared_by_its_content(tmp_path: Path) -> None:
    write(tmp_path, {"conf/a.yaml": "defaults: [override /x: y]\na: 1"})
    (row,) = fhb.migrate(tmp_path / "conf", tmp_path / "recipes").rows
    assert row.status == "alike"
    assert "x" in row.reason


@pytest.mark.skipif(not hydra.__version__.startswith("1.3"), reason="Hydra 1.4 has no version_base of old")
def test_yml_files_are_named_with_their_suffix_where_hydra_does(tmp_path: Path) -> None:
    write(tmp_path, {"conf/old.yml": "defaults: [db: x]\na: 1", "conf/db/x.yaml": "b: 1"})
    rows = fhb.migrate(tmp_path / "conf", tmp_path / "recipes").rows
    assert [(row.config, row.status) for row in rows] == [("db/x", "equal"), ("old.yml", "equal")]
    rows = fhb.migrate(tmp_path / "conf", tmp_path / "recipes", force=True, version_base="1.3").rows
    assert [(row.config, row.status) for row in rows] == [("db/x", "equal"), ("old.yml", "alike")]


def test_configs_that_lie_beside_the_targets_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, str | bytes] = {
        "conf/config.yaml": """
defaults: [part: small]
hydra: {searchpath: [pkg://app_beside.conf]}
m: {_target_: app_beside.nets.M}
""",
        "app_beside/__init__.py": "raise SystemExit",
        "app_beside/nets.py": "raise SystemExit",
        "app_beside/conf/__init__.py": "",
        "app_beside/conf/part/small.yaml": "x: 1",
    }
    write(tmp_path, files)
    monkeypatch.syspath_prepend(str(tmp_path))
    report = fhb.migrate(tmp_path / "conf", tmp_path / "recipes")
    assert [(row.status, report.stand_ins, report.missing) for row in report.rows] == [("equal", (), ())]


@pytest.mark.skipif(not hydra.__version__.startswith("1.3"), reason="Hydra 1.4 refuses steps up")
def test_defaults_lists_may_step_up(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "conf/config.yaml": "defaults: [actor: dp]",
        "conf/actor/dp.yaml": "defaults: [../engine@engine: fsdp, ../engine/deep/../fsdp]\na: 1",
        "conf/engine/fsdp.yaml": "b: 1",
        "conf/engine/deep/x.yaml": "c: 1",
    }
    write(tmp_path, files)
    report = fhb.migrate(tmp_path / "conf", tmp_path / "recipes")
    assert [(row.status, row.reason) for row in report.rows] == [("equal", "")] * 4
    assert report.stand_ins == ()


def test_names_that_the_modules_use_themselves_are_told_apart(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "conf/fiddle_hydra_bridge.yaml": "_target_: fiddle_hydra_bridge.node\nx: {_target_: fiddle_hydra_bridge.link}",
        "conf/Any.yaml": "_target_: typing.Any\nx: {_target_: pathlib.Path}",
        "conf/fdl.yaml": "_target_: fiddle.Config\nx: {_target_: fiddle.Partial}",
        "conf/typing.yaml": "_target_: omegaconf.OmegaConf.create\nx: ???",
    }
    write(tmp_path, files)
    report = fhb.migrate(tmp_path / "conf", tmp_path / "recipes")
    assert [(row.status, row.reason) for row in report.rows] == [("equal", "")] * len(files)


def test_a_package_of_the_project_may_be_called_like_a_module_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | bytes] = {
        "conf/a.yaml": "_target_: this.nets.Net\nx: {_target_: decimal.Decimal}",
        "this/__init__.py": "raise SystemExit",
        "this/nets.py": "raise SystemExit",
    }
    write(tmp_path, files)
    monkeypatch.syspath_prepend(str(tmp_path))
    report = fhb.migrate(tmp_path / "conf", tmp_path / "recipes")
    assert [(row.status, row.reason) for row in report.rows] == [("equal", "")]
    assert 'fhb.node("this.nets.Net", x=fhb.node(Decimal))' in (tmp_path / "recipes/__init__.py").read_text()


def test_several_processes_find_what_one_finds(migrated: tuple[Path, Report], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, report = migrated
    monkeypatch.setattr(client, "_WORTH_A_PROCESS", 5)
    monkeypatch.setattr(client, "_processors", lambda: 3)
    configs = [config for config in scan(folder / "conf")[0] if config.name != "broken"]
    assert len(client._parts(configs)) == 3
    told: list[tuple[str, int, int]] = []
    rows, stand_ins, _ = client.compare(
        folder / "conf", folder / "recipes", configs, progress=lambda *words: told.append(words)
    )
    expected = {(row.config, row.status) for row in report.rows if row.status == "equal"}
    assert {(row.config, row.status) for row in rows} == expected
    assert stand_ins == list(report.stand_ins)
    assert told == [("comparing configs", done, len(configs)) for done in range(1, len(configs) + 1)]


def test_a_process_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    write(tmp_path, {"conf/a.yaml": "a: 1"})
    fhb.migrate(tmp_path / "conf", tmp_path / "recipes")
    with (tmp_path / "recipes/__init__.py").open("a") as file:
        file.write("\nimport os, sys\nprint('farewell', file=sys.stderr, flush=True)\nos._exit(3)\n")
    configs, _ = scan(tmp_path / "conf")
    with pytest.raises(fhb.BridgeError, match="the comparison has failed:\nfarewell"):
        client.compare(tmp_path / "conf", tmp_path / "recipes", configs)


def test_a_package_that_says_something_else_is_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "conf/a.yaml": "a: 1",
            "conf/b.yaml": "# @package p\nb: 1",
            "conf/c.yaml": "c: 1\nd: 2",
            "conf/d.yaml": "d: 1",
        },
    )
    fhb.migrate(tmp_path / "conf", tmp_path / "recipes")
    module = tmp_path / "recipes/__init__.py"
    text = module.read_text()
    for old, new in [
        ('"a": 1', '"a": 1.0'),
        ('"p"', '"q"'),
        ('"c": 1, "d": 2', '"d": 2, "c": 1'),
        ("def d()", "def e()"),
    ]:
        assert old in text
        text = text.replace(old, new)
    module.write_text(text)
    configs, _ = scan(tmp_path / "conf")
    rows, _, _ = client.compare(tmp_path / "conf", tmp_path / "recipes", configs)
    assert [(row.status, row.reason) for row in rows[:3]] == [
        ("different", "a: 1 in YAML, 1.0 in the package"),
        ("different", "the package is 'q' instead of 'p'"),
        ("different", "<root>: the keys ['c', 'd'] in YAML, ['d', 'c'] in the package"),
    ]
    assert rows[3].status == "different"
    assert "Recipe not found: 'd'" in rows[3].reason


@pytest.mark.parametrize(
    ("expected", "found", "message"),
    [
        ({"a": 1}, {"a": True}, "a: 1 in YAML, True in the package"),
        ({"a": [1]}, {"a": [1, 2]}, "a: 1 items in YAML, 2 in the package"),
        ({"a": {"b": None}}, {"a": {"b": "null"}}, "a.b: None in YAML, 'null' in the package"),
        ({"a": float("nan")}, {"a": float("nan")}, None),
        ({1: "a"}, {"1": "a"}, "<root>: the keys [1] in YAML, ['1'] in the package"),
        ({1: "a"}, {True: "a"}, "<root>: the keys [1] in YAML, [True] in the package"),
        ({"a": 0.0}, {"a": -0.0}, "a: 0.0 in YAML, -0.0 in the package"),
    ],
)
def test_the_first_difference_is_told(expected: object, found: object, message: str | None) -> None:
    assert difference(expected, found) == message
