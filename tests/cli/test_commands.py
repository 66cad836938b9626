"""What each command answers to each kind of config: tables of command lines, run in one process."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.commands import Answer, Command, check, run_all

TRAINING = """\
partial parts.train
├── model: parts.Model
│   ├── tokenizer: parts.Tokenizer
│   │   └── vocabulary: 64
│   ├── dim: 8 (default) #parts.Size
│   └── layers: [1, 2]
├── data: parts.Text
│   └── tokenizer: the same as model.tokenizer
└── steps: 1 (default)
"""
MODEL = """\
parts.Model
├── tokenizer: None (default)
├── dim: {dim}
└── layers: <factory> (default)
"""
LINKED = """\
<root>
├── dim: {dim}
├── model: parts.Model
│   ├── tokenizer: parts.Tokenizer
│   │   └── vocabulary: 128 (default)
│   ├── dim: {link}
│   └── layers: <factory> (default)
└── text: parts.Text
    └── tokenizer: {tokenizer}
"""
COPY = "parts.Tokenizer\n        └── vocabulary: 128 (default)"

SHOW = {
    "a recipe": Command("show recipes:training", TRAINING),
    "a recipe with overrides": Command("show recipes:model dim=7", MODEL.format(dim=7)),
    "a recipe with links resolves nothing": Command("yaml recipes:linked", "a: ${b}\n"),
    "an autoconvert function": Command("show recipes:automatic ~tokenizer", MODEL.format(dim=5)),
    "a recipe in a file that is in no package": Command(
        "show sub/loose.py:pair --where", "dict\n├── left: 1   sub/loose.py:7\n└── right: 2  sub/loose.py:7\n"
    ),
    "a JSON file with a space in its name": Command("show with%20space.json", MODEL.format(dim=3)),
    "Windows line ends": Command("show crlf.yaml", MODEL.format(dim=3)),
    "an empty file": Command("show empty.yaml", "<root>\n"),
    "standard input": Command("show - dim=4", MODEL.format(dim=4), text="_target_: parts.Model\ndim: 3\n"),
    "a file with a section for Hydra": Command(
        "show own.yaml model.dim=4",
        """\
<root>
└── model: parts.Model
    ├── tokenizer: None (default)
    ├── dim: 4
    └── layers: <factory> (default)
""",
    ),
    "links": Command("show linked.yaml", LINKED.format(dim=3, link=3, tokenizer=COPY)),
    "links that are kept": Command(
        "show linked.yaml --links keep", LINKED.format(dim=3, link="${dim}", tokenizer="${model.tokenizer}")
    ),
    "links that share": Command(
        "show linked.yaml --share", LINKED.format(dim=3, link=3, tokenizer="the same as model.tokenizer")
    ),
    "links follow overrides": Command("show linked.yaml dim=4", LINKED.format(dim=4, link=4, tokenizer=COPY)),
    "links that share follow overrides": Command(
        "show linked.yaml dim=4 --share", LINKED.format(dim=4, link=4, tokenizer="the same as model.tokenizer")
    ),
    "links that are kept, with overrides": Command(
        "show linked.yaml dim=4 --links keep", LINKED.format(dim=4, link="${dim}", tokenizer="${model.tokenizer}")
    ),
    "targets that are not there, as placeholders": Command(
        "show - --missing lazy", "nowhere.Model\n└── dim: 3\n", text="{_target_: nowhere.Model, dim: 3}"
    ),
    "a value that is still to be given": Command("show -", "<root>\n└── a: ???\n", text="a: ???"),
    "keys do not reach the terminal as commands": Command("show escape.yaml", "<root>\n└── \\x1b[31m\\nred: 1\n"),
    "where overrides and files have set values": Command(
        "show crlf.yaml layers=[1] --where",
        """\
parts.Model
├── tokenizer: None (default)
├── dim: 3                     crlf.yaml:2
└── layers: [1]                command line
""",
    ),
    "where a composed config was set": Command(
        "show conf/config.yaml --where +experiment=quick model.dim=3",
        """\
partial parts.train
├── model: parts.Model              conf/experiment/quick.yaml:2
│   ├── tokenizer: parts.Tokenizer  conf/model/small.yaml:2
│   │   └── vocabulary: 64          conf/model/small.yaml:4
│   ├── dim: 3                      command line: model.dim=3
│   └── layers: [1, 2]              conf/model/small.yaml:5
├── data: parts.Text                conf/config.yaml:7
│   └── tokenizer: parts.Tokenizer  conf/config.yaml:9
│       └── vocabulary: 64          conf/model/small.yaml:4
└── steps: 3                        conf/experiment/quick.yaml:4
""",
    ),
    "as Mermaid": Command(
        "show recipes:training --format mermaid",
        """\
