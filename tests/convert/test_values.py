"""The codecs: a value comes back the same from ``decode`` and from plain Hydra, or is refused."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import functools
import math
import os.path
import pathlib
import re
import subprocess
import sys
import types
import uuid
import zoneinfo
from typing import Any

import fiddle as fdl
import hydra.utils
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiddle_hydra_bridge.convert.compare import equivalent
from fiddle_hydra_bridge.convert.tree import MISSING, VALUE, Call, Link, Tree
from fiddle_hydra_bridge.convert.values import (
    BUILTIN,
    Codec,
    Codecs,
    closed,
    decode,
    encode,
    is_leaf,
    no_spelling,
    plain_dict,
)
from fiddle_hydra_bridge.errors import BridgeError, TargetError, UnsupportedValueError
from tests.convert import value_types as vt

# Hydra 1.4 warns for every target that is called without a whitelist.
pytestmark = pytest.mark.filterwarnings("ignore:hydra.utils.instantiate.. resolved:UserWarning")

TYPES = "tests.convert.value_types"
NUMPY_BOOL = type(np.bool_(True)).__name__  # "bool" in numpy 2, "bool_" in numpy 1


def to_tree(value: Any, codecs: Codecs = BUILTIN) -> Tree:
    """Encodes a value as the spokes do."""
    if is_leaf(value):
        return value
    if type(value) is list:
        return [to_tree(item, codecs) for item in value]
    if plain_dict(value):
        return {key: to_tree(item, codecs) for key, item in value.items()}
    call = encode(value, lambda child: to_tree(child, codecs), codecs)
    if call is None:
        raise no_spelling(value)
    return call


def to_value(tree: Tree, codecs: Codecs = BUILTIN, allow: tuple[str, ...] | None = None) -> Any:
    """Decodes a tree as the spokes do: the arguments first."""
    if type(tree) is list:
        return [to_value(item, codecs, allow) for item in tree]
    if type(tree) is dict:
        return {key: to_value(item, codecs, allow) for key, item in tree.items()}
    if type(tree) is not Call:
        return tree
    args, kwargs = to_value(tree.args, codecs, allow), to_value(tree.kwargs, codecs, allow)
    ready = Call(tree.target, tree.kind, args, kwargs)
    return decode(ready, codecs, allow) if tree.kind == "value" else ready


def to_data(tree: Tree) -> Any:
    """Writes a tree as the data that plain Hydra reads."""
    if type(tree) is list:
        return [to_data(item) for item in tree]
    if type(tree) is dict:
        return {key: to_data(item) for key, item in tree.items()}
    if type(tree) is not Call:
        return tree
    data = {"_target_": tree.target, "_convert_": "all"}
    if tree.kind == "partial":
        data["_partial_"] = True
    if tree.args:
        data["_args_"] = to_data(tree.args)
    return data | to_data(tree.kwargs)


def by_hydra(tree: Tree) -> Any:
    return hydra.utils.instantiate({"_convert_": "all", "value": to_data(tree)})["value"]


def get(path: str) -> str:
    return f"value:hydra.utils.get_object(path={path!r})"


def made(call: str) -> str:
    return f"value:fiddle_hydra_bridge.value({call})"


def utc(hours: int = 0) -> str:
    return f"value:datetime.timezone(value:datetime.timedelta(0, {hours * 3600}, 0))"


#: The spelling of each kind of value: (value, its call as text).
ROWS: list[tuple[Any, str]] = [
    # Text that Hydra would not take literally.
    ("${a}", "value:builtins.str.join('', ['$', '{a}'])"),
    ("x$${a.b} \\${c}${", "value:builtins.str.join('', ['x$$', '{a.b} \\\\$', '{c}$', '{'])"),
    ("???", "value:builtins.str.join('', ['?', '??'])"),
    # Containers.
    ((), "value:builtins.tuple([])"),
    (
        (1, [2], ("${a}",)),
        "value:builtins.tuple([1, [2], value:builtins.tuple([value:builtins.str.join('', ['$', '{a}'])])])",
    ),
    (set(), "value:builtins.set([])"),
    ({10, 9, "b", "a", True}, "value:builtins.set([True, 9, 10, 'a', 'b'])"),
    (frozenset({(2, 1), None}), "value:builtins.frozenset([None, value:builtins.tuple([2, 1])])"),
    ({1: "a", None: {"b": 2}}, "value:builtins.dict([[1, 'a'], [None, {'b': 2}]])"),
    (
        {(1, 2): 3, "x": (4,)},
        "value:builtins.dict([[value:builtins.tuple([1, 2]), 3], ['x', value:builtins.tuple([4])]])",
    ),
    ({"_target_": "f"}, "value:builtins.dict([['_target_', 'f']])"),
    ({"_call_": False, "a": 1}, "value:builtins.dict([['_call_', False], ['a', 1]])"),
    (collections.OrderedDict(b=1, a=[2]), "value:collections.OrderedDict([['b', 1], ['a', [2]]])"),
    (collections.Counter("abca"), "value:collections.Counter({'a': 2, 'b': 1, 'c': 1})"),
    (collections.Counter([1, 1]), "value:collections.Counter(value:builtins.dict([[1, 2]]))"),
    (collections.deque([1, 2]), "value:collections.deque([1, 2])"),
    (collections.deque([1, 2], 5), "value:collections.deque([1, 2], 5)"),
    (
        collections.defaultdict(list, {1: [2]}),
        made(f"config:collections.defaultdict({get('builtins.list')}, [[1, [2]]])"),
    ),
    (collections.defaultdict(None), made("config:collections.defaultdict(None, [])")),
    # Bytes and numbers.
    (b"a\x00\xff", "value:builtins.bytes('a\\x00\xff', 'latin-1')"),
    (b"${a}", "value:builtins.bytes(value:builtins.str.join('', ['$', '{a}']), 'latin-1')"),
    (bytearray(b"ab"), "value:builtins.bytearray('ab', 'latin-1')"),
    (complex(-0.0, 1), "value:builtins.complex(-0.0, 1.0)"),
    (range(0, 10, 3), "value:builtins.range(0, 10, 3)"),
    (slice(None, (1, 2), -1), "value:builtins.slice(None, value:builtins.tuple([1, 2]), -1)"),
    (decimal.Decimal("-0.10"), "value:decimal.Decimal('-0.10')"),
    (decimal.Decimal("sNaN12"), "value:decimal.Decimal('sNaN12')"),
    (fractions.Fraction(-1, 3), "value:fractions.Fraction(-1, 3)"),
    # Names and times.
    (uuid.UUID(int=7), "value:uuid.UUID('00000000-0000-0000-0000-000000000007')"),
    (
        uuid.UUID(int=7, is_safe=uuid.SafeUUID.safe),
        f"value:uuid.UUID('00000000-0000-0000-0000-000000000007', is_safe={get('uuid.SafeUUID.safe')})",
    ),
    (datetime.date(2024, 2, 29), "value:datetime.date.fromisoformat('2024-02-29')"),
    (datetime.time(1, 2, 3, 4), "value:datetime.time.fromisoformat('01:02:03.000004')"),
    (datetime.datetime(2024, 1, 2), "value:datetime.datetime.fromisoformat('2024-01-02T00:00:00')"),
    (
        datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
        "value:datetime.datetime.fromisoformat('2024-01-02T00:00:00+00:00')",
    ),
    (datetime.timedelta(-1, 2, 3), "value:datetime.timedelta(-1, 2, 3)"),
    (datetime.UTC, utc()),
    (datetime.timezone(datetime.timedelta(hours=2)), utc(2)),
    (datetime.timezone(datetime.timedelta(hours=2), "X"), f"{utc(2)[:-1]}, 'X')"),
    (pathlib.Path("a/b c"), "value:pathlib.Path('a/b c')"),
    (pathlib.Path("${HOME}"), "value:pathlib.Path(value:builtins.str.join('', ['$', '{HOME}']))"),
    (pathlib.PurePosixPath("/a"), "value:pathlib.PurePosixPath('/a')"),
    (pathlib.PureWindowsPath("C:/a"), "value:pathlib.PureWindowsPath('C:\\\\a')"),
    (re.compile("a+", re.I), "value:re.compile('a+', 34)"),
    (re.compile(b"a+"), "value:re.compile(value:builtins.bytes('a+', 'latin-1'), 0)"),
    # Objects with a name.
    (int, get("builtins.int")),
    (vt.Plain, get(f"{TYPES}.Plain")),
    (vt.Recorded, get(f"{TYPES}.Recorded")),
    (vt.function, get(f"{TYPES}.function")),
    (len, get("builtins.len")),
    (math.sqrt, get("math.sqrt")),
    (str.upper, get("builtins.str.upper")),
    (vt.Plain.create, get(f"{TYPES}.Plain.create")),
    (vt.Plain.helper, get(f"{TYPES}.Plain.helper")),
    (vt.Plain.method, get(f"{TYPES}.Plain.method")),
    (vt.Color.RED, get(f"{TYPES}.Color.RED")),
    (vt.Color.CRIMSON, get(f"{TYPES}.Color.RED")),
    (vt.Level.HIGH, get(f"{TYPES}.Level.HIGH")),
    (vt.Mode.TRAIN, get(f"{TYPES}.Mode.TRAIN")),
    (vt.Access.READ, get(f"{TYPES}.Access.READ")),
    (vt.Access.ALL, get(f"{TYPES}.Access.ALL")),
    # Objects that a call makes.
    (vt.Access(0), made(f"config:{TYPES}.Access(0)")),
    (re.I | re.M, made("config:re.RegexFlag(10)")),
    (vt.Odd["not an identifier"], made(f"config:{TYPES}.Odd(1)")),
    (vt.Odd["a.b"], made(f"config:{TYPES}.Odd(value:builtins.tuple([1, 2]))")),
    (vt.Point(1, [2]), made(f"config:{TYPES}.Point(x=1, y=[2])")),
    (vt.Named(3), made(f"config:{TYPES}.Named(x=3, y=0)")),
    (vt.Renamed(1, 2), made(f"config:{TYPES}.Renamed(a=1, _1=2)")),
    (vt.Mutable(1, ["a"]), made(f"config:{TYPES}.Mutable(size=1, tags=['a'])")),
    (vt.Frozen(value=(1,)), made(f"config:{TYPES}.Frozen(value=value:builtins.tuple([1]), other=None)")),
    (vt.Box({"a": 1}), made(f"config:{TYPES}.Box(content={{'a': 1}})")),
    (vt.Child(1, extra=0.5), made(f"config:{TYPES}.Child(size=1, tags=[], extra=0.5)")),
    (vt.Box(vt.Mutable(1)), made(f"config:{TYPES}.Box(content={made(f'config:{TYPES}.Mutable(size=1, tags=[])')})")),
    (vt.Attrs(1, "p", label=2), made(f"config:{TYPES}.Attrs(size=1, private='p', label=2)")),
    (vt.FrozenAttrs(size=1), made(f"config:{TYPES}.FrozenAttrs(size=1)")),
    (functools.partial(vt.function, (1,)), made(f"partial:{TYPES}.function(value:builtins.tuple([1]))")),
    (functools.partial(dict, a=int), made(f"partial:builtins.dict(a={get('builtins.int')})")),
    # numpy.
    (np.float16(0.1), "value:numpy.float16(0.0999755859375)"),
    (np.float32(1.5), "value:numpy.float32(1.5)"),
    (np.float64(-0.0), "value:numpy.float64(-0.0)"),
    (np.int8(-128), "value:numpy.int8(-128)"),
    (np.uint64(2**64 - 1), f"value:numpy.uint64({2**64 - 1})"),
    (np.bool_(True), f"value:numpy.{NUMPY_BOOL}(True)"),
    (np.complex64(1 - 0j), "value:numpy.complex64(value:builtins.complex(1.0, 0.0))"),
    (np.str_("${a}"), "value:numpy.str_(value:builtins.str.join('', ['$', '{a}']))"),
    (np.bytes_(b"a\xff"), "value:numpy.bytes_(value:builtins.bytes('a\xff', 'latin-1'))"),
    (np.datetime64("2024-01-02"), "value:numpy.datetime64('2024-01-02', 'D')"),
    (np.datetime64("2024-01-02T03:04:05.000000006"), "value:numpy.datetime64('2024-01-02T03:04:05.000000006', 'ns')"),
    (np.datetime64(3, "25s"), "value:numpy.datetime64(3, '25s')"),
    (np.datetime64(99999, "Y"), "value:numpy.datetime64(99999, 'Y')"),
    (np.datetime64("NaT", "s"), "value:numpy.datetime64('NaT', 's')"),
    (np.datetime64("NaT"), "value:numpy.datetime64('NaT')"),
    (np.timedelta64(-5, "ms"), "value:numpy.timedelta64(-5, 'ms')"),
    (np.timedelta64(5), "value:numpy.timedelta64(5)"),
    (np.dtype("float32"), "value:numpy.dtype('float32')"),
    (np.dtype(">i2"), "value:numpy.dtype('>i2')"),
    (np.dtype("U5"), "value:numpy.dtype('<U5')"),
    (np.dtype("M8[25s]"), "value:numpy.dtype('<M8[25s]')"),
    (np.dtype(object), "value:numpy.dtype('object')"),
    (np.dtype("q"), f"value:numpy.dtype('{'int64' if np.dtype('int64').char == 'q' else 'q'}')"),
    (np.float32, get("numpy.float32")),
]
IDS = [f"{type(value).__name__}-{text[:60]}" for value, text in ROWS]


def is_same(value: Any, expected: Any) -> bool:
    """Equal in type and content; NaN and NaT equal themselves, signs of zero count."""
    if isinstance(expected, np.generic):
        same_type = type(value) is type(expected) and value.dtype == expected.dtype
        return same_type and value.tobytes() == expected.tobytes()
    return equivalent(value, expected)


class TestEncode:
    @pytest.mark.parametrize(("value", "text"), ROWS, ids=IDS)
    def test_spells_the_value_as_a_call_that_knows_it(self, value: Any, text: str) -> None:
        call = to_tree(value)
        assert repr(call) == text
        assert call.kind == "value"
        assert call.value is value
        assert closed(call)

    @pytest.mark.parametrize(
        "value", [None, True, 1, 1.5, "a", "", "$", "a$b{", "????", [1], {}, {"a": (1,)}], ids=repr
    )
    def test_needs_no_codec_for_what_a_tree_holds_itself(self, value: Any) -> None:
        assert BUILTIN.for_value(value) is None
        assert encode(value, to_tree) is None

    def test_writes_sets_in_an_order_that_does_not_depend_on_the_process(self) -> None:
        items = [
            frozenset({"b", "a"}),
            frozenset({"c"}),
            10,
            9,
            0.5,
            float("nan"),
            "z",
            "y",
            b"x",
            None,
            int,
            vt.Color.RED,
        ]
        for _ in range(len(items)):
            before = repr(to_tree(set(items)))
            items.append(items.pop(0))
            assert repr(to_tree(set(items))) == before

    @pytest.mark.parametrize(
        ("value", "mutable", "nested"),
        [
            ((1,), False, True),
            ({1: 2}, True, True),
            ({1}, True, False),
            (frozenset(), False, False),
            (bytearray(), True, False),
            (b"", False, False),
            (collections.defaultdict(), True, True),
            (collections.deque(), True, False),
            (vt.Point(1), False, True),
            (vt.Mutable(1), True, False),
            (vt.Attrs(1), True, False),
            (functools.partial(int), True, False),
            (vt.Color.RED, False, False),
            (int, False, False),
        ],
        ids=lambda value: getattr(value, "__name__", repr(value)),
    )
    def test_says_whether_identity_matters_and_whether_items_may_be_built_later(
        self, value: Any, mutable: bool, nested: bool
    ) -> None:
        codec = BUILTIN.for_value(value)
        assert codec is not None
        assert (codec.mutable, codec.nested) == (mutable, nested)


class TestRoundTrip:
    @pytest.mark.parametrize(("value", "_text"), ROWS, ids=IDS)
    def test_decode_gives_the_value_again(self, value: Any, _text: str) -> None:
        assert is_same(to_value(to_tree(value)), value)

    @pytest.mark.parametrize(("value", "_text"), ROWS, ids=IDS)
    def test_plain_hydra_makes_the_value(self, value: Any, _text: str) -> None:
        assert is_same(by_hydra(to_tree(value)), value)

    @pytest.mark.parametrize(("value", "_text"), ROWS, ids=IDS)
    def test_the_spelling_is_recognised(self, value: Any, _text: str) -> None:
        call = to_tree(value)
        codec = BUILTIN.for_call(call.target, call.args, call.kwargs)
        assert codec is not None
        assert codec.target == call.target

    @pytest.mark.parametrize(
        "value",
        [float("nan"), -0.0, complex(float("nan"), -0.0), np.float32("nan"), np.float16(-0.0), np.float64("inf")],
        ids=lambda value: f"{type(value).__name__}({value})",
    )
    def test_special_numbers_keep_type_sign_and_nan(self, value: Any) -> None:
        for result in (to_value(to_tree((value,))), by_hydra(to_tree((value,)))):
            assert type(result[0]) is type(value)
            assert repr(result[0]) == repr(value)

    def test_equal_values_of_other_types_stay_apart(self) -> None:
        value = (1, True, 1.0, np.float32(1), np.int64(1), decimal.Decimal(1), fractions.Fraction(1), vt.Level.LOW)
        for result in (to_value(to_tree(value)), by_hydra(to_tree(value))):
            assert [type(item) for item in result] == [type(item) for item in value]


def zone(seconds: int) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(seconds=seconds))


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
    | st.text(st.sampled_from("${}?.\\a:"), max_size=8)
)
#: Values that are hashable and not just leaves.
atoms = (
    leaves
    | st.binary()
    | st.complex_numbers()
    | st.decimals().filter(lambda number: not number.is_snan())  # a signalling NaN is not hashable
    | st.fractions()
    | st.uuids()
    | st.dates()
    | (st.times() | st.datetimes() | st.datetimes(timezones=st.integers(-86399, 86399).map(zone))).map(
        lambda time: time.replace(fold=0)
    )
    | st.timedeltas()
    | st.sampled_from([*vt.Color, *vt.Level, *vt.Mode, vt.Access(3), vt.Access(0), int, vt.Plain, len, vt.function])
    | st.text(st.sampled_from("ab/.${}"), max_size=8).map(pathlib.Path)
    | st.integers(-(2**31), 2**31 - 1).map(np.int32)
    | st.floats(width=32).map(np.float32)
    | st.tuples(st.integers(-(2**62), 2**62), st.sampled_from(["Y", "D", "s", "ns", "7us"])).map(
        lambda pair: np.timedelta64(*pair)
    )
)
hashables = st.recursive(atoms, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6)
values = st.recursive(
    atoms | st.binary().map(bytearray) | st.sets(hashables, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashables, inner, max_size=3)
        | st.builds(vt.Point, inner, inner)
        | st.builds(vt.Frozen, value=inner)
        | st.builds(vt.Attrs, inner, inner)
        | st.dictionaries(hashables, inner, max_size=3).map(lambda entries: collections.defaultdict(list, entries))
        | st.lists(inner, max_size=2).map(lambda args: functools.partial(vt.function, *args))
    ),
    max_leaves=8,
)


class TestProperties:
    @given(values)
    def test_any_value_comes_back_from_decode(self, value: Any) -> None:
        assert equivalent(to_value(to_tree(value)), value)

    @given(values)
    def test_any_value_comes_back_from_plain_hydra(self, value: Any) -> None:
        assert equivalent(by_hydra(to_tree(value)), value)

    @given(st.text(st.sampled_from("${}?\\a"), max_size=12))
    def test_no_piece_of_a_text_means_anything_to_hydra(self, text: str) -> None:
        tree = to_tree(text)
        pieces = [text] if tree == text else tree.args[1]
        assert all(map(is_leaf, pieces))
        assert "".join(pieces) == text

    @given(hashables)
    def test_a_value_is_spelled_the_same_each_time(self, value: Any) -> None:
        assert repr(to_tree(to_value(to_tree(value)))) == repr(to_tree(value))


class TestRefusals:
    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            # A subclass would come back as its base.
            (vt.Text("a"), "Text has no spelling"),
            (vt.Number(1), "Number has no spelling"),
            (vt.Real(1), "Real has no spelling"),
            (vt.Items(), "Items has no spelling"),
            (vt.Entries(), "Entries has no spelling"),
            (vt.Pair(), "Pair has no spelling"),
            (vt.Raw(), "Raw has no spelling"),
            (vt.Bag(), "Bag has no spelling"),
            (type("Stamp", (datetime.datetime,), {})(2024, 1, 1), "Stamp has no spelling"),
            (type("Single", (np.float32,), {})(1), "Single has no spelling"),
            (type("Bound", (functools.partial,), {})(int), "Bound has no spelling"),
            # No spelling at all.
            (object(), "object has no spelling"),
            (vt.Plain("a"), "Plain has no spelling"),
            (vt.Callable_(), "Callable_ has no spelling"),
            (iter([]), "list_iterator has no spelling"),
            (np.zeros(2), "ndarray has no spelling"),
            (np.longdouble(1), "longdouble has no spelling"),
            (types.SimpleNamespace(), "SimpleNamespace has no spelling"),
            (memoryview(b""), "memoryview has no spelling"),
            # No importable name.
            (lambda: None, "lambda"),
            (vt.make_local()[0], "Local"),
            (vt.make_local()[1], "local"),
            (vt.Plain("a").method, "method"),
            ([].append, "append"),
            (list[int], "list"),
            (functools.partial(lambda: None), "lambda"),
            # Text that does not say all.
            (datetime.datetime(2024, 1, 1, fold=1), "does not say all"),
            (datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")), "does not say all"),
            (datetime.time(1, tzinfo=datetime.timezone(datetime.timedelta(0), "X")), "does not say all"),
            (
                datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(microseconds=1))),
                "not say all",
            ),
            (np.dtype([("a", "i4")]), "no name"),
            (np.dtype(("i4", (2,))), "no name"),
            (np.dtype("i4", metadata={"a": 1}), "no name"),
            # Calling the class with its fields is not enough.
            (vt.Counted(1), "its arguments are not its fields"),
            (vt.Scaled(1), "its arguments are not its fields"),
            (vt.PostInit(1), "hook"),
            (vt.AttrsPostInit(1), "hook"),
            (vt.OwnInit(1), "__init__"),
            (vt.OwnSetattr(1), "__setattr__"),
            (vt.Clamped(1), "__new__"),
            (vt.Recorded(1), "metaclass"),
            (vt.ListWithName("a"), "built-in class"),
            (vt.Converted(1), "converter"),
            (vt.Reserved("a"), "_target_"),
            (functools.partial(vt.function, **{"_args_": 1}), "_args_"),
        ],
        ids=lambda value: value if isinstance(value, str) else type(value).__name__,
    )
    def test_what_would_not_come_back_the_same_is_refused(self, value: Any, reason: str) -> None:
        with pytest.raises(UnsupportedValueError, match=re.escape(reason)) as caught:
            to_tree(value)
        (problem,) = caught.value.problems
        assert problem.path is None
        assert problem.hint
        assert problem.kind is UnsupportedValueError

    @pytest.mark.parametrize(
        ("instance", "name"), [(vt.Mutable(1), "note"), (vt.Loose(1), "note"), (functools.partial(int), "note")]
    )
    def test_attributes_beyond_the_fields_are_refused(self, instance: Any, name: str) -> None:
        to_tree(instance)
        setattr(instance, name, 1)
        with pytest.raises(UnsupportedValueError, match=name):
            to_tree(instance)

    def test_a_deleted_field_is_refused(self) -> None:
        instance = vt.Attrs(1)
        del instance.size
        with pytest.raises(UnsupportedValueError, match="size"):
            to_tree(instance)

    @pytest.mark.parametrize("later", [Call("f"), Call("f", "partial"), Link("${a}"), MISSING], ids=repr)
    @pytest.mark.parametrize(
        "holder", [{1}, collections.deque([1]), vt.Mutable(1), functools.partial(int, 1)], ids=repr
    )
    def test_what_is_built_later_is_refused_where_fiddle_does_not_look(self, holder: Any, later: Tree) -> None:
        # The child stands for a spoke that meets a Buildable or a link.
        def child(value: Any) -> Tree:
            return [later] if type(value) is list else later

        with pytest.raises(UnsupportedValueError, match="holds a Buildable or a link"):
            encode(holder, child)

    @pytest.mark.parametrize("holder", [(1,), {1: 2}, vt.Point(1), collections.defaultdict()], ids=repr)
    def test_what_is_built_later_may_stand_in_what_fiddle_walks_through(self, holder: Any) -> None:
        later = Call("f")
        call = encode(holder, lambda value: later)
        assert call is not None
        assert not closed(call)


def call_of(text: str) -> Call:
    """A value call with one text argument."""
    return Call("decimal.Decimal", "value", [text])


class TestForCall:
    @pytest.mark.parametrize(
        ("target", "args", "kwargs"),
        [
            ("builtins.tuple", [], {}),
            ("builtins.tuple", [[1], [2]], {}),
            ("builtins.tuple", ["abc"], {}),
            ("builtins.tuple", [Link("${a}")], {}),
            ("builtins.dict", [], {"a": 1}),
            ("builtins.dict", [[["a", 1]]], {"b": 2}),
            ("builtins.dict", [{"a": 1}], {}),
            ("builtins.dict", [[["a", 1, 2]]], {}),
            ("builtins.dict", [["ab"]], {}),
            ("builtins.dict", [[[["unhashable"], 1]]], {}),
            ("builtins.dict", [[[Call("f"), 1]]], {}),
            ("builtins.dict", [[[Link("${a}"), 1]]], {}),
            ("builtins.set", [[[1]]], {}),
            ("builtins.set", [[Call("f")]], {}),
            ("builtins.set", [[Link("${a}")]], {}),
            ("builtins.frozenset", [[Call("builtins.tuple", "value", [[Call("f")]])]], {}),
            ("builtins.str.join", [",", ["a", "b"]], {}),
            ("builtins.str.join", ["", "ab"], {}),
            ("builtins.str.join", ["", ["a", Link("${b}")]], {}),
            ("builtins.bytes", [3], {}),
            ("builtins.bytes", ["a", "utf-8"], {}),
            ("builtins.bytes", ["a"], {"encoding": "latin-1"}),
            ("builtins.complex", ["1j"], {}),
            ("builtins.complex", [], {"real": 1.0}),
            ("builtins.range", [3], {}),
            ("builtins.slice", [3], {}),
            ("builtins.slice", [1, 2, Call("f")], {}),
            ("collections.Counter", [], {"a": 1}),
            ("collections.Counter", [["a", "b"]], {}),
            ("collections.deque", [[1]], {"maxlen": 3}),
            ("collections.deque", [[Call("f")]], {}),
            ("collections.defaultdict", [None, []], {}),
            ("decimal.Decimal", [1], {}),
            ("decimal.Decimal", [Link("${a}")], {}),
            ("decimal.Decimal", [MISSING], {}),
            ("decimal.Decimal", [], {"value": "1"}),
            ("fractions.Fraction", ["1/3"], {}),
            ("uuid.UUID", [], {"hex": "00000000000000000000000000000007"}),
            ("uuid.UUID", ["00000000000000000000000000000007"], {"version": 4}),
            ("datetime.datetime", [2024, 1, 1], {}),
            ("datetime.timedelta", [], {"days": 1}),
            ("datetime.timezone", ["a"], {}),
            ("datetime.timezone", [Call("datetime.timedelta", "config", [], {"hours": 1})], {}),
            ("pathlib.Path", [], {}),
            ("pathlib.Path", [1], {}),
            ("pathlib.Path", [Call("f")], {}),
            ("pathlib.Path", ["a", Link("${b}")], {}),
            ("re.compile", ["a"], {}),
            ("hydra.utils.get_object", [], {}),
            ("hydra.utils.get_object", [], {"path": Link("${a}")}),
            ("hydra.utils.get_object", [], {"path": "a", "other": 1}),
            ("hydra.utils.get_object", ["a", "b"], {}),
            (VALUE, [], {}),
            (VALUE, [1], {}),
            (VALUE, [Call("f", "factory")], {}),
            (VALUE, [], {"value": Call("f")}),
            ("numpy.float32", [[1, 2]], {}),
            ("numpy.float32", [], {}),
            ("numpy.dtype", [[["a", "i4"]]], {}),
            (f"{TYPES}.Point", [1], {}),
            (f"{TYPES}.Color", [1], {}),
            ("builtins.int", ["3"], {}),
        ],
        ids=repr,
    )
    def test_a_call_of_another_shape_is_an_ordinary_call(self, target: str, args: list[Tree], kwargs: Any) -> None:
        assert BUILTIN.for_call(target, args, kwargs) is None

    @pytest.mark.parametrize(
        ("target", "args", "kwargs", "value"),
        [
            ("builtins.tuple", [[1]], {}, (1,)),
            ("pathlib.Path", ["a", "b"], {}, pathlib.Path("a/b")),
            ("builtins.slice", [call_of("1"), None, None], {}, slice(decimal.Decimal(1), None, None)),
            ("hydra.utils.get_object", ["builtins.int"], {}, int),
            ("hydra.utils.get_class", [], {"path": "builtins.int"}, int),
            ("hydra.utils.get_method", [], {"path": "os.path.join"}, os.path.join),
            ("hydra.utils.get_static_method", [], {"path": f"{TYPES}.Plain.helper"}, vt.Plain.helper),
            ("hydra.utils.get_object", [], {"path": "math.pi"}, math.pi),
        ],
    )
    def test_what_people_write_by_hand_is_read_as_a_value(
        self, target: str, args: list[Tree], kwargs: dict[str, Tree], value: Any
    ) -> None:
        assert BUILTIN.for_call(target, args, kwargs) is not None
        call = Call(target, "value", args, kwargs)
        assert to_value(call) == value == by_hydra(call)


class TestDecode:
    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (Call("hydra.utils.get_class", "value", [], {"path": "math.pi"}), TargetError),
            (Call("hydra.utils.get_method", "value", [], {"path": "math.pi"}), TargetError),
            (Call("hydra.utils.get_object", "value", [], {"path": "math.no_such_name"}), TargetError),
            (Call("hydra.utils.get_object", "value", [], {"path": "os.system"}), TargetError),
            (Call(VALUE, "value", [Call("os.system", "config", ["true"])]), TargetError),
            (Call(VALUE, "value", [Call("os.system", "partial", ["true"])]), TargetError),
            (Call(VALUE, "value", [Call(f"{TYPES}.function")]), UnsupportedValueError),
            (Call(VALUE, "value", [Call(f"{TYPES}.Plain", "config", ["a"])]), UnsupportedValueError),
            (Call(VALUE, "value", [Call(f"{TYPES}.PostInit", "config", [1])]), UnsupportedValueError),
            (Call(VALUE, "value", [3]), UnsupportedValueError),
            (Call("decimal.Decimal", "value", ["x"]), decimal.InvalidOperation),
            (Call("datetime.date.fromisoformat", "value", ["x"]), ValueError),
            (Call(VALUE, "value", [Call(f"{TYPES}.Point", "config", [], {"z": 1})]), TypeError),
        ],
        ids=repr,
    )
    def test_a_call_that_makes_no_value_is_an_error(self, call: Call, error: type[Exception]) -> None:
        with pytest.raises(error):
            to_value(call)

    def test_a_record_that_would_hold_a_buildable_is_an_error(self) -> None:
        later = fdl.Config(vt.Plain, "a")
        for inner in (later, [later], {"a": (later,)}):
            with pytest.raises(UnsupportedValueError, match="before what it holds is built"):
                decode(Call(VALUE, "value", [Call(f"{TYPES}.Mutable", "config", [inner])]))
        assert decode(Call(VALUE, "value", [Call(f"{TYPES}.Point", "config", [later])])) == vt.Point(later)

    def test_a_whitelist_holds_for_what_is_located_and_not_for_data(self) -> None:
        allow = (f"{TYPES}.*",)
        assert to_value(to_tree((vt.Color.RED, {1}, pathlib.Path("a"))), allow=allow) == (
            vt.Color.RED,
            {1},
            pathlib.Path("a"),
        )
        for value in (math.sqrt, functools.partial(math.sqrt, 4.0), np.float32(1)):
            with pytest.raises(BridgeError):
                to_value(to_tree(value), allow=allow)


PLAIN = Codec(vt.Plain, f"{TYPES}.Plain", lambda plain: ((), {"name": plain.name}))


class TestRegistry:
    def test_a_codec_of_the_user_spells_and_reads_a_class(self) -> None:
        codecs = BUILTIN.with_codecs(PLAIN)
        value = (vt.Plain("${a}"), vt.Plain("b"))
        tree = to_tree(value, codecs)
        assert repr(tree.args[0][1]) == f"value:{TYPES}.Plain(name='b')"
        assert to_value(tree, codecs) == value == by_hydra(tree)
        assert codecs.for_call(PLAIN.target, [], {"name": "b"}) is PLAIN

    def test_adding_a_codec_leaves_the_registry_as_it_is(self) -> None:
        BUILTIN.with_codecs(PLAIN)
        assert BUILTIN.for_value(vt.Plain("a")) is None
        assert BUILTIN.for_call(PLAIN.target, [], {"name": "a"}) is None
        with pytest.raises(AttributeError):
            BUILTIN.other = 1  # type: ignore[attr-defined]

    def test_a_codec_reads_only_arguments_that_are_values(self) -> None:
        codecs = BUILTIN.with_codecs(PLAIN)
        for later in (Link("${a}"), Call("f"), MISSING):
            assert codecs.for_call(PLAIN.target, [], {"name": later}) is None

    def test_a_later_codec_counts(self) -> None:
        upper = Codec(vt.Plain, "x.upper", lambda plain: ((plain.name.upper(),), {}), decode=vt.Plain)
        for codecs in (BUILTIN.with_codecs(PLAIN, upper), BUILTIN.with_codecs(PLAIN).with_codecs(upper)):
            assert repr(to_tree(vt.Plain("a"), codecs)) == "value:x.upper('A')"
            assert to_value(to_tree(vt.Plain("a"), codecs), codecs) == vt.Plain("A")

    def test_a_user_codec_goes_before_the_built_in_one(self) -> None:
        hexadecimal = Codec(bytes, "builtins.bytes.fromhex", lambda value: ((value.hex(),), {}))
        codecs = BUILTIN.with_codecs(hexadecimal)
        tree = to_tree((b"\x01", vt.Color.RED), codecs)
        assert repr(tree) == f"value:builtins.tuple([value:builtins.bytes.fromhex('01'), {get(f'{TYPES}.Color.RED')}])"
        assert to_value(tree, codecs) == (b"\x01", vt.Color.RED) == by_hydra(tree)

    def test_a_class_is_named_by_its_path_without_importing_it(self) -> None:
        codec = Codec(f"{TYPES}.Plain", f"{TYPES}.Plain", PLAIN.encode)
        assert to_value(to_tree(vt.Plain("a"), BUILTIN.with_codecs(codec)), BUILTIN.with_codecs(codec)) == vt.Plain("a")

    @pytest.mark.parametrize("subclasses", [False, True])
    def test_subclasses_are_spelled_only_on_request(self, subclasses: bool) -> None:
        codecs = BUILTIN.with_codecs(Codec(vt.Plain, PLAIN.target, PLAIN.encode, subclasses=subclasses))
        assert (codecs.for_value(vt.Derived("a")) is not None) == subclasses

    def test_the_shape_that_a_codec_reads_can_be_told(self) -> None:
        codec = Codec(vt.Plain, PLAIN.target, PLAIN.encode, reads=lambda args, kwargs: kwargs.keys() == {"name"})
        codecs = BUILTIN.with_codecs(codec)
        assert codecs.for_call(PLAIN.target, [], {"name": "a"}) is codec
        assert codecs.for_call(PLAIN.target, ["a"], {}) is None


class TestTorch:
    """torch is looked up by name only; classes that bear its names stand in for it."""

    @pytest.mark.parametrize(
        ("name", "text", "call"),
        [
            ("dtype", "torch.bfloat16", get("torch.bfloat16")),
            ("device", "cuda:1", "value:torch.device('cuda:1')"),
        ],
    )
    def test_dtypes_and_devices_are_spelled_by_name(self, name: str, text: str, call: str) -> None:
        stand_in = type(name, (), {"__module__": "torch", "__str__": lambda self: text})()
        assert repr(to_tree(stand_in)) == call


def test_no_codec_imports_numpy_or_torch() -> None:
    code = "import sys, fiddle_hydra_bridge.convert.values; sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
