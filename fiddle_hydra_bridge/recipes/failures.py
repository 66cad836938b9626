"""What is wrong with a config that Hydra does not compose, with its place.

In come Hydra's exceptions, out go errors of the bridge for what is wrong with the text of a file, and notes with places
on Hydra's own. ``marked_configs`` and ``layers`` stand above; ``compose`` calls this when Hydra has failed, and before,
for what Hydra 1.3 would not come back from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from fiddle_hydra_bridge.convert.files import read_text
from fiddle_hydra_bridge.convert.tree import Mark
from fiddle_hydra_bridge.convert.yaml_text import parse
from fiddle_hydra_bridge.errors import BridgeError, ExpansionError, Place, Problem, SyntaxProblemError
from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13, Repository, sources
from fiddle_hydra_bridge.recipes.layers import entry_for
from fiddle_hydra_bridge.recipes.marked_configs import MarkedConfig, file_of, read_file, shown
from fiddle_hydra_bridge.recipes.overrides import steps

__all__ = ["placed_failures"]

_ALIAS = re.compile(r"[\s\[{,:-]\*\w")
#: What Hydra and OmegaConf say of a config, of a key and of a group without a choice.
_CONFIG = re.compile(r"\b[Ii]n (?:'([^']+)'|([^\s':]+):)")
_KEY = re.compile(r"full_key: (\S+)")
_CHOICE = re.compile(r"You must specify '([^'@]+)")


@contextmanager
def placed_failures(config_name: str | None, overrides: Sequence[str]) -> Iterator[None]:
    """Adds the place to what Hydra raises while it composes.

    Raises:
        SyntaxProblemError: for a file that is not YAML as OmegaConf reads it, or that grows too much by aliases.
        BridgeError: for defaults lists that include each other.
        HydraException: Hydra's own, with a note that says where.
    """
    try:
        if IS_HYDRA_13:
            _refuse_bombs(config_name, overrides)
        yield
    except (YAMLError, UnicodeDecodeError) as error:
        problem = _Failure(config_name, overrides).syntax_problem()
        raise (problem.kind if problem else SyntaxProblemError)(problem or str(error)) from error
    except RecursionError:
        problem = _Failure(config_name, overrides).cycle()
        if problem is None:
            raise
        raise BridgeError(problem) from None
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        place = _Failure(config_name, overrides).place(error)
        if place is not None:
            error.add_note(f"at {place}")
        raise


class _Failure:
    """A composition that has failed, looked at once more.

    Attributes:
        sources: the config sources, as far as they are known.
        loaded: the configs that were asked for, in order.
    """

    def __init__(self, config_name: str | None, overrides: Sequence[str]) -> None:
        self.sources = sources()
        self.loaded = [] if config_name is None else [config_name]
        try:
            repository = Repository(config_name, overrides)
            self.sources = repository.sources
            self.loaded = repository.loaded
            repository.defaults_list()
        except Exception:  # this is what has been raised before, and is looked into
            pass

    def syntax_problem(self) -> Problem | None:
        """What the bridge's reader says of the file that could not be read."""
        file = self._file(self.loaded[-1]) if self.loaded else None
        if file is None:
            return None
        try:
            parse(read_text(Path(file), shown(file)), source=shown(file))
        except SyntaxProblemError as error:
            return error.problems[0]
        return None

    def cycle(self) -> Problem | None:
        """The defaults lists that include each other."""
        # Hydra asks twice for each config.
        names = [name for index, name in enumerate(self.loaded) if self.loaded[index - 1 : index] != [name]]
        before = [index for index, name in enumerate(names[:-1]) if name == names[-1]]
        if not before:
            return None
        first = next(index for index, name in enumerate(names) if name in names[before[-1] :])
        cycle = names[first : names.index(names[first], first + 1) + 1]
        config = self._config(cycle[0])
        mark = None if config is None else entry_for(config, cycle[1])
        place = None if mark is None else Place(*mark)
        return Problem(f"the defaults lists include each other: {' -> '.join(cycle)}", place=place)

    def place(self, error: BaseException) -> Place | None:
        """Where the entry, the key or the config stands that Hydra names."""
        mark = self._entry(error) or self._key(error)
        return None if mark is None else Place(*mark)

    def _entry(self, error: BaseException) -> Mark | None:
        """The entry of a defaults list that chooses nothing, or what is not there."""
        choice = _CHOICE.search(str(error))
        missing = f"{choice[1]}/???" if choice else getattr(error, "missing_cfg_file", None) or ""
        for name in reversed(self.loaded) if missing else ():
            config = self._config(name)
            mark = None if config is None else entry_for(config, missing)
            if mark is not None:
                return mark
        return None

    def _key(self, error: BaseException) -> Mark | None:
        """The key that is wrong in a config, or the config."""
        name = _CONFIG.search(str(error))
        config = self._config(name[1] or name[2]) if name else None
        if config is None:
            return None
        key = _KEY.search(str(error))
        return config.mark if key is None else _place_of(config, steps(key[1]))

    def _config(self, name: str) -> MarkedConfig | None:
        file = self._file(name)
        return None if file is None else read_file(name, file)

    def _file(self, name: str) -> str | None:
        source = next((source for source in self.sources if source.is_config(name)), None)
        return None if source is None else file_of(name, source)


def _place_of(config: MarkedConfig, path: list[str]) -> Mark:
    """The place of a key of the whole config in one of its parts, which need not know its package."""
    for start in range(len(path)):
        if type(config.shadow) is dict and path[start] in config.shadow:
            return config.place(tuple(path[start:]))
    return config.mark


def _refuse_bombs(config_name: str | None, overrides: Sequence[str]) -> None:
    """Refuses aliases that expand a file without measure: Hydra 1.3 would read it for hours, and take all memory.

    Which files it is going to read is not known before it has read some, so all of the search path are looked at.
    """
    known: set[str] = set()
    _refuse_bombs_in(sources(), known)
    try:
        more = Repository(config_name, overrides).sources
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError):
        return  # composing will say so
    _refuse_bombs_in(more, known)


def _refuse_bombs_in(found: Sequence[Any], known: set[str]) -> None:
    for source in found:
        if source.scheme() == "file" and source.path not in known:
            known.add(source.path)
            for file in sorted(Path(source.path).rglob("*.yaml")):
                _refuse_bomb(file)


def _refuse_bomb(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        if _ALIAS.search(text):
            parse(text, source=shown(str(file)))
    except ExpansionError:
        raise
    except (OSError, UnicodeDecodeError, SyntaxProblemError):
        pass  # Hydra reads it, or not: it may be no config at all
