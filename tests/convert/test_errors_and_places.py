"""What errors say: the problem, the place in the file, the config path, what to do. And where history says it was."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from fiddle import printing
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from tests import components as c
from tests import nemo_stand_ins as nemo

pytestmark = pytest.mark.filterwarnings("ignore")

LLAMA = "nemo.collections.llm.gpt.model.llama"

# The text of conf/model.yaml and all that the error says.
MESSAGES: dict[str, tuple[str, type[fhb.BridgeError], str]] = {
    "an unknown parameter": (
        f"model:\n  _target_: {LLAMA}.LlamaModel\n  config:\n    _target_: {LLAMA}.Llama3Config8B\n    seq_lenght: 1\n",
        fhb.ParameterError,
        "conf/model.yaml:5:5: Llama3Config8B has no parameter 'seq_lenght' (did you mean 'seq_length'?)\n"
        "  at model.config.seq_lenght",
    ),
    "an unknown parameter without a likely name": (
        "_target_: tests.components.Encoder\ndim: 1\nlearning_rate: 1\n",
        fhb.ParameterError,
        "conf/model.yaml:3:1: Encoder has no parameter 'learning_rate'\n  at learning_rate",
    ),
    "a typo in the name of a class": (
        "layers:\n- _target_: tests.components.Encodr\n",
        fhb.TargetError,
        "conf/model.yaml:2:3: no attribute 'Encodr' in 'tests.components' (did you mean 'Encoder'?)\n"
        "  at layers[0]._target_",
    ),
    "a typo in the name of a method": (
        "_target_: tests.components.Model.from_dims\n",
        fhb.TargetError,
        "conf/model.yaml:1:1: no attribute 'from_dims' in 'tests.components.Model' (did you mean 'from_dim'?)\n"
        "  at _target_",
    ),
    "a typo in the name of a module": (
        "_target_: tests.componets.Model\n",
        fhb.TargetError,
        "conf/model.yaml:1:1: no module or attribute 'componets' in 'tests' (did you mean 'components'?)\n"
        "  at _target_",
    ),
    "a library that is not installed": (
        "optim:\n  _target_: not_installed.optim.AdamW\n  lr: 0.1\n",
        fhb.TargetError,
        "conf/model.yaml:2:3: no module 'not_installed'\n"
        "  at optim._target_\n"
        "  hint: install it, or read the config with missing='lazy'",
    ),
    "a target that is no text": (
        "a:\n  _target_: 3\n",
        fhb.TargetError,
        "conf/model.yaml:2:3: _target_ must be a dotted path, got 3\n  at a._target_",
    ),
    "a target without a dot": (
        "_target_: Encoder\n",
        fhb.TargetError,
        "conf/model.yaml:1:1: no module 'Encoder'...",
    ),
    "a target with an empty part": (
        "_target_: tests..Model\n",
        fhb.TargetError,
        "conf/model.yaml:1:1: 'tests..Model' is not a dotted path\n  at _target_",
    ),
    "a target that is no callable": (
        "a: {b: {_target_: math.pi}}\n",
        fhb.TargetError,
        "conf/model.yaml:1:9: 'math.pi' is not callable\n"
        "  at a.b._target_\n"
        "  hint: Expected a callable target, got '3.141592653589793' of type 'float'",
    ),
    "positional arguments out of place": (
        "_target_: tests.components.Node\n_args_: 3\n",
        fhb.ParameterError,
        "conf/model.yaml:2:1: _args_ must be a list, got 3\n  at _args_",
    ),
    "a flag out of place": (
        "_target_: tests.components.Node\n_partial_: maybe\n",
        fhb.ParameterError,
        "conf/model.yaml:2:1: _partial_ must be true or false, got 'maybe'\n  at _partial_",
    ),
    "a mode out of place": (
        "_target_: tests.components.Node\n_convert_: most\n",
        fhb.ParameterError,
        "conf/model.yaml:2:1: _convert_ must be one of none, partial, object, all, got 'most'\n  at _convert_",
    ),
    "too many positional arguments": (
        "_target_: tests.components.Encoder\n_args_: [1, a, b]\n",
        fhb.ParameterError,
        "conf/model.yaml:2:1: Encoder takes 2 positional arguments, got 3\n  at _args_",
    ),
    "an argument given twice": (
        "_target_: tests.components.Encoder\n_args_: [1]\ndim: 2\n",
        fhb.ParameterError,
        "conf/model.yaml:3:1: Encoder got two values for parameter 'dim'\n  at dim",
    ),
    "tags out of place": (
        "_target_: tests.components.Encoder\ndim:\n  _target_: fiddle_hydra_bridge.tagged\n  value: 1\n  tags: Width\n",
        fhb.ParameterError,
        "conf/model.yaml:5:3: tags must be a list of dotted paths\n  at dim.tags",
    ),
    "a ref without a share": (
        "a:\n  _target_: fiddle_hydra_bridge.ref\n  _ref_: b\n",
        fhb.ShareError,
        "conf/model.yaml:3:3: the ref 'b' names nothing: there is no share node around it\n  at a._ref_",
    ),
    "a duplicate key": (
        "a: 1\nb: 2\na: 3\n",
        fhb.SyntaxProblemError,
        "conf/model.yaml:3:1: the key 'a' stands twice in this mapping\n  hint: it stands first at 1:1",
    ),
    "a broken interpolation": (
        "a:\n  b: ${\n",
        fhb.SyntaxProblemError,
        "conf/model.yaml:2:3: ...",
    ),
    "an unknown parameter that an interpolation brings": (
        "base:\n  dmi: 3\nmodel:\n  _target_: tests.components.Encoder\n  dim: 1\n  dmi: ${base.dmi}\n",
        fhb.ParameterError,
        "conf/model.yaml:6:3: Encoder has no parameter 'dmi' (did you mean 'dim'?)\n  at model.dmi",
    ),
}
every_message = pytest.mark.parametrize(("text", "kind", "message"), MESSAGES.values(), ids=MESSAGES.keys())


def matches(error: BaseException, message: str) -> bool:
    """Whether an error says just that; what ends in ``...`` leaves the rest to OmegaConf or to what is installed."""
    said = str(error)
    return said.startswith(message.removesuffix("...")) if message.endswith("...") else said == message


@every_message
def test_an_error_in_text_says_what_where_and_what_to_do(text: str, kind: type, message: str) -> None:
    with nemo.importable(), pytest.raises(fhb.BridgeError) as caught:
        fhb.from_yaml(text, source="conf/model.yaml")
    assert type(caught.value) is kind
    assert matches(caught.value, message)


@every_message
def test_an_error_in_a_file_names_the_file(text: str, kind: type, message: str, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(text)
    with nemo.importable(), pytest.raises(kind) as caught:
        fhb.load(file)
    assert matches(caught.value, message.replace("conf/model.yaml", str(file)))


FROM_OBJECTS = {name: row for name, row in MESSAGES.items() if row[1] is not fhb.SyntaxProblemError}


@pytest.mark.parametrize(("text", "kind", "message"), FROM_OBJECTS.values(), ids=FROM_OBJECTS.keys())
def test_an_error_in_a_config_says_the_same_without_a_place(text: str, kind: type, message: str) -> None:
    with nemo.importable(), pytest.raises(kind) as caught:
        fhb.from_hydra(OmegaConf.create(text))
    assert matches(caught.value, message.partition(": ")[2])


def test_the_rows_of_an_error_can_be_read_by_programs() -> None:
    with pytest.raises(fhb.ParameterError) as caught:
        fhb.from_yaml("a:\n- _target_: tests.components.Encoder\n  dmi: 1\n", source="model.yaml")
    (problem,) = caught.value.problems
    assert problem.path == "a[0].dmi"
    assert problem.place == fhb.Place("model.yaml", 3, 3)
    assert problem.kind is fhb.ParameterError


SEVERAL = """\
one:
  _target_: tests.components.Encoder
  dmi: 1