flowchart TD
    n0["partial parts.train"]
    n1["parts.Model<br>layers: [1, 2]"]
    n2["parts.Text"]
    n3["parts.Tokenizer<br>vocabulary: 64"]
    n0 -->|"model"| n1
    n0 -->|"data"| n2
    n1 -->|"tokenizer"| n3
    n2 -->|"tokenizer"| n3
""",
    ),
    "as YAML": Command("show recipes:model --format yaml", "_target_: parts.Model\ndim: 3\n"),
    "as JSON": Command("show recipes:model --format json", '{\n  "_target_": "parts.Model",\n  "dim": 3\n}\n'),
}

PYTHON = """\
import fiddle as fdl

from parts import Model


def {name}() -> fdl.Config:
    return fdl.Config(Model, dim=3)
"""
CONVERT = {
    "a recipe as YAML": Command("yaml recipes:model", "_target_: parts.Model\ndim: 3\n"),
    "with defaults and comments": Command(
        "yaml recipes:model --defaults --comments",
        "_target_: parts.Model\n_convert_: all\ntokenizer: null  # Any\ndim: 3  # int\nlayers: []  # list[Any]\n",
    ),
    "with another conversion mode": Command(
        "yaml - --convert none",
        "_target_: parts.Model\n_convert_: none\nlayers:\n- 1\n",
        text="{_target_: parts.Model, layers: [1]}",
    ),
    "a composed config as YAML, after overrides": Command(
        "yaml --config-dir conf --config-name config model=big ~data ~model.tokenizer",
        """\
_target_: parts.train
_partial_: true
_convert_: all
model:
  _target_: parts.Model
  dim: 64
  layers:
  - 1
  - 2
steps: 1
""",
    ),
    "a file as Python": Command("python crlf.yaml", PYTHON.format(name="config")),
    "with a name": Command("python recipes:model --name small", PYTHON.format(name="small")),
    "in NeMo-Run's words": Command(
        "python recipes:model --style nemo_run",
        PYTHON.format(name="config").replace("import fiddle as fdl", "import nemo_run as run").replace("fdl.", "run."),
    ),
    "as show does": Command("show recipes:model --format python", PYTHON.format(name="config")),
}

EXPLAIN = {
    "files, choices and the one that won": Command(
        "explain model.dim conf/config.yaml model=big +experiment=quick",
        """\
model.dim = 16
  conf/experiment/quick.yaml:3  16
      brought in by command line: +experiment=quick
  conf/model/big.yaml:4  64  (overridden)
      brought in by command line: model=big
""",
    ),
    "what an interpolation points to": Command(
        "explain steps --config-dir conf --config-name config +experiment=quick",
        """\
steps = 16
  conf/experiment/quick.yaml:4  '${model.dim}'
      brought in by command line: +experiment=quick
  conf/config.yaml:10  1  (overridden)
    model.dim = 16
      conf/experiment/quick.yaml:3  16
          brought in by command line: +experiment=quick
""",
    ),
    "a key behind an interpolation": Command(
        "explain data.tokenizer.vocabulary conf/config.yaml model.tokenizer.vocabulary=32",
        """\
data.tokenizer.vocabulary = 32
  conf/config.yaml:9  '${model.tokenizer}'
    model.tokenizer.vocabulary = 32
      command line: model.tokenizer.vocabulary=32
      conf/model/small.yaml:4  64  (overridden)
          brought in by conf/config.yaml:2
""",
    ),
    "a key that an override deletes": Command(
        "explain steps conf/config.yaml ~steps",
        "steps is deleted\n  command line: ~steps\n  conf/config.yaml:10  1  (overridden)\n",
    ),
    "a recipe": Command(
        "explain dim recipes:model dim=4", "dim = 4\n  command line: dim=4\n  recipes.py:25  3  (overridden)\n"
    ),
    "a plain file": Command(
        "explain model.dim linked.yaml dim=5",
        """\
model.dim = 5
  linked.yaml:4  '${dim}'
    dim = 5
      command line: dim=5
      linked.yaml:1  3  (overridden)
