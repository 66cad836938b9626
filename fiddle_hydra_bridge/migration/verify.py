"""The proof: every config, composed from YAML and from the package by the installed Hydra, and compared.

In come two places that Hydra can compose from, out go :class:`~fiddle_hydra_bridge.migration.report.Row` rows, one for
each config. ``worker`` runs this in a process of its own, since composing changes what is global in Hydra.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from fiddle_hydra_bridge.convert.dialects import translate
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.errors import BridgeError, first_line
from fiddle_hydra_bridge.migration.constants import Survey, final_value, pieces_of
from fiddle_hydra_bridge.migration.report import Row
from fiddle_hydra_bridge.migration.scan import ConfigFile, read
from fiddle_hydra_bridge.migration.stand_ins import stand_in_config
from fiddle_hydra_bridge.recipes.config_source import RecipeSource
from fiddle_hydra_bridge.recipes.provenance import Provenance

__all__ = ["Comparison", "difference"]

#: How many configs may be missing from a tree, and how many choices left open, before composing is given up.
_MOST_REPAIRS = 50
#: How many primary configs are tried, to compose an option with.
_MOST_PRIMARIES = 3
_OPEN_CHOICE = re.compile(r"You must specify '([^']+)'.*?Available options:\s*(\S[^\n]*)", re.DOTALL)

#: Tells, for a path, an interpolation of YAML and a leaf of the package, whether they mean the same.
Same: TypeAlias = Callable[[Path, Any, Any], bool]


class Outcome(NamedTuple):
    """What composing both ways has shown.

    Attributes:
        overrides: the overrides that were used, with those for choices that the config leaves open.
        refusal: why YAML does not compose, if so.
        difference: the first difference, if there is one.
    """

    overrides: list[str]
    refusal: str | None = None
    difference: str | None = None


@dataclass
class Comparison:
    """Compares a tree of YAML with a package.

    Attributes:
        folder: the root of the YAML files.
        package: the dotted name of the package, which can be imported.
        primaries: the names of the primary configs; options are composed with the first that Hydra composes.
        version_base: as the app gives it to ``hydra.main``.
        dialect: whose words the YAML speaks, if not Hydra's.
        inline: whether the package may have what an interpolation leads to in place of it.
        stand_ins: the configs that were missing from the tree and were taken for empty.
    """

    folder: str
    package: str
    primaries: Sequence[str]
    version_base: str | None = None
    dialect: str | None = None
    inline: bool = False
    stand_ins: list[str] = field(default_factory=list)
    #: By group: the primary config that its options were composed with last, and the key of the override.
    _worked: dict[str, tuple[str, str]] = field(default_factory=dict)
    _composable: dict[str, list[str]] | None = None
    #: By config: the options of choices that it leaves open.
    _chosen: dict[str, dict[str, str]] = field(default_factory=dict)

    def rows(self, configs: Sequence[ConfigFile]) -> Iterator[Row]:
        """Yields a row for each config."""
        return map(self._row, configs)

    def survey(self, configs: Sequence[ConfigFile], survey: Survey) -> Iterator[str]:
        """Shows a survey what is composed from YAML: each primary config, and each option at each choice there is.

        A choice is a key of the command line, such as ``model``, ``model@teacher``, or ``opt@trainer.opt``, which
        takes every option of the group and of the groups below it. Options may bring new choices.

        Yields:
            each command line, when it is done.

        Raises:
            BridgeError: if it cannot be said where the values of a config come from.
        """
        pending: list[tuple[str, list[str], str]] = [(name, [], "") for name in self.primaries]
        known: set[str] = set()
        composed: set[str] = set()
        while pending:
            name, overrides, option = pending.pop(0)
            keys = self._surveyed(name, overrides, survey)
            yield " ".join((name, *overrides))
            if keys is None:
                continue
            composed.add(option)
            # What Hydra says of itself is nothing that interpolations of the tree are followed into.
            for key in (key for key in keys if key not in known and not key.startswith("hydra/")):
                known.add(key)
                pending += [
                    (name, [*overrides, _override(key, config)], config.path)
                    for config in configs
                    if _takes(key, config)
                ]
        for config in configs:
            if config.group and config.path not in composed:
                for name, overrides in self._ways(config):
                    if self._surveyed(name, overrides, survey) is not None:
                        break
                yield config.path

    def _surveyed(self, name: str, overrides: list[str], survey: Survey) -> list[str] | None:
        """Shows a config to a survey. Returns the keys of its choices, None if it does not compose."""
        failures: list[Exception] = []

        def look(config: Any) -> None:
            try:
                survey.add(Provenance(config, name, overrides))
            except Exception as error:  # what has composed is not refused: the failure is reported below
                failures.append(error)

        config, refusal = self._composed_from_yaml(name, overrides, look)
        for error in failures:
            way = " ".join((name, *overrides))
            raise BridgeError(f"where the values of {way} come from is not known: {first_line(error)}") from error
        return _keys(config) if refusal is None else None

    def compared(self, name: str, overrides: Sequence[str], stand_in: bool = True) -> Outcome:
        """Composes a config both ways.

        Args:
            name: the config.
            overrides: the overrides.
            stand_in: whether further configs that are missing from the tree are taken for empty.
        """
        used = list(overrides)
        expected, refusal = self._composed_from_yaml(name, used, stand_in=stand_in)
        if refusal is not None:
            return Outcome(used, refusal)
        expected = {"hydra": expected.pop("hydra"), **self._translated(expected)}
        try:
            found = self._compose(f"/fiddle:/{self.package}", name, used)
        except Exception as error:  # recipes and what they import may raise anything: then the package is different
            return Outcome(used, None, f"the package does not compose: {first_line(error)}")
        return Outcome(used, None, difference(expected, found, same=self._is_inlined(expected)))

    def _is_inlined(self, composed: Any) -> Same | None:
        """Tells whether the package has what an interpolation of YAML leads to."""
        if not self.inline:
            return None

        def same(path: Path, expected: Any, found: Any) -> bool:
            try:
                return repr(final_value(composed, path)) == repr(found)
            except LookupError:
                return False

        return same

    def _row(self, config: ConfigFile) -> Row:
        file = str(config.file)
        unlike = self._content_difference(config)
        if unlike is not None:
            return Row(config.path, file, "different", unlike)
        refusals: list[str] = []
        # Only what composes in no other way is composed with configs that are not there.
        ways = [(*way, stand_in) for stand_in in (False, True) for way in self._ways(config)]
        for name, overrides, stand_in in ways:
            outcome = self.compared(name, overrides, stand_in)
            if outcome.refusal is not None:
                refusals.append(outcome.refusal)
                continue
            way = " ".join((name, *outcome.overrides))
            if outcome.difference is not None:
                return Row(config.path, file, "different", f"{outcome.difference} (composing {way})")
            if name != config.path:
                self._worked[config.group] = (name, overrides[0].partition("=")[0])
            return Row(config.path, file, "equal", composed=way)
        return Row(config.path, file, "alike", refusals[-1])

    def _ways(self, config: ConfigFile) -> Iterator[tuple[str, list[str]]]:
        """Yields how a config can be composed: as an option of a primary config, then by itself."""
        if config.group:
            ways = [self._worked[config.group]] if config.group in self._worked else []
            for name, keys in self._composable_primaries().items():
                # What is nearest to the option first: its own group, then those above it, at their own places.
                taking = sorted((key for key in keys if _takes(key, config)), key=lambda key: (-len(_group(key)), key))
                ways += [(name, key) for key in (*taking, f"+{config.group}")]
            for name, key in dict.fromkeys(ways):
                yield name, [_override(key, config)]
        yield config.path, []

    def _composable_primaries(self) -> dict[str, list[str]]:
        """The first primary configs that Hydra composes, with the keys of their choices."""
        if self._composable is None:
            composed = ((name, self._composed_from_yaml(name, [])) for name in self.primaries)
            found = ((name, config) for name, (config, refusal) in composed if refusal is None)
            self._composable = {name: _keys(config) for name, config in itertools.islice(found, _MOST_PRIMARIES)}
        return self._composable

    def _content_difference(self, config: ConfigFile) -> str | None:
        """Compares what one file holds with what one recipe serves."""
        try:
            expected = self._translated(OmegaConf.to_container(OmegaConf.load(config.file), resolve=False))
        except (OmegaConfBaseException, YAMLError, OSError) as error:
            return f"OmegaConf cannot load the file: {first_line(error)}"
        try:
            served = RecipeSource("main", f"fiddle://{self.package}").load_config(config.path)
        except HydraException as error:
            return f"the recipe fails: {' '.join(str(error).split())}"
        package = read(config).package
        if served.header["package"] != package:
            return f"the package is {served.header['package']!r} instead of {package!r}"
        # What an interpolation leads to is only known, and compared, in a composed config.
        same: Same | None = _is_named if self.inline else None
        return difference(expected, OmegaConf.to_container(served.config, resolve=False), same=same)

    def _composed_from_yaml(
        self, name: str, overrides: list[str], look: Callable[[Any], None] | None = None, stand_in: bool = True
    ) -> tuple[Any, str | None]:
        """Composes a config from YAML; what the tree does not hold is taken for empty, open choices are made.

        Args:
            name: the config.
            overrides: the overrides; those that open choices need are added.
            look: is called with the DictConfig, while Hydra is initialised for it.
            stand_in: whether further configs that are missing are taken for empty.
        """
        chosen = self._chosen.setdefault(name, {})
        given = {each.partition("=")[0] for each in overrides}
        overrides += [f"{group}={option}" for group, option in chosen.items() if group not in given]
        for _ in range(_MOST_REPAIRS):
            try:
                return self._compose(self.folder, name, overrides, look), None
            except MissingConfigException as error:
                missing = error.missing_cfg_file
                if not stand_in or not isinstance(missing, str) or missing == name or missing in self.stand_ins:
                    return None, first_line(error)
                self.stand_ins.append(missing)
                stand_in_config(missing)
            except Exception as error:  # plugins, resolvers and structured configs run here: all they raise is refusal
                choice = _OPEN_CHOICE.search(str(error))
                if choice is None or any(each.startswith(f"{choice[1]}=") for each in overrides):
                    return None, first_line(error)
                chosen[choice[1]] = choice[2].strip()
                overrides.append(f"{choice[1]}={chosen[choice[1]]}")
        return None, "too many configs are missing from the tree"

    def _compose(self, folder: str, name: str, overrides: list[str], look: Callable[[Any], None] | None = None) -> Any:
        GlobalHydra.instance().clear()
        with initialize_config_dir(folder, job_name="migrate", **self._options()):
            config = compose(name, overrides, return_hydra_config=True)
            if look is not None:
                look(config)
        data: Any = OmegaConf.to_container(config, resolve=False)
        # Where the configs come from is what should differ.
        del data["hydra"]["runtime"]["config_sources"]
        return {"hydra": data.pop("hydra"), **data}

    def _translated(self, data: Any) -> Any:
        return data if self.dialect is None else translate(self.dialect, data)[0]

    def _options(self) -> dict[str, Any]:
        return {} if self.version_base is None else {"version_base": self.version_base}


def _keys(composed: Any) -> list[str]:
    """The keys of the choices that a composed config leaves to the command line."""
    return [*composed["hydra"]["runtime"]["choices"]]


def _group(key: str) -> str:
    """The config group of an override's key, e.g. of ``+model@teacher``."""
    return key.removeprefix("+").partition("@")[0]


