"""``fhb.compose``: a config composed by Hydra, as a graph whose values know their lines.

In come the name of a config and overrides, out goes a graph. Hydra composes; ``provenance`` stands above and says where
the values come from; the converters make the graph.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import fiddle as fdl
import hydra
from fiddle import daglish
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase
from omegaconf import OmegaConf, open_dict, read_write

from fiddle_hydra_bridge.convert.bridge import Options, from_marked, guarded
from fiddle_hydra_bridge.convert.histories import add_earlier
from fiddle_hydra_bridge.errors import ParameterError
from fiddle_hydra_bridge.recipes.failures import placed_failures
from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13
from fiddle_hydra_bridge.recipes.provenance import Explanation, Provenance

__all__ = ["compose", "explain", "traced", "without_hydra"]


@guarded
def compose(
    config_name: str | None,
    overrides: Sequence[str] = (),
    *,
    config_dir: str | os.PathLike[str] | None = None,
    config_module: str | None = None,
    **options: Any,
) -> Any:
    """Composes a config as a Hydra app does, and converts it to a graph whose values know where they were set.

    Fiddle's history shows the places: ``fiddle.printing.history_per_leaf_parameter(graph)``. Hydra's global state is
    left as it was.

    Args:
        config_name: the primary config.
        overrides: overrides as on the command line: ``model=llama``, ``+experiment=quick``, ``model.dim=3``.
        config_dir: the folder of configs, from the current directory on. Without it and ``config_module``, the
            initialised Hydra composes: that of the app that runs, or of ``hydra.initialize``.
        config_module: the package of configs, e.g. ``my_app.conf``; or ``fiddle://my_app.recipes`` for recipes.
        **options: as for ``from_hydra``: ``allow=`` for configs that are not trusted, ``share=``, ``links=`` ...

    Returns:
        the graph, as ``from_hydra`` gives it.

    Raises:
        BridgeError: with every problem that was found, and the line of the file or the override that made it.
        hydra.errors.HydraException: if the config cannot be composed.

    Example:
        >>> graph = compose("config", ["trainer.max_steps=10"], config_dir="conf")
        >>> graph.trainer.max_steps
        10
        >>> print(graph.model.config.__argument_history__["hidden"][-1].location)
        conf/model/llama3_tiny.yaml:6
    """
    chosen = Options.named(options)
    with traced(config_name, overrides, config_dir=config_dir, config_module=config_module) as provenance:
        part = without_hydra(provenance.config)
        graph = from_marked(part, *provenance.marks(part), chosen)
    _add_earlier_values(graph, provenance)
    return graph


def _add_earlier_values(graph: Any, provenance: Provenance) -> None:
    """Writes what was overridden into Fiddle's history, before what stands."""
    for node, path in daglish.iterate(graph):
        if isinstance(node, fdl.Buildable):
            steps = tuple(_step(element) for element in path)
            for key in node.__arguments__:
                earlier = list(provenance.earlier((*steps, key)))
                if earlier:
                    add_earlier(node, key, earlier)


def _step(element: daglish.PathElement) -> Any:
    """The key that an element of Fiddle's path has in the config."""
    if isinstance(element, daglish.Attr):
        return element.name
    return element.key if isinstance(element, daglish.Key) else element.index


@guarded
def explain(
    config_name: str | None,
    overrides: Sequence[str] = (),
    key: str = "",
    *,
    config_dir: str | os.PathLike[str] | None = None,
    config_module: str | None = None,
) -> Explanation:
    """Tells where a value of a composed config comes from.

    Args:
        config_name: as for :func:`compose`.
        overrides: as for :func:`compose`.
        key: the config path, e.g. ``model.layers[0].dim``.
        config_dir: as for :func:`compose`.
        config_module: as for :func:`compose`.

    Raises:
        ParameterError: if the config has no such key.
        BridgeError, hydra.errors.HydraException: as :func:`compose`.

    Example:
        >>> print(explain("config", ["trainer.max_steps=10"], "optim.lr_scheduler.max_steps", config_dir="conf"))
        optim.lr_scheduler.max_steps = 10
          conf/optim/adam.yaml:5:3: '${trainer.max_steps}'
              brought in by conf/config.yaml:5:5
            trainer.max_steps = 10
              command line: trainer.max_steps=10: 10
              conf/config.yaml:16:3: 600  (overridden)
    """
    with traced(config_name, overrides, config_dir=config_dir, config_module=config_module) as provenance:
        return provenance.explain(key)


