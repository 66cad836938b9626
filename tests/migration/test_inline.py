"""``migrate(inline=True)``: interpolations that mean the same in every config are Python, all others stay links."""

from __future__ import annotations

import importlib
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fiddle as fdl
import hydra
import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hypothesis import given, settings
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.migration.constants import Survey
from fiddle_hydra_bridge.migration.migrate import write_package
from fiddle_hydra_bridge.migration.plan import plan
from fiddle_hydra_bridge.migration.scan import scan
from fiddle_hydra_bridge.migration.variables import SharedConstants
from fiddle_hydra_bridge.migration.verify import Comparison
from tests.migration.test_write import function
from tests.migration.trees import write

TREE: dict[str, str | bytes] = {
    "config.yaml": """
defaults: [data: small, model: llama, paths: default, _self_]
# the seed
seed: 1
name: run-${seed}
dim: 4
double: [1, 2]
net:
  _target_: nets.Net
  a: ${dim}
  b: ${.a}
  c: "{x}-${name}-'${double[1]}'"
  d: ${oc.env:HOME}/${seed}
  e: ${double}
  f: ${nothing}
""",
    "data/small.yaml": "seq_length: 128\n",
    "data/large.yaml": "seq_length: 256\n",
    "model/llama.yaml": """
_target_: nets.Llama
hidden: 8
ffn: ${model.hidden}
length: ${data.seq_length}
seed: ${seed}
data: "${paths.data}/x"
""",
    "model/gpt.yaml": "_target_: nets.Gpt\nhidden: 16\nffn: ${.hidden}\n",
    "paths/default.yaml": "root: /here\ndata: ${.root}/data\nhome: ${oc.env:HOME}/x\nx: ${.home}\n",
    "experiment/big.yaml": """# @package _global_
defaults: [override /data: large, override /model: gpt]
dim: 5
other: ${seed}
""",
}

MODULES = {
    "__init__.py": """
@fhb.recipe(verbatim=True)
def config() -> dict[str, Any]:
    name = f"run-{SEED}"
    double = 2
    return {
        "defaults": [
            {"data": "small"},
            {"model": "llama"},
            {"paths": "default"},
            "_self_",
        ],
        # the seed
        "seed": SEED,
        "name": name,
        "dim": 4,
        "double": [1, double],
        "net": fhb.node(
            Net,
            a=fhb.link("${dim}"),
            b=fhb.link("${.a}"),
            c=f"{{x}}-{name}-'{double}'",
            d=fhb.link("${oc.env:HOME}/${seed}"),
            e=fhb.link("${double}"),
            f=fhb.link("${nothing}"),
        ),
    }
""",
    "model.py": """
@fhb.recipe(verbatim=True)
def gpt() -> fdl.Config[Gpt]:
    hidden = 16
    return fhb.node(Gpt, hidden=hidden, ffn=hidden)


@fhb.recipe(verbatim=True)
def llama() -> fdl.Config[Llama]:
    hidden = 8
    return fhb.node(
        Llama,
        hidden=hidden,
        ffn=hidden,
        length=fhb.link("${data.seq_length}"),
        seed=SEED,
        data=f"{DATA}/x",
    )
""",
    "paths.py": """
@fhb.recipe(verbatim=True)
def default() -> dict[str, Any]:
    return {
        "root": ROOT,
        "data": DATA,
        "home": fhb.link("${oc.env:HOME}/x"),
        "x": fhb.link("${.home}"),
    }
""",
    "experiment.py": """
@fhb.recipe(package="_global_", verbatim=True)
def big() -> dict[str, Any]:
    return {
        "defaults": [{"override /data": "large"}, {"override /model": "gpt"}],
        "dim": 5,
        "other": SEED,
    }
""",
}

