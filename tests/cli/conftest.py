"""The project on which the command is tried is used from a folder of its own, and holds no tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import PROJECT

collect_ignore = ["project"]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, with files that no version control would keep as they are."""
    folder = tmp_path_factory.mktemp("cli") / "a project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "crlf.yaml").write_bytes(b"_target_: parts.Model\r\ndim: 3\r\n")
    (folder / "empty.yaml").write_bytes(b"")
    (folder / "broken.yaml").write_bytes(b"a: [\n")
    (folder / "latin.yaml").write_bytes(b"a: \xe9\n")
    (folder / "scalar.yaml").write_bytes(b"3\n")
    (folder / "escape.yaml").write_bytes(b'"\\x1b[31m\\nred": 1\n')
    (folder / "kept.yaml").write_bytes(b"kept: true\n")
    return folder
