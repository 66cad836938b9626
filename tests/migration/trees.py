"""Trees of YAML for the tests: texts by path, written to a folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write"]


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Writes files by their relative paths, and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return folder