two:
  _target_: tests.components.Encodr
three:
  _target_: tests.components.Node
  _convert_: most
four:
  _target_: os.system
five:
  _target_: fiddle_hydra_bridge.ref
  _ref_: nowhere
six:
  _target_: tests.components.Encoder
  _args_: [1, 2, 3]
  dmi: 1
"""


def test_all_problems_of_a_config_are_reported_together_in_their_order() -> None:
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.from_yaml(SEVERAL, source="model.yaml")
    assert [(problem.path, problem.place and problem.place.line) for problem in caught.value.problems] == [
        ("one.dmi", 3),
        ("two._target_", 5),
        ("three._convert_", 8),
        ("four._target_", 10),
        ("five._ref_", 13),
        ("six._args_", 16),
        ("six.dmi", 17),
    ]
    assert str(caught.value).count("\n  at ") == 7


def test_problems_of_one_kind_raise_an_error_of_that_kind() -> None:
    with pytest.raises(fhb.ParameterError) as caught:
        fhb.from_yaml(
            "a:\n  _target_: tests.components.Encoder\n  x: 1\nb:\n  _target_: tests.components.Encoder\n  y: 1\n"
        )
    assert [problem.path for problem in caught.value.problems] == ["a.x", "b.y"]


def test_problems_of_several_kinds_raise_the_common_error() -> None:
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.from_yaml("a:\n  _target_: tests.components.Encoder\n  x: 1\nb:\n  _target_: tests.nothing\n")
    assert type(caught.value) is fhb.BridgeError
    assert {problem.kind for problem in caught.value.problems} == {fhb.ParameterError, fhb.TargetError}


def test_an_error_in_what_an_interpolation_copies_stands_where_it_was_written() -> None:
    text = (
        "model:\n  _target_: tests.components.Node\n  a: ${other}\n"
        "other:\n  _target_: tests.components.Encoder\n  dmi: 1\n"
    )
    with pytest.raises(fhb.ParameterError) as caught:
        fhb.from_yaml(text, source="model.yaml")
    assert {problem.place and problem.place.line for problem in caught.value.problems} == {6}


# What targets raise --------------------------------------------------------------------------------------------------


class OwnError(Exception):
    """An exception of a target, with a constructor of its own."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code


