"""Generated modules in tests: imported from a file, and held to what ruff says of them."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

__all__ = ["graph_of", "imported", "ruff_complaints"]

_numbers = itertools.count()
_RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")


@contextmanager
def imported(text: str) -> Iterator[ModuleType]:
    """Imports the text of a module from a file, under a name of its own."""
    name = f"generated_{next(_numbers)}"
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.py"
        file.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
            yield module
        finally:
            del sys.modules[name]


def graph_of(text: str, name: str = "config") -> Any:
    """Returns what the function of a generated module returns, as a graph."""
    with imported(text) as module:
        function = getattr(module, name)
        return function.as_buildable() if hasattr(function, "as_buildable") else function()


def ruff_complaints(text: str) -> str:
    """Returns what ruff would change or has against a text, with its default settings and the import rules."""
    if _RUFF is None:
        pytest.skip("ruff is not installed; the extra `lint` has it")
    with TemporaryDirectory() as folder:
        # The folder of a project, in which these modules are code of its own.
        for name in ("tests/components.py", "tests/convert/test_python_source.py"):
            (Path(folder) / name).parent.mkdir(exist_ok=True)
            (Path(folder) / name).touch()
        return "".join(_run_ruff(command, text, folder) for command in _COMMANDS)


_COMMANDS = (["format", "--diff"], ["check", "--extend-select=I", "--output-format=concise"])


def _run_ruff(command: list[str], text: str, folder: str) -> str:
    arguments = [str(_RUFF), *command, "--isolated", "--no-cache", "--quiet", "--stdin-filename=module.py", "-"]
    done = subprocess.run(arguments, cwd=folder, input=text.encode(), capture_output=True, check=False)
    return done.stdout.decode() + done.stderr.decode() if done.returncode else ""