""",
    ),
    "a JSON file": Command(
        "explain dim with%20space.json dim=5", "dim = 5\n  command line: dim=5\n  with space.json:1  3  (overridden)\n"
    ),
}

VERIFY = {
    "a recipe, by Fiddle and by Hydra": Command("verify recipes:training", "equivalent\n"),
    "a file, by Fiddle and by Hydra": Command("verify linked.yaml", "equivalent\n"),
    "a file with overrides": Command("verify linked.yaml dim=4", "equivalent\n"),
    "a file with modes of its own": Command(
        "verify -", "equivalent\n", text="- {_target_: parts.Model, layers: [1], _convert_: none}\n- 3"
    ),
    "a composed config, by Fiddle and by Hydra": Command("verify conf/config.yaml model=big", "equivalent\n"),
    "a file whose links share, which Hydra does not know": Command(
        "verify linked.yaml --share",
        "not equivalent: text.tokenizer: the same object as model.tokenizer in the first, "
        "another object in the second\n",
        code=1,
    ),
    "two configs": Command("verify recipes:model with%20space.json dim=4", "equivalent\n"),
    "a recipe and a composed config": Command(
        "verify recipes:training --config-dir conf --config-name config --share steps=1", "equivalent\n"
    ),
    "a recipe and a config that does not share": Command(
        "verify recipes:training conf/config.yaml steps=1",
        "not equivalent: data.tokenizer: the same object as model.tokenizer in the first, "
        "another object in the second\n",
        code=1,
    ),
    "two configs that differ in a value": Command(
        "verify recipes:model linked.yaml", "not equivalent: <root>: <parts.Model> is not <dict>\n", code=1
    ),
}

RUN = {
    "a partial is called": Command("run recipes:training +steps=2", "training 8 wide for 2 steps, shared: True\n4.0\n"),
    "what is no partial is shown": Command("run recipes:model", "Model(tokenizer=None, dim=3, layers=[])\n"),
    "a script is run": Command("run recipes:script", "from the script\n"),
    "a composed config": Command(
        "run conf/config.yaml model=big --share", "training 64 wide for 1 steps, shared: True\n64.0\n"
    ),
    "a file": Command(
        "run linked.yaml dim=5 ~text",
        "{'dim': 5, 'model': Model(tokenizer=Tokenizer(vocabulary=128), dim=5, layers=[])}\n",
    ),
    "a JSON file": Command("run with%20space.json dim=5", "Model(tokenizer=None, dim=5, layers=[])\n"),
    "standard input": Command("run -", "{'a': 1}\n", text="a: 1"),
    "an option of another folder, for a recipe": Command(
        "run recipes:training --config-dir conf +experiment=quick",
        "training 16 wide for 16 steps, shared: True\n1.0\n",
    ),
    "a registered recipe as a choice": Command(
        "run recipes:training +model=wide",
        "training 99 wide for 1 steps, shared: True\n99.0\n",
    ),
    "Hydra's flags": Command("run recipes:model dim=4 --cfg job", "_target_: parts.Model\n_convert_: all\ndim: 4\n"),
    "the job has the name of the config": Command("run recipes:model --cfg hydra --package hydra.job.name", "model\n"),
}

REFUSED = {
    "no config": Command("show", "", ("a config is missing", "--config-name"), 2),
    "an override in the place of the config": Command("show dim=3", "", ("a config is missing", "'dim=3'"), 2),
    "no command": Command("shwo recipes:model", "", ("Unknown command", 'Did you mean "show"?'), 2),
    "no option": Command("show recipes:model --fast", "", ("there is no option '--fast'",), 2),
    "no choice": Command("show recipes:model --format svg", "", ("svg", "mermaid"), 2),
    "no file": Command("show lniked.yaml", "", ("there is no file: 'lniked.yaml'", "did you mean 'linked.yaml'?"), 2),
    "no file, but a module": Command("show recipes", "", ("there is no file", "'package.module:function'"), 2),
    "a folder": Command("show conf", "", ("'conf' is a folder", "--config-dir conf --config-name"), 2),
    "another suffix": Command("show recipes.py", "", ("the suffix of 'recipes.py' is not .yaml",), 1),
    "a folder without a name": Command("show --config-dir conf", "", ("--config-dir and --config-name",), 2),
    "no folder": Command("show --config-dir cnof --config-name config", "", ("there is no folder 'cnof'",), 2),
    "no such name": Command("show --config-dir conf --config-name cnofig", "", ("'cnofig'",), 1),
    "no module": Command("show recpies:model", "", ("no module 'recpies'",), 2),
    "no function": Command("show recipes:modle", "", ("no attribute 'modle'", "did you mean 'model'?"), 2),
    "no file of recipes": Command("show sub/lose.py:pair", "", ("there is no file: 'sub/lose.py'",), 2),
    "a file that is no module": Command("show sub/a-b.py:f", "", ("there is no file",), 2),
    "a recipe that needs arguments": Command("show recipes:needs", "", ("cannot be called without 'dim'",), 2),
    "no recipe": Command("show recipes:number", "", ("a recipe returns a graph", "'number' returns int"), 1),
    "a recipe that the policy refuses": Command("show os:system", "", ("'os.system' is refused",), 2),
    "places of what is no tree": Command("show recipes:model --where --format yaml", "", ("--where",), 2),
    "broken YAML": Command("show broken.yaml", "", ("broken.yaml:2:1: ",), 1),
    "broken YAML, run": Command("run broken.yaml", "", ("broken.yaml:2:1: ",), 1),
    "another encoding": Command("show latin.yaml", "", ("latin.yaml:1:4: the file is not UTF-8",), 1),
    "no mapping": Command("yaml scalar.yaml", "", ("scalar.yaml:1:1: a config is a mapping or a list",), 1),
    "every problem of a file": Command(
        "yaml typo.yaml",
        "",
        (
            "typo.yaml:2:1: Model has no parameter 'dmi' (did you mean 'dim'?)",
            "typo.yaml:4:3: no attribute 'Tokeniser'",
        ),
        1,
    ),
    "an override that does not parse": Command("show recipes:model dim=[", "", ("cannot parse 'dim=['",), 1),
    "an override of nothing": Command("show recipes:model dmi=3", "", ("'dmi'", "did you mean 'dim'?"), 1),
    "a choice that is in another folder": Command(
        "show conf/model/nested.yaml", "", ("Could not find 'model/small'", "nested.yaml:2:5", "give --config-dir"), 1
    ),
    "an override of nothing, composed": Command("show conf/config.yaml model.dmi=3", "", ("model.dmi",), 1),
    "an override of nothing, run": Command("run recipes:model dmi=3", "", ("dmi",), 1),
    "a key that is not there": Command("explain dmi recipes:model", "", ("'dmi'",), 1),
    "a key that is not there behind an interpolation": Command(
        "explain data.tokenizer.vocabulry conf/config.yaml", "", ("did you mean 'vocabulary'?",), 1
    ),
    "what has no spelling": Command("yaml recipes:unspellable", "", ("the lambda", "at key"), 1),
    "a target that the policy refuses": Command("show evil.yaml", "", ("evil.yaml:1:1: 'os.system' is refused",), 1),
    "the same, run": Command("run evil.yaml", "", ("'os.system' is refused",), 1),
    "the same, verified": Command("verify evil.yaml", "", ("'os.system' is refused",), 1),
    "the same, by an override": Command("run recipes:model +tokenizer._target_=os.system", "", ("'os.system'",), 1),
    "a target that --allow does not allow": Command(
        "show linked.yaml --allow parts.Model", "", ("'parts.Tokenizer' is not in allow=['parts.Model']",), 1
    ),
    "the same, converted": Command("python crlf.yaml --allow other.*", "", ("'parts.Model' is not in allow=",), 1),
    "the same, composed": Command("yaml conf/config.yaml --allow parts.Model", "", ("is not in allow=",), 1),
    "the same, by an override that is not allowed": Command(
        "show recipes:model tokenizer={_target_:parts.Tokenizer} --allow parts.Model", "", ("is not in allow=",), 1
    ),
    "the same run": Command("run conf/config.yaml --allow parts.Model", "", ("is not in allow=",), 1),
    "the same verified": Command("verify linked.yaml --allow parts.Model", "", ("is not in allow=",), 1),
    "a flag in front of the config": Command("run --multirun recipes:model", "", ("before '--multirun'",), 2),
    "more than Hydra's flags": Command("run recipes:model --fast", "", ("unrecognized arguments: --fast",), 2),
}

#: Where code of the user raises, its traceback is shown, and only it.
FAILING = {
    "a target": Command("run recipes:failing", "", ("RuntimeError: no data", "call fail at <root>"), 1),
    "a target, built twice": Command("verify recipes:failing", "", ("RuntimeError: no data",), 1),
    "a target of a file": Command("run -", "", ("RuntimeError: x",), 1, text="a: {_target_: parts.fail, reason: x}"),
    "a recipe": Command("show recipes:raising", "", ("ValueError: no luck",), 1),
    "a recipe, run": Command("run recipes:raising", "", ("ValueError: no luck",), 1),
    "a module of recipes": Command("show broken:recipe", "", ("error: importing 'broken.recipe' fails", "KeyError"), 1),
}

TABLES = {
    f"{table}: {name}": command
    for table, commands in [
        ("show", SHOW),
        ("convert", CONVERT),
        ("explain", EXPLAIN),
        ("verify", VERIFY),
        ("run", RUN),
        ("refused", REFUSED),
        ("failing", FAILING),
    ]
    for name, command in commands.items()
}


@pytest.fixture(scope="module")
def answers(project: Path) -> dict[str, Answer]:
    return run_all(project, TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_command_answers_with_its_output_its_errors_and_its_exit_code(name: str, answers: dict[str, Answer]) -> None:
    check(TABLES[name], answers[name])


def test_tracebacks_are_those_of_the_users_code(answers: dict[str, Answer], project: Path) -> None:
    shown = {name: answers[name].errors for name in TABLES if "Traceback" in answers[name].errors}
    assert set(shown) == {f"failing: {name}" for name in FAILING}
    for errors in shown.values():
        files = re.findall(r'File "([^"]+)"', errors)
        assert files
        assert [file for file in files if Path(file).parent != project] == []