def explode(code: int = 1) -> None:
    raise OwnError(code, "exploded")


RAISING = {
    "a built-in exception": ({"_target_": "tests.components.fail", "message": "no"}, KeyError),
    "an exception of its own": ({"_target_": "tests.convert.test_errors_and_places.explode", "code": 3}, OwnError),
    "a missing argument": ({"_target_": "tests.components.Encoder"}, TypeError),
}


@pytest.mark.parametrize("below", [False, True], ids=["root", "below"])
@pytest.mark.parametrize(("config", "kind"), RAISING.values(), ids=RAISING.keys())
def test_exceptions_of_targets_keep_their_type(config: Any, kind: type[Exception], below: bool) -> None:
    config = {"_target_": "tests.components.Node", "a": [config]} if below else config
    with pytest.raises(kind):
        fdl.build(fhb.from_hydra(config))
    with pytest.raises(kind):
        fhb.build(fhb.from_hydra(config))


@pytest.mark.parametrize("below", [False, True], ids=["root", "below"])
@pytest.mark.parametrize(("config", "kind"), RAISING.values(), ids=RAISING.keys())
def test_instantiate_raises_what_the_installed_hydra_raises(config: Any, kind: type[Exception], below: bool) -> None:
    config = {"_target_": "tests.components.Node", "a": {"b": config}} if below else config
    with pytest.raises(Exception, match=r".") as theirs:
        hydra.utils.instantiate(copy.deepcopy(config))
    with pytest.raises(theirs.type) as ours:
        fhb.instantiate(config)
    assert type(ours.value) is type(theirs.value)
    assert str(ours.value) == str(theirs.value)
    assert getattr(ours.value, "__notes__", []) == getattr(theirs.value, "__notes__", [])
    assert type(ours.value.__cause__) is type(theirs.value.__cause__)


REFUSED_BY_HYDRA: dict[str, Any] = {
    "a target that is not there": {"_target_": "tests.components.Nothing"},
    "a module that is not there": {"_target_": "not_installed.Thing"},
    "a refused target": {"_target_": "os.system", "command": "true"},
    "a target that is no callable": {"_target_": "math.pi"},
    "a target that is no text": {"_target_": 3},
    "a flag out of place": {"_target_": "tests.components.Node", "_partial_": "maybe"},
    "positional arguments out of place": {"_target_": "tests.components.Node", "_args_": 3},
    "an interpolation to nothing": {"_target_": "tests.components.Node", "a": "${nothing}"},
    "a missing value": {"_target_": "tests.components.Node", "a": "???"},
    "a scalar": 3,
    "text": "a",
    "an object": object(),
}


@pytest.mark.parametrize("config", REFUSED_BY_HYDRA.values(), ids=REFUSED_BY_HYDRA.keys())
def test_instantiate_refuses_what_the_installed_hydra_refuses(config: Any) -> None:
    with pytest.raises(Exception, match=r".") as theirs:
        hydra.utils.instantiate(copy.deepcopy(config))
    with pytest.raises(theirs.type) as ours:
        fhb.instantiate(config)
    assert type(ours.value) is type(theirs.value)