@contextmanager
def traced(
    config_name: str | None,
    overrides: Sequence[str] = (),
    *,
    config_dir: str | os.PathLike[str] | None = None,
    config_module: str | None = None,
) -> Iterator[Provenance]:
    """Composes a config and yields where all its values come from, for those who ask for more than one key.

    Args:
        config_name: as for :func:`compose`.
        overrides: as for :func:`compose`.
        config_dir: as for :func:`compose`.
        config_module: as for :func:`compose`.

    Raises:
        BridgeError, hydra.errors.HydraException: as :func:`compose`.
    """
    if isinstance(overrides, str) or not all(isinstance(text, str) for text in overrides):
        raise ParameterError(f"overrides must be a list of strings, got {overrides!r}")
    with _initialized(config_dir, config_module):
        with placed_failures(config_name, overrides):
            config = hydra.compose(config_name, list(overrides), return_hydra_config=True)
        with _as_current(config):
            yield Provenance(config, config_name, overrides)


def without_hydra(config: Any) -> Any:
    """Returns a copy of a composed config as an app's function receives it."""
    part = copy.deepcopy(config)
    with read_write(part), open_dict(part):
        part.pop("hydra", None)
    return part


@contextmanager
def _initialized(config_dir: str | os.PathLike[str] | None, config_module: str | None) -> Iterator[None]:
    """Makes Hydra compose from a folder or package, and puts everything back."""
    if config_dir is not None and config_module is not None:
        raise ParameterError("give a config_dir or a config_module, not both")
    state = GlobalHydra.instance()
    if config_dir is None and config_module is None:
        if not state.is_initialized():
            raise ParameterError("Hydra is not initialised: give a config_dir or a config_module")
        yield
        return
    before = state.hydra, VersionBase.instance().getbase(), JobRuntime.instance().get("name")
    state.clear()
    try:
        _initialize(config_dir, config_module)
        yield
    finally:
        # `initialize_config_dir` puts a copy back, with which the sources of a running app would be read anew.
        state.hydra = before[0]
        VersionBase.instance().version_base = before[1]
        JobRuntime.instance().set("name", before[2])


def _initialize(config_dir: str | os.PathLike[str] | None, config_module: str | None) -> None:
    # Hydra 1.3 takes a version_base that is left out for one of 1.1, Hydra 1.4 warns of any that is given.
    base: dict[str, Any] = {"version_base": None} if IS_HYDRA_13 else {}
    if config_dir is not None:
        hydra.initialize_config_dir(os.path.abspath(config_dir), **base)
    elif config_module is not None and "://" not in config_module:
        hydra.initialize_config_module(config_module, **base)
    else:
        # A source is named like a folder; the search path knows what is meant.
        hydra.initialize_config_dir(os.path.join(os.getcwd(), str(config_module)), **base)


@contextmanager
def _as_current(config: Any) -> Iterator[None]:
    """Lets ``${hydra:...}`` resolve: in an app to the app's, otherwise to what was composed."""
    current = HydraConfig.instance()
    if current.cfg is not None:
        yield
        return
    current.set_config(config)
    _mark_missing(current.cfg)
    try:
        yield
    finally:
        current.cfg = None


def _mark_missing(config: Any) -> None:
    """Keeps what only a run knows from resolving: Hydra's resolver gives None for a value that is missing."""
    with read_write(config), open_dict(config):
        for key in config if OmegaConf.is_dict(config) else range(len(config)):
            if OmegaConf.is_missing(config, key):
                config[key] = "${only_known_in_a_run}"
            elif not OmegaConf.is_interpolation(config, key) and OmegaConf.is_config(config[key]):
                _mark_missing(config[key])
