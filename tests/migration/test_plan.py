"""Where files go: modules, names that Python does not take, names that clash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fiddle_hydra_bridge.migration.plan import plan
from fiddle_hydra_bridge.migration.scan import scan
from tests.migration.trees import write

#: Files, and for each module its recipes: the config path and the function.
ROWS: dict[str, tuple[list[str], dict[str, dict[str, str]]]] = {
    "groups": (
        ["config.yaml", "db/mysql.yaml", "model/llama.yaml", "model/part/one.yaml"],
        {
            "__init__.py": {"config": "config"},
            "db.py": {"db/mysql": "mysql"},
            "model/__init__.py": {"model/llama": "llama"},
            "model/part.py": {"model/part/one": "one"},
        },
    ),
    "a group without options of its own": (
        ["a/b/c.yaml"],
        {"__init__.py": {}, "a/__init__.py": {}, "a/b.py": {"a/b/c": "c"}},
    ),
    "no Python names": (
        ["8b.yaml", "llama-3.1.yaml", "a b.yaml", "_x.yaml", "v1.2/x.yaml", "my group/x.yaml"],
        {
            "__init__.py": {"8b": "x_8b", "_x": "x", "a b": "a_b", "llama-3.1": "llama_3_1"},
            "my_group.py": {"my group/x": "x"},
            "v1_2.py": {"v1.2/x": "x"},
        },
    ),
    "keywords, builtins and our own names": (
        ["class.yaml", "print.yaml", "l.yaml", "fhb.yaml", "import/pass.yaml"],
        {
            "__init__.py": {"class": "class_", "fhb": "fhb_", "l": "l_", "print": "print_"},
            "import_.py": {"import/pass": "pass_"},
        },
    ),
    "names that clash": (
        ["a-b.yaml", "a_b.yaml", "a.b.yaml", "g-h/x.yaml", "g_h/x.yaml"],
        {
            "__init__.py": {"a-b": "a_b_", "a.b": "a_b_2", "a_b": "a_b"},
            "g_h.py": {"g_h/x": "x"},
            "g_h_.py": {"g-h/x": "x"},
        },
    ),
    "groups that differ in case": (
        ["Model/x.yaml", "model/x.yaml"],
        {"__init__.py": {}, "Model.py": {"Model/x": "x"}, "model_.py": {"model/x": "x"}},
    ),
    "a file and a folder of one name": (
        ["model.yaml", "model/x.yaml"],
        {"__init__.py": {"model": "model_"}, "model.py": {"model/x": "x"}},
    ),
    "names of modules of the standard library": (
        ["logging/x.yaml", "types/y.yaml"],
        {"__init__.py": {}, "logging.py": {"logging/x": "x"}, "types.py": {"types/y": "y"}},
    ),
    "files that end in .yml": (["a.yaml", "a.yml"], {"__init__.py": {"a": "a", "a.yml": "a_yml"}}),
    "other files": (
        ["db/__init__.py", "db/mysql.yaml", "README.md"],
        {"__init__.py": {}, "db.py": {"db/mysql": "mysql"}},
    ),
}


@pytest.mark.parametrize(("files", "modules"), ROWS.values(), ids=ROWS)
def test_files_have_their_places(tmp_path: Path, files: list[str], modules: dict[str, dict[str, str]]) -> None:
    configs, _ = scan(write(tmp_path, dict.fromkeys(files, "")))
    found = {
        module.file: {recipe.config.path: recipe.function for recipe in module.recipes}
        for module in plan(configs).tree()
    }
    assert found == modules


def test_files_that_look_like_configs_are_told(tmp_path: Path) -> None:
    _, skipped = scan(write(tmp_path, dict.fromkeys(["a.YML", "b.YAML", 'c"d.yaml', "e.txt", "f.yaml"], "")))
    assert [(each.file.name, each.reason) for each in skipped] == [
        ("a.YML", "Hydra reads only files that end in .yaml, not in .YML"),
        ("b.YAML", "Hydra reads only files that end in .yaml, not in .YAML"),
        ('c"d.yaml', "its path holds quotes, backslashes or characters that cannot be printed"),
    ]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write(tmp_path, {"conf/a/x.yaml": ""})
    os.symlink("..", tmp_path / "conf/a/up")
    os.symlink("a", tmp_path / "conf/b")
    configs, _ = scan(tmp_path / "conf")
    assert [config.path for config in configs] == ["a/x", "b/x"]