LINKS = [
    "conf/config.yaml:10:3: ${dim} names other values in other configs",
    "conf/config.yaml:11:3: ${.a} names net.a, which is a link itself",
    "conf/config.yaml:13:3: ${oc.env:HOME}/${seed} is more than names of values",
    "conf/config.yaml:14:3: ${double} names double, which is no value in a line of the tree",
    "conf/config.yaml:15:3: ${nothing} names nothing, which is no value in a line of the tree",
    "conf/model/llama.yaml:5:1: ${data.seq_length} names other values in other configs",
    "conf/paths/default.yaml:3:1: ${oc.env:HOME}/x is more than names of values",
    "conf/paths/default.yaml:4:1: ${.home} names paths.home, which is a link itself",
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_constant_is_a_variable_and_the_rest_stays_a_link(project: Path) -> None:
    write(project / "conf", TREE)
    report = fhb.migrate("conf", "recipes", inline=True)
    assert [(row.status, row.reason) for row in report.rows] == [("equal", "")] * len(TREE)
    assert {name: function((project / "recipes" / name).read_text()) for name in MODULES} == {
        name: text.strip() for name, text in MODULES.items()
    }
    assert (project / "recipes/_constants.py").read_text() == (
        '"""What several configs use."""\n\nSEED = 1\nROOT = "/here"\nDATA = f"{ROOT}/data"\n'
    )
    assert "from ._constants import DATA, SEED\n" in (project / "recipes/model.py").read_text()
    assert (report.inlined, list(report.links)) == (8, LINKS)
    assert "8 of 16 interpolations are Python now, the others stay links" in str(report)


def test_an_inlined_package_serves_what_python_people_can_build(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project / "conf", {"config.yaml": "w: 3\nbox: {_target_: builtins.dict, width: '${w}', name: 'x${w}'}\n"})
    fhb.migrate("conf", "inlined_boxes", inline=True)
    monkeypatch.syspath_prepend(str(project))
    recipes = importlib.import_module("inlined_boxes")
    assert fdl.build(recipes.config()["box"]) == {"width": 3, "name": "x3"}


def test_other_dialects_are_inlined_in_hydras_words(project: Path) -> None:
    yaml = "m: {class_path: nets.M, init_args: {a: 1, b: '${m.init_args.a}'}}\n"
    write(project / "conf", {"config.yaml": yaml})
    report = fhb.migrate("conf", "recipes", inline=True, dialect="lightning")
    assert (report.ok, report.inlined) == (True, 1)
    assert 'return {"m": fhb.node(M, a=a, b=a)}' in (project / "recipes/__init__.py").read_text()


def rows(**files: str) -> dict[str, str | bytes]:
    return {f"{name.replace('__', '/')}.yaml": text for name, text in files.items()}


#: Trees in which `model/a.yaml` has an interpolation that must stay a link, and why.
KEPT = {
    "an experiment of another model sets the value": (
        rows(
            config="defaults: [model: a]\nx: 1",
            model__a="y: ${x}",
            model__b="{}",
            exp__e="# @package _global_\ndefaults: [override /model: b]\nx: 2",
        ),
        "which is also set at conf/exp/e.yaml:3:1",
    ),
    "another config has null above it": (
        rows(
            config="defaults: [model: a]\nx: {z: 1}",
            model__a="y: ${x.z}",
            model__b="{}",
            exp__e="# @package _global_\ndefaults: [override /model: b]\nx: null",
        ),
        "which is also set at conf/exp/e.yaml:3:1",
    ),
    "a second primary config": (
        rows(config="defaults: [model: a]\nx: 1", other="x: 2", model__a="y: ${x}"),
        "which is also set at conf/other.yaml:1:1",
    ),
    "another option of the other group": (
        rows(config="defaults: [g: one, model: a]", g__one="x: 1", g__two="x: 1", model__a="y: ${g.x}"),
        "names other values in other configs",
    ),
    "an option that takes it in": (
        rows(config="defaults: [model: a]", model__a="x: 1\ny: ${.x}", model__b="defaults: [a]\nx: 2"),
        "names other values in other configs",
    ),
    "a value in a mapping that is written twice by an anchor": (
        rows(config="defaults: [model: a]", model__a="p: &p {x: 1, y: '${.x}'}\nq: {<<: *p, x: 2}"),
        "names other values in other configs",
    ),
    "an option of a group below": (
        rows(config="defaults: [model: a, v: s, _self_]", model__a="y: ${v.x}", v__s="x: 1", v__big__t="x: 5"),
        "names other values in other configs",
    ),
    "an option at another place": (
        rows(config="defaults: [model: a, v@w: s, _self_]", model__a="y: ${w.x}", v__s="x: 1", v__t="x: 5"),
        "names other values in other configs",
    ),
    "an option at the place of an option": (
        rows(
            config="defaults: [model: a, t: u, _self_]",
            model__a="y: ${t.v.x}",
            t__u="defaults: [/v@v: s]",
            v__s="x: 1",
            v__t="x: 5",
        ),
        "names other values in other configs",
    ),
    "an option that takes in one beside it": (
        rows(
            config="defaults: [m: p/a, model: a]",
            m__p__a="x: 1",
            m__p__b="defaults: ['p@: a', _self_]\nx: 2",
            model__a="y: ${m.x}",
        ),
        "names other values in other configs",
    ),
    "two places": (
        rows(config="defaults: [model: a, model@second: a]\nsecond: {x: 2}", model__a="x: 1\ny: ${.x}"),
        "names other values in other configs",
    ),
    "a circle": (rows(config="defaults: [model: a]", model__a="y: ${.z}\nz: ${.y}"), "which is a link itself"),
    "a missing value": (rows(config="defaults: [model: a]", model__a="y: ${.z}\nz: ???"), "which has no one value"),
    "a resolver behind it": (
        rows(config="defaults: [model: a]", model__a="y: ${.z}\nz: ${eval:'1/0'}"),
        "which is a link itself",
    ),
    "an interpolation in an interpolation": (
        rows(config="defaults: [model: a]\nx: z", model__a="y: ${.${x}}\nz: 1"),
        "is more than names of values",
    ),
    "text that looks like an interpolation when it is put together": (
        rows(config="defaults: [model: a]", model__a='y: "${.z}{w}"\nz: "$"'),
        "",
    ),
    "a target": (
        rows(config="defaults: [model: a]\ncls: nets.M", model__a="_target_: ${cls}\nx: ${._target_}"),
        "is more than names of values",
    ),
}


#: Hydra 1.4 reads an option with a slash in it as an option of the group below.
ONLY_13 = {"an option that takes in one beside it"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param(
            *row,
            id=name,
            marks=pytest.mark.skipif(
                name in ONLY_13 and not hydra.__version__.startswith("1.3"), reason="Hydra 1.4 places it elsewhere"
            ),
        )
        for name, row in KEPT.items()
    ],
)
def test_what_might_mean_something_else_stays_a_link(project: Path, files: dict[str, str | bytes], reason: str) -> None:
    write(project / "conf", files)
    report = fhb.migrate("conf", "recipes", inline=True)
    assert {row.status for row in report.rows} == {"equal"}
    assert report.inlined == 0
    assert reason in next(link for link in report.links if link.startswith("conf/model/a.yaml"))
    assert not (project / "recipes/_constants.py").exists()