def _takes(key: str, config: ConfigFile) -> bool:
    """Whether a config is an option for a key: of its group, or of one below it."""
    return config.path.startswith(f"{_group(key)}/")


def _override(key: str, config: ConfigFile) -> str:
    return f"{key}={_quoted(config.path.removeprefix(f'{_group(key)}/'))}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w./-]+", name) else "'{}'".format(name.replace("\\", "\\\\").replace("'", "\\'"))


def _is_named(path: Path, expected: Any, found: Any) -> bool:
    """Whether an interpolation only names other values, and what was found in its place is a value."""
    is_named = type(expected) is str and pieces_of(expected) is not None
    return is_named and not isinstance(found, dict | list) and "${" not in str(found)


def difference(expected: Any, found: Any, path: Path = (), same: Same | None = None) -> str | None:
    """Returns the first difference between two configs as plain data: keys, order, types, values.

    Args:
        expected: what YAML gives.
        found: what the package gives.
        path: where in the config they stand.
        same: whether an interpolation of YAML and another leaf of the package mean the same.

    >>> difference({"a": [1, 2]}, {"a": [1, 2.0]})
    'a[1]: 2 in YAML, 2.0 in the package'
    """
    where = format_path(path) or "<root>"
    unlike = f"{where}: {expected!r} in YAML, {found!r} in the package"
    if same is not None and type(expected) is str and "${" in expected and expected != found:
        return None if same(path, expected, found) else unlike
    if type(expected) is not type(found):
        return unlike
    if isinstance(expected, dict):
        if [*map(repr, expected)] != [*map(repr, found)]:
            return f"{where}: the keys {list(expected)} in YAML, {list(found)} in the package"
        steps: Any = expected
    elif isinstance(expected, list | tuple):
        if len(expected) != len(found):
            return f"{where}: {len(expected)} items in YAML, {len(found)} in the package"
        steps = range(len(expected))
    else:
        # Their text tells more than equality: 0.0 from -0.0; and it does not tell one NaN from another.
        return None if repr(expected) == repr(found) else unlike
    inner = (difference(expected[step], found[step], (*path, step), same) for step in steps)
    return next((each for each in inner if each is not None), None)
