"""The wheel: built from the project, installed in an empty environment, used there from outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PLUGIN = "hydra_plugins.fiddle_hydra_bridge"

APP = """
import json, sys
import hydra

@hydra.main(version_base="1.3", config_path=None)
def app(config):
    print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))

app()
"""

CONVERSION = """
import json
import fiddle_hydra_bridge as fhb

text = fhb.to_yaml(fhb.from_yaml("a: 1\\n"))
print(json.dumps({"file": fhb.__file__, "text": text}))
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command without this process's import path."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result


def run_app(python: Path, folder: Path) -> dict[str, str | None]:
    """Runs a Hydra app that does nothing and returns the modules it loaded, with their files."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    result = run(python, "app.py", "hydra.run.dir=.", cwd=folder)
    # Hydra only warns about a plugin module that it cannot find or import.
    assert "plugin" not in result.stderr.lower()
    loaded = json.loads(result.stdout)
    assert isinstance(loaded, dict)
    return loaded


def assert_that_no_converter_is_loaded(loaded: Mapping[str, str | None]) -> None:
    assert PLUGIN in loaded
    assert "fiddle" not in {name.partition(".")[0] for name in loaded}
    assert not {name for name in loaded if name.startswith("fiddle_hydra_bridge.convert")}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PROJECT, cwd=folder)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def names_in_wheel(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="session")
def wheel_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode("utf-8"))


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that holds the wheel and its dependencies, nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / Path(sysconfig.get_path("scripts")).name / "python"
    # The same Hydra line as the one that the other tests run on.
    line = [f"{name}=={metadata.version(name)}" for name in ("hydra-core", "omegaconf")]
    run(python, "-m", "pip", "install", "--quiet", wheel, *line, cwd=folder)
    return python


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_the_plugin_module_and_nothing_else(names_in_wheel: list[str]) -> None:
    top = {name.partition("/")[0] for name in names_in_wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"fiddle_hydra_bridge", "hydra_plugins"}
    assert "fiddle_hydra_bridge/py.typed" in names_in_wheel
    # `hydra_plugins` belongs to all plugins: a file of ours there would overwrite another distribution's.
    plugins = [name for name in names_in_wheel if name.startswith("hydra_plugins/")]
    assert plugins == ["hydra_plugins/fiddle_hydra_bridge/__init__.py"]


@pytest.mark.slow
def test_the_wheel_needs_hydra_omegaconf_and_fiddle_and_nothing_else(wheel_metadata: Message) -> None:
    required = [each for each in wheel_metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert sorted(required) == ["fiddle>=0.3.1", "hydra-core<1.5,>=1.3.8", "omegaconf>=2.3"]
    assert wheel_metadata["Requires-Python"] == ">=3.11"
    assert wheel_metadata["License-Expression"] == "Apache-2.0"


@pytest.mark.slow
def test_the_installed_package_converts(python: Path, tmp_path: Path) -> None:
    seen = json.loads(run(python, "-c", CONVERSION, cwd=tmp_path).stdout)
    assert seen["text"] == "a: 1\n"
    assert python.parents[1] in Path(seen["file"]).parents
    assert (Path(seen["file"]).parent / "py.typed").is_file()


@pytest.mark.slow
def test_a_hydra_app_finds_the_plugin_module_of_an_installed_wheel(python: Path, tmp_path: Path) -> None:
    loaded = run_app(python, tmp_path)
    assert_that_no_converter_is_loaded(loaded)
    assert python.parents[1] in Path(str(loaded[PLUGIN])).parents


def test_a_hydra_app_finds_the_plugin_module_of_an_editable_install(tmp_path: Path) -> None:
    try:
        metadata.version("fiddle-hydra-bridge")
    except metadata.PackageNotFoundError:
        pytest.skip("the project is not installed in this environment: pip install -e .")
    loaded = run_app(Path(sys.executable), tmp_path)
    assert_that_no_converter_is_loaded(loaded)
    assert Path(str(loaded[PLUGIN])) == PROJECT / "hydra_plugins" / "fiddle_hydra_bridge" / "__init__.py"
