"""What a tree of configs holds: its files, as Hydra sees them.

In comes a folder, out come :class:`ConfigFile` rows in the order of their paths, and the reasons why other files are
no configs. Contents are read one file at a time, by :func:`read`, so that a large tree takes no more memory than a
small one. ``plan`` stands below and finds places for the files in a package.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra.plugins.config_source import ConfigSource

from fiddle_hydra_bridge.convert.dialects import translate
from fiddle_hydra_bridge.convert.tree import Data, Marks
from fiddle_hydra_bridge.convert.yaml_comments import Comment, comments_in
from fiddle_hydra_bridge.convert.yaml_text import parse
from fiddle_hydra_bridge.errors import BridgeError, Place, Problem, SyntaxProblemError
from fiddle_hydra_bridge.recipes.registry import config_path

__all__ = ["ConfigFile", "Content", "Skipped", "read", "scan"]

#: How many characters Hydra reads to find the header of a file.
_HEADER = 512
#: What would need escapes in a string literal, which names in ``@fhb.recipe(...)`` are read without.
_UNREADABLE = re.compile(r"[\"'\\]")


@dataclass(frozen=True)
class ConfigFile:
    """A file that Hydra offers as a config.

    Attributes:
        file: where it is.
        group: its config group, with slashes; empty for a primary config.
        name: its name as an option.
    """

    file: Path
    group: str
    name: str

    @property
    def path(self) -> str:
        """Its config path, e.g. ``"model/llama"``."""
        return config_path(self.group, self.name)


@dataclass(frozen=True)
class Skipped:
    """A file that cannot be migrated, and why."""

    file: Path
    reason: str


@dataclass(frozen=True)
class Content:
    """What a config file holds.

    Attributes:
        data: its content.
        marks: where the entries stand.
        comments: its comments, without the header.
        package: what ``# @package`` in its header says, if anything.
    """

    data: Data
    marks: Marks
    comments: list[Comment]
    package: str | None


def scan(folder: Path) -> tuple[list[ConfigFile], list[Skipped]]:
    """Lists a tree of configs.

    Folders are groups, whatever else they hold; links to folders are followed, but not in circles.

    Args:
        folder: the root of the tree, what an app names as its ``config_path``.

    Returns:
        the configs, sorted by path, and the files that look like configs and are none.
    """
    found: list[ConfigFile] = []
    skipped: list[Skipped] = []
    for file, group in _files(folder, "", (os.path.realpath(folder),)):
        if file.suffix not in (".yaml", ".yml"):
            if file.suffix.lower() in (".yaml", ".yml"):
                skipped.append(Skipped(file, f"Hydra reads only files that end in .yaml, not in {file.suffix}"))
            continue
        # Apps of a version_base below 1.2 can name a .yml file, with its suffix.
        config = ConfigFile(file, group, file.stem if file.suffix == ".yaml" else file.name)
        if _UNREADABLE.search(config.path) or not config.path.isprintable():
            skipped.append(Skipped(file, "its path holds quotes, backslashes or characters that cannot be printed"))
        else:
            found.append(config)
    found.sort(key=lambda each: (each.group, each.name))
    return found, skipped


def _files(folder: Path, group: str, above: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if real not in above:
                yield from _files(Path(entry.path), config_path(group, entry.name), (*above, real))
        elif entry.is_file():
            yield Path(entry.path), group


def read(config: ConfigFile, dialect: str | None = None) -> Content:
    """Reads a config file as Hydra does.

    Args:
        config: the file.
        dialect: whose words it speaks, as for ``from_hydra``; the content is in Hydra's.

    Raises:
        BridgeError: with the place of what is wrong.
        OSError: if the file cannot be read.
    """
    source = str(config.file)
    raw = config.file.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refused(f"the file is not UTF-8: {error.reason}", source, line) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        header = ConfigSource._get_header_dict(text[:_HEADER])
    except ValueError as error:
        raise _refused(f"Hydra cannot read the header: {error}", source, 1) from error
    data, marks = parse(text, source=source)
    if dialect is not None:
        data, _, moved = translate(dialect, data, marks=marks)
        marks = moved or marks
    comments = comments_in(text)
    if header["package"] is not None:
        # What looks like it further down is a comment, which Hydra does not read.
        said = next(comment for comment in comments if comment.text.strip().startswith("@package "))
        comments.remove(said)
    return Content(data, marks, comments, header["package"])


def _refused(message: str, source: str, line: int) -> BridgeError:
    return SyntaxProblemError(Problem(message, place=Place(source, line, 1), kind=SyntaxProblemError))
