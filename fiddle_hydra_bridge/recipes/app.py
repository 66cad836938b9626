"""``fhb.main``: a Hydra app whose function receives a Fiddle graph.

In comes a function, out goes what ``hydra.main`` makes of it. Composition, overrides, output folders, logging, sweeps
and launchers are Hydra's; ``config_source`` lets ``config_path`` name recipes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from fiddle_hydra_bridge.convert.bridge import Options, from_hydra, from_marked
from fiddle_hydra_bridge.convert.build_errors import failed_node
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13

__all__ = ["main"]


def main(
    config_path: str | None = None,
    config_name: str | None = None,
    version_base: str | None = None,
    *,
    share: bool = False,
    convert: str = "all",
    allow: str | Iterable[str] | None = None,
    **options: Any,
) -> Callable[[Callable[[Any], Any]], Callable[..., Any]]:
    """Decorates the function of an app, as ``hydra.main``: it receives the composed config as a Fiddle graph.

    Sections are attributes: ``graph.model.dim``. Interpolations that do not resolve are links, and raise only when
    they are built.

    Args:
        config_path: as for ``hydra.main``, or ``fiddle://my_pkg.recipes``.
        config_name: the primary config: a YAML file or a recipe.
        version_base: as for ``hydra.main``.
        share: whether ``${node}`` means the same instance as the node; otherwise it is a copy, as in Hydra.
        convert: what call nodes that do not set ``_convert_`` do with containers, as for ``from_hydra``.
        allow: patterns of target paths, as for ``from_hydra``.
        **options: what else the installed ``hydra.main`` takes, such as ``execution_whitelist`` on Hydra 1.4.

    Raises:
        TypeError: for options that the installed ``hydra.main`` does not take.
        BridgeError: in the app, if the composed config cannot be converted.

    Example:
        >>> @main(config_path="fiddle://my_pkg.recipes", config_name="pretrain")
        ... def train(graph):
        ...     graph.trainer.max_steps = 10
        ...     fdl.build(graph)()
    """

    def decorate(function: Callable[[Any], Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def task(config: Any) -> Any:
            try:
                return function(from_hydra(config, share=share, convert=convert, allow=allow))
            except Exception as error:
                _add_place(error, config, Options(convert=convert, share=share, allow=allow))
                raise

        # Hydra 1.3 takes a version_base that is left out for one of 1.1, Hydra 1.4 warns of any that is given.
        if version_base is not None or IS_HYDRA_13:
            options["version_base"] = version_base
        run: Callable[..., Any] = hydra.main(config_path=config_path, config_name=config_name, **options)(task)
        return run

    return decorate


def _add_place(error: Exception, config: Any, options: Options) -> None:
    """Says in which line of which file that stands which made an app fail.

    Raises:
        BridgeError: the same as the error, but with places.
    """
    failed = failed_node(error)
    if failed is None and not isinstance(error, BridgeError):
        return
    # Where values come from is found out only here: an app that works does not pay for it.
    from fiddle_hydra_bridge.recipes.provenance import Provenance

    own = HydraConfig.get()
    # As text: an override may hold an interpolation.
    overrides: Any = OmegaConf.to_container(own.overrides, resolve=False)
    try:
        provenance = Provenance(config, own.job.config_name, [*overrides["hydra"], *overrides["task"]])
    except Exception:  # nothing that is done to explain an error may take its place
        return
    if failed is None:
        try:
            from_marked(config, *provenance.marks(config), options)
        except BridgeError as placed:
            raise placed from None
    else:
        place = provenance.place_of_node(*failed)
        if place is not None:
            error.add_note(f"configured at {place}")
