"""Graphs in files: YAML and JSON in Hydra's spelling.

In come paths and graphs; ``bridge`` stands above and converts the text.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fiddle_hydra_bridge.convert.bridge import Options, from_parsed, from_yaml, guarded, to_data
from fiddle_hydra_bridge.convert.codec import Codec
from fiddle_hydra_bridge.convert.docs import comments_for
from fiddle_hydra_bridge.convert.paths import format_path
from fiddle_hydra_bridge.convert.tree import MISSING, TAGGED, Data, Link, Marks
from fiddle_hydra_bridge.convert.yaml_text import emit
from fiddle_hydra_bridge.errors import (
    BridgeError,
    Place,
    Problem,
    SyntaxProblemError,
    TargetError,
    UnsupportedValueError,
    raise_problems,
)

__all__ = ["decoded", "load", "read_text", "replace_file", "save", "text_of"]

_KINDS = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


@guarded
def load(path: str | os.PathLike[str], **options: Any) -> Any:
    """Loads a Fiddle graph from a ``.yaml``, ``.yml`` or ``.json`` file in Hydra's spelling.

    Args:
        path: the file, UTF-8.
        **options: as ``from_hydra``.

    Raises:
        OSError: if the file cannot be read.
        BridgeError: as ``from_yaml``; for another suffix.
    """
    file = Path(path)
    kind = _kind_of(file)
    text = read_text(file, str(file))
    if kind == "yaml":
        return from_yaml(text, source=str(file), **options)
    return from_parsed(_parse_json(text, str(file)), Marks(str(file)), text, Options.named(options))


def read_text(file: Path, source: str) -> str:
    """Reads a file of UTF-8.

    Args:
        file: the file.
        source: its name in messages.

    Raises:
        OSError: if it cannot be read.
        SyntaxProblemError: if it is not UTF-8, with the place.
    """
    return decoded(file.read_bytes(), source)


def decoded(content: bytes, source: str) -> str:
    """Reads bytes as UTF-8, with or without a byte order mark.

    Raises:
        SyntaxProblemError: if they are not UTF-8, with the place.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        lines = content[: error.start].decode("utf-8-sig").split("\n")
        place = Place(source, len(lines), len(lines[-1]) + 1)
        message = f"the file is not UTF-8: {error.reason}"
        raise SyntaxProblemError(Problem(message, place=place, kind=SyntaxProblemError)) from error


@guarded
def save(
    graph: Any,
    path: str | os.PathLike[str],
    *,
    defaults: str = "set",
    comments: bool = False,
    codecs: Iterable[Codec] = (),
) -> None:
    """Saves a Fiddle graph to a ``.yaml``, ``.yml`` or ``.json`` file in Hydra's spelling.

    The file is replaced as a whole: whoever reads it sees the old text or the new one.

    Args:
        graph: as for ``to_hydra``.
        path: the file.
        defaults: as for ``to_hydra``.
        comments: as for ``to_yaml``; JSON has none.
        codecs: as for ``to_hydra``.

    Raises:
        OSError: if the file cannot be written.
        BridgeError: as ``to_hydra``; for another suffix.
    """
    kind = _kind_of(Path(path))
    replace_file(path, text_of(graph, kind, defaults=defaults, comments=comments, codecs=codecs))


def text_of(
    graph: Any, kind: str, *, defaults: str = "set", comments: bool = False, codecs: Iterable[Codec] = ()
) -> str:
    """Returns what :func:`save` writes to a file of a kind, ``"yaml"`` or ``"json"``."""
    data = to_data(graph, defaults, codecs)
    _check_names(data)
    if kind == "yaml":
        return emit(data, comments=comments_for(data) if comments else None)
    return json.dumps(data, indent=2, ensure_ascii=False, default=_json_leaf) + "\n"


def _check_names(data: Data) -> None:
    """Refuses names that only this process knows.

    Raises:
        TargetError: for a function or class of the script that is running.
    """
    problems = []
    pending: list[tuple[tuple[object, ...], Data]] = [((), data)]
    while pending:
        path, node = pending.pop()
        if type(node) is dict:
            problems += [_local_name(name, (*path, key)) for key, name in _names(node) if name.startswith("__main__.")]
            pending.extend(((*path, key), node[key]) for key in reversed(node))
        elif type(node) is list:
            pending.extend(((*path, index), node[index]) for index in reversed(range(len(node))))
    raise_problems(problems)


def _names(node: dict[str, Data]) -> Iterator[tuple[str, str]]:
    """Yields the dotted paths that a node names: its target, the object that it stands for, its tags."""
    target = node.get("_target_")
    for key in ("_target_", "path" if target == "hydra.utils.get_object" else "", "tags" if target == TAGGED else ""):
        for name in node.get(key, ()) if key == "tags" else [node.get(key)]:
            if isinstance(name, str):
                yield key, name


def _local_name(name: str, path: tuple[object, ...]) -> Problem:
    return Problem(
        f"{name!r} is the name of something in the running script, which no other process can import",
        format_path(path),
        hint="move it to a module, or run the script with 'python -m'",
        kind=TargetError,
    )


def replace_file(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file as a whole: whoever reads it sees the old text or the new one.

    Raises:
        OSError: if it cannot be written.
        UnsupportedValueError: if the text is no Unicode.
    """
    # A symbolic link stays one: what it names is replaced.
    file = Path(os.path.realpath(path))
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsupportedValueError("a string holds a lone surrogate, which no file in UTF-8 can hold") from error
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=file.parent)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _permissions(file))
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _permissions(file: Path) -> int:
    """Those of the file that is replaced, or those that a new file gets."""
    if file.exists():
        return file.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _kind_of(file: Path) -> str:
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise BridgeError(f"the suffix of {str(file)!r} is not .yaml, .yml or .json")
    return kind


def _parse_json(text: str, source: str) -> Data:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            problem = Problem(f"found duplicate key {twice!r}", place=Place(source, 1, 1), kind=SyntaxProblemError)
            raise SyntaxProblemError(problem)
        return found

    try:
        data = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        place = Place(source, error.lineno, error.colno)
        raise SyntaxProblemError(Problem(error.msg, place=place, kind=SyntaxProblemError)) from error
    except RecursionError as error:
        problem = Problem("the document is nested too deeply", place=Place(source, 1, 1), kind=SyntaxProblemError)
        raise SyntaxProblemError(problem) from error
    if not isinstance(data, dict | list):
        message = f"the document must be an object or an array, not {type(data).__name__}"
        raise SyntaxProblemError(Problem(message, place=Place(source, 1, 1), kind=SyntaxProblemError))
    return data


def _json_leaf(leaf: Any) -> str:
    if type(leaf) is Link:
        return leaf.expression
    if leaf is MISSING:
        return "???"
    raise TypeError(f"no JSON for {leaf!r}")
