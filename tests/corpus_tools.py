"""The corpus of real config trees: what its index lists, composed by the installed Hydra.

In comes the corpus folder (see its README), out go composed configs, each with its name or with what the installed
Hydra line says against it, and stand-ins for what is not installed: targets, resolvers, configs that projects register
from Python. ``test_corpus`` and the benchmarks use this module.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

__all__ = [
    "Composed",
    "Entry",
    "StandIn",
    "compose_all",
    "entries",
    "initialized",
    "ready",
    "stub_resolvers",
    "with_stand_ins",
]

#: OmegaConf's and Hydra's own resolvers, which stand already.
_KNOWN_RESOLVERS = frozenset({"oc.env", "oc.select", "hydra", "now"})


@dataclass(frozen=True)
class Entry:
    """One config of the index.

    Attributes:
        project: the repository, ``owner/name``.
        root: the folder of the config tree, relative to the corpus.
        name: the primary config.
        overrides: overrides, with the first option for a mandatory group that the config leaves open.
        stubs: configs that the project registers from Python, as ``group/name``; empty ones stand for them.
        version_base: the ``version_base`` of the project's app.
        uses_hydra: whether Hydra composes it; otherwise the file is the config.
        import_root: the folder that ``pkg://`` search paths start from, relative to the corpus.
    """

    project: str
    root: str
    name: str
    overrides: tuple[str, ...]
    stubs: tuple[str, ...]
    version_base: str | None
    uses_hydra: bool
    import_root: str | None

    def __str__(self) -> str:
        return " ".join((f"{self.root}/{self.name}", *self.overrides))


@dataclass(frozen=True)
class Composed:
    """A config of the corpus as the installed Hydra line composes it, or why it does not."""

    entry: Entry
    config: Any = None
    refusal: str | None = None


def entries(corpus: Path) -> list[Entry]:
    """Returns all configs of the index."""
    return [
        Entry(
            project=tree["repo"],
            root=tree["root"],
            name=config["name"],
            overrides=(*config["overrides"], *config["auto_overrides"]),
            stubs=tuple(config["stubs"]),
            version_base=tree["version_base"],
            uses_hydra=tree["kind"] == "hydra",
            import_root=tree["pythonpath_for_pkg"],
        )
        for tree in json.loads((corpus / "INDEX.json").read_text(encoding="utf-8"))
        for config in tree["configs"]
    ]


@contextmanager
def stub_resolvers(corpus: Path) -> Iterator[None]:
    """Registers stubs for the resolvers that the corpus uses, which say what they were asked. Never a real one."""
    trees = json.loads((corpus / "INDEX.json").read_text(encoding="utf-8"))
    used = {name for tree in trees for name in tree["resolvers"]} - _KNOWN_RESOLVERS
    stubbed = sorted(name for name in used if not OmegaConf.has_resolver(name))
    for name in stubbed:
        OmegaConf.register_new_resolver(name, _stub(name))
    try:
        yield
    finally:
        for name in stubbed:
            OmegaConf.clear_resolver(name)
        setup_globals()  # Hydra's own resolvers, `now` among them


def _stub(name: str) -> Callable[..., str]:
    return lambda *args: f"{name}({', '.join(map(str, args))})"


def compose_all(corpus: Path) -> list[Composed]:
    """Composes the configs of the index, those of one tree in one go: Hydra then reads each file once."""
    made = []
    for _, group in itertools.groupby(entries(corpus), key=lambda entry: (entry.root, entry.stubs)):
        made.extend(_compose_tree(corpus, list(group)))
    return made


def _compose_tree(corpus: Path, tree: list[Entry]) -> Iterator[Composed]:
    first = tree[0]
    folder = corpus / first.root
    if not first.uses_hydra:
        for entry in tree:
            yield Composed(entry, OmegaConf.load(folder / f"{entry.name}.yaml"))
        return
    with ready(corpus, first):
        for entry in tree:
            try:
                yield Composed(entry, compose(entry.name, list(entry.overrides)))
            except (HydraException, OmegaConfBaseException) as error:
                yield Composed(entry, refusal=f"{type(error).__name__}: {str(error).splitlines()[0]}")


@contextmanager
def ready(corpus: Path, entry: Entry) -> Iterator[None]:
    """Makes Hydra compose the configs of an entry's tree, with what its project registers and imports."""
    folder = corpus / entry.root
    with _importable(corpus, entry), _stub_configs(entry), initialized(folder, entry.version_base):
        yield


@contextmanager
def initialized(folder: Path, version_base: str | None = None) -> Iterator[None]:
    """Makes Hydra compose from a folder, with a clock that stands still."""
    try:
        initialize_config_dir(str(folder), version_base=version_base)
    except HydraException as error:
        if "version_base" not in str(error):
            raise
        # Hydra 1.4 refuses old ones; an app that moves there leaves it out.
        initialize_config_dir(str(folder), version_base=None)
    # Hydra has just registered its own.
    OmegaConf.register_new_resolver("now", _stub("now"), replace=True)
    try:
        yield
    finally:
        GlobalHydra.instance().clear()


@contextmanager
def _importable(corpus: Path, entry: Entry) -> Iterator[None]:
    if entry.import_root is None:
        yield
        return
    folder = corpus / entry.import_root
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if (folder / name.partition(".")[0]).is_dir()]:
            del sys.modules[name]


@contextmanager
def _stub_configs(entry: Entry) -> Iterator[None]:
    Plugins.instance()  # registers the plugins' own configs, which must stay
    store = ConfigStore.instance()
    state = store.repo
    store.repo = _copied(state)
    try:
        for stub in entry.stubs:
            group, _, name = stub.rpartition("/")
            store.store(name=name, group=group or None, node={})
        yield
    finally:
        store.repo = state


def _copied(repo: dict[str, Any]) -> dict[str, Any]:
    return {name: _copied(node) if type(node) is dict else node for name, node in repo.items()}


class StandIn:
    """Stands for any target of the corpus: an object that keeps what it is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs


def with_stand_ins(config: Any) -> Any:
    """Returns a copy of a config that can be instantiated here.

    Every target is a :class:`StandIn`, whose argument ``was`` is the target's path; what is mandatory is given.
    """
    return OmegaConf.create(_stood_in(OmegaConf.to_container(config, resolve=False)))


def _stood_in(data: Any) -> Any:
    if isinstance(data, list):
        return [_stood_in(item) for item in data]
    if isinstance(data, dict):
        made = {key: _stood_in(item) for key, item in data.items()}
        if "_target_" in made:
            made |= {"_target_": f"{__name__}.StandIn", "was": made["_target_"]}
        return made
    return "given" if data == "???" else data
