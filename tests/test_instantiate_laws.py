"""Laws 3 and 4: what ``instantiate`` and ``fdl.build(from_hydra(...))`` make, against Hydra itself."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from hypothesis import assume, given
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_difference
from tests import components as c
from tests.config_strategies import call_site_arguments, configs

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True, scope="module")
def counting_resolver() -> Iterator[None]:
    """A resolver that tells how often it was asked."""
    OmegaConf.register_new_resolver("counted", lambda: next(COUNTER), replace=True)
    yield
    OmegaConf.clear_resolver("counted")


COUNTER: Iterator[int] = itertools.count()


def outcome(make: Any) -> tuple[Any, Any, list[str]]:
    """What a call returns or raises, and the calls of recording targets."""
    global COUNTER
    COUNTER = itertools.count()
    c.CALLS.clear()
    try:
        return make(), None, list(c.CALLS)
    except Exception as error:  # the types of all errors are compared
        return None, type(error), list(c.CALLS)


def same(ours: tuple[Any, Any, list[str]], theirs: tuple[Any, Any, list[str]]) -> str | None:
    if ours[1:] != theirs[1:]:
        return f"{ours[1:]} is not {theirs[1:]}"
    return first_difference(ours[0], theirs[0])


@given(configs())
def test_law_3_instantiate_makes_what_hydra_makes(config: Any) -> None:
    main = config._get_node("main")
    assume(OmegaConf.is_config(main))
    # Hydra 1.3 resolves parts of the caller's config in place: it gets a copy.
    theirs_config = copy.deepcopy(config)
    theirs = outcome(lambda: hydra.utils.instantiate(theirs_config._get_node("main")))
    before = copy.deepcopy(config)
    ours = outcome(lambda: fhb.instantiate(config._get_node("main")))
    assert same(ours, theirs) is None
    assert first_difference(config, before) is None


@given(configs(), call_site_arguments())
def test_law_3_holds_with_call_site_arguments(config: Any, arguments: Any) -> None:
    args, kwargs = arguments
    main = config._get_node("main")
    assume(OmegaConf.is_config(main))
    theirs_config = copy.deepcopy(config)
    theirs = outcome(lambda: hydra.utils.instantiate(theirs_config._get_node("main"), *args, **copy.deepcopy(kwargs)))
    before = copy.deepcopy(config)
    ours = outcome(lambda: fhb.instantiate(config._get_node("main"), *args, **kwargs))
    assert same(ours, theirs) is None
    assert first_difference(config, before) is None


@given(configs())
def test_law_3_holds_for_the_whole_config(config: Any) -> None:
    theirs_config = copy.deepcopy(config)
    theirs = outcome(lambda: hydra.utils.instantiate(theirs_config))
    ours = outcome(lambda: fhb.instantiate(config))
    assert same(ours, theirs) is None


@given(configs())
def test_law_4_the_graph_builds_what_hydra_makes(config: Any) -> None:
    main = config._get_node("main")
    assume(OmegaConf.is_dict(main) and not main._is_none() and not main._is_missing() and "_target_" in main)
    theirs_config = copy.deepcopy(config)
    theirs = outcome(lambda: hydra.utils.instantiate(theirs_config._get_node("main")))
    assume(theirs[1] is None)
    before = copy.deepcopy(config)
    ours = outcome(lambda: fdl.build(fhb.from_hydra(config._get_node("main"), convert="none")))
    assert first_difference(config, before) is None
    # A mapping that is no call node with a mode of its own is refused, not changed.
    assume(ours[1] is not fhb.UnsupportedValueError)
    assert ours[1] is None
    assert first_difference(ours[0], theirs[0]) is None
    assert sorted(ours[2]) == sorted(theirs[2])