def test_errors_of_hydra_are_no_errors_of_the_bridge() -> None:
    with pytest.raises(InstantiationException) as caught:
        fhb.instantiate({"_target_": "tests.components.Nothing"})
    assert not isinstance(caught.value, fhb.BridgeError)


# History -------------------------------------------------------------------------------------------------------------

CONFIG = """\
x: 3
model:
  _target_: tests.components.Node
  a:
    _target_: tests.components.Encoder
    dim: ${x}
    name: deep
  b:
  - _target_: tests.components.Encoder
    dim: 2
copy:
  _target_: tests.components.Node
  a: ${model.a}
"""
WRITTEN = {
    "x": 1,
    "model.a.dim": 6,
    "model.a.name": 7,
    "model.b[0].dim": 10,
    # What an interpolation copies stands where it was written.
    "copy.a.dim": 6,
    "copy.a.name": 7,
}


def history(graph: Any) -> dict[str, str]:
    """Fiddle's own account of where each set leaf comes from, by its path."""
    lines = printing.history_per_leaf_parameter(graph).splitlines()
    return {
        path: where
        for line in lines
        if " @ " in line
        for path, _, rest in [line.partition(" = ")]
        for where in [rest.rpartition(" @ ")[2]]
    }


def test_history_says_the_line_of_the_text() -> None:
    graph = fhb.from_yaml(CONFIG, source="conf/model.yaml")
    found = history(graph)
    assert {path: found[path] for path in WRITTEN} == {
        path: f"conf/model.yaml:{line}" for path, line in WRITTEN.items()
    }


def test_history_says_the_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(CONFIG.replace("${x}", "3"))
    found = history(fhb.load(file))
    assert {path: found[path] for path in WRITTEN} == {path: f"{file}:{line}" for path, line in WRITTEN.items()}


def test_history_says_where_the_target_stands() -> None:
    graph = fhb.from_yaml(CONFIG, source="conf/model.yaml")
    entries = graph.model.a.__argument_history__["__fn_or_cls__"]
    assert [(entry.new_value, entry.location.filename, entry.location.line_number) for entry in entries] == [
        (c.Encoder, "conf/model.yaml", 5)
    ]


def test_history_of_positional_arguments_says_their_line() -> None:
    graph = fhb.from_yaml("_target_: tests.components.combine\n_args_:\n- 1\n- 2\n", source="model.yaml")
    lines = [graph.__argument_history__[index][-1].location.line_number for index in (0, 1)]
    assert lines in ([3, 4], [2, 2])


@pytest.mark.parametrize(
    "config",
    [{"_target_": "tests.components.Node", "a": 1}, OmegaConf.create({"_target_": "tests.components.Node", "a": 1})],
    ids=["dict", "DictConfig"],
)
def test_history_of_a_config_says_the_line_of_the_caller(config: Any) -> None:
    frame = inspect.currentframe()
    assert frame is not None
    line, graph = frame.f_lineno, fhb.from_hydra(config)
    (entry,) = graph.__argument_history__["a"]
    assert (entry.location.filename, entry.location.line_number) == (__file__, line)
    assert entry.location.function_name == "test_history_of_a_config_says_the_line_of_the_caller"


def test_history_goes_on_with_what_the_user_changes() -> None:
    graph = fhb.from_yaml("_target_: tests.components.Node\na: 1\n", source="model.yaml")
    graph.a = 2
    first, second = graph.__argument_history__["a"]
    assert (first.new_value, first.location.filename, first.location.line_number) == (1, "model.yaml", 2)
    assert (second.new_value, second.location.filename) == (2, __file__)
    assert first.sequence_id < second.sequence_id


def test_text_without_a_name_is_called_yaml() -> None:
    assert history(fhb.from_yaml("_target_: tests.components.Node\na: 1\n"))["a"] == "<yaml>:2"


def test_a_dead_link_says_its_place_also_after_it_was_tried_again() -> None:
    graph = fhb.from_yaml("a:\n  _target_: tests.components.Encoder\n  dim: ${no}\n", source="conf/model.yaml")
    with pytest.raises(fhb.LinkError, match=r"'\$\{no\}' was not resolved: .*\(conf/model.yaml:3:3\)"):
        fhb.build(graph)


@pytest.mark.parametrize("read", [fhb.from_yaml, fhb.load], ids=["text", "file"])
def test_an_option_that_is_none_is_an_error_with_a_suggestion(read: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1")
    with pytest.raises(TypeError, match=r"there is no option 'lnks' \(did you mean 'links'\?\)"):
        read(str(file) if read is fhb.load else "a: 1", lnks="keep")