@dataclass
class Schema:
    lr: float = 0.0
    double: float = 0.0
    steps: int = 0
    other: int = 0


def test_a_value_that_a_structured_config_converts_is_not_inlined(tmp_path: Path) -> None:
    ConfigStore.instance().store(name="inline_schema", node=Schema)
    text = "defaults: [inline_schema, _self_]\nlr: 1\nsteps: 2\ndouble: ${lr}\nother: ${steps}\n"
    configs, _ = scan(write(tmp_path / "conf", {"config.yaml": text}))
    survey = Survey(configs)
    [*Comparison(str(tmp_path / "conf"), "recipes", ["config"], version_base="1.3").survey(configs, survey)]
    constants = survey.constants()
    # 1 is 1.0 in the config; the package would have 1 or 1.0 in both places.
    assert [*constants.kept.values()] == ["${lr} names lr, which has no one value"]
    assert [value.value for value in constants.values.values()] == [2]


# The law ------------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "g.a", "g.b", "h.a", "h.b", "h.in.a"]
values = st.one_of(
    st.sampled_from(["1", "true", "null", "text", "0.5", "{a: 1}", "[1]"]),
    st.builds("'${{{}}}'".format, st.sampled_from([*NAMES, ".a", ".b", "..a", ".in.a"])),
    st.builds("'<${{{}}}-${{{}}}>'".format, st.sampled_from(NAMES), st.sampled_from([*NAMES, ".a"])),
)
entries = st.dictionaries(st.sampled_from(["a", "b"]), values)


def lines(entries: dict[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in entries.items())


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str | bytes]:
    """Trees of two groups, of which one is also placed elsewhere or takes options in, with experiments."""
    files: dict[str, str | bytes] = {}
    order = draw(st.permutations(["g: one", "h: one", "_self_"]))
    files["config.yaml"] = f"defaults: [{', '.join(order)}]\n" + lines(draw(entries))
    for group in ("g", "h"):
        files[f"{group}/one.yaml"] = lines(draw(entries))
        files[f"{group}/two.yaml"] = draw(st.sampled_from(["", "defaults: [one]\n", "defaults: [one, _self_]\n"]))
        files[f"{group}/two.yaml"] += lines(draw(entries))
    if draw(st.booleans()):
        files["h/one.yaml"] = f"defaults: [/g@in: one]\n{files['h/one.yaml']}"
    for name in draw(st.sets(st.sampled_from(["x", "y"]))):
        chosen = draw(st.sampled_from(["", "override /g: two", "override /h: two"]))
        files[f"exp/{name}.yaml"] = f"# @package _global_\ndefaults: [{chosen}]\n" + lines(draw(entries))
    return files


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        GlobalHydra.instance().clear()


# An example is some fifteen compositions.
@settings(max_examples=15)
@given(trees(), st.data())
def test_whatever_is_chosen_the_package_means_what_yaml_means(
    files: dict[str, str | bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as temporary, importable(Path(temporary)):
        conf = write(Path(temporary, "conf"), files)
        package = Path(temporary, f"inlined_{uuid.uuid4().hex}")
        configs, _ = scan(conf)
        survey = Survey(configs)
        comparison = Comparison(str(conf), package.name, ["config"], version_base="1.3", inline=True)
        assert len([*comparison.survey(configs, survey)]) >= len(configs)
        write_package(plan(configs), package, shared=SharedConstants(survey.constants()))
        options = [[f"{group}=one", f"{group}=two"] for group in "gh"]
        experiments = [[], *([f"+exp={config.name}"] for config in configs if config.group == "exp")]
        choices = [[g, h, *experiment] for g in options[0] for h in options[1] for experiment in experiments]
        for overrides in data.draw(st.lists(st.sampled_from(choices), min_size=1, max_size=4, unique_by=tuple)):
            outcome = comparison.compared("config", overrides)
            assert (outcome.refusal, outcome.difference) == (None, None)
