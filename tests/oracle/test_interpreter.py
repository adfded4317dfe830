"""The oracle against hand-written cases; every expected value was worked out from the rule table by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.oracle.interpreter import Outcome, Reference, parse_text, resolve_target
from tests.oracle.merging import EMPTY, Repo, stack_of, targets_of

LOCKED = {"k": {"$value": 1, "$lock": "audit"}}
LOCKED_MAP = {"m": {"$value": {"a": 1, "b": 2}, "$lock": "audit"}}
NAMED = {"l": [{"name": "x", "p": 1, "q": 1}, {"name": "y"}]}


def run(*documents: dict[str, Any], env: str = "development", **fields: Any) -> Outcome:
    """The outcome for a namespace with these documents, in the order base, development, staging, production."""
    environments = ["base", "development", "staging", "production"]
    named = {("ns", name): document for name, document in zip(environments, documents, strict=False)}
    return resolve_target(Repo(fields.pop("settings", {}), named, **fields), "ns", env)


VALUES = [
    ("M1 deep", {"m": {"a": 1, "n": {"b": 2}}}, {"m": {"n": {"c": 3}}}, {"m": {"a": 1, "n": {"b": 2, "c": 3}}}),
    ("M1 empty map changes nothing", {"m": {"a": 1}}, {"m": {}}, {"m": {"a": 1}}),
    ("M1 new map", {}, {"m": {"a": {}}}, {"m": {"a": {}}}),
    ("M2 false", {"k": True}, {"k": False}, {"k": False}),
    ("M2 zero", {"k": 5}, {"k": 0}, {"k": 0}),
    ("M2 empty text", {"k": "a"}, {"k": ""}, {"k": ""}),
    ("M2 other type", {"k": 5}, {"k": "a"}, {"k": "a"}),
    ("M3", {"l": [1, 2, 3]}, {"l": [9]}, {"l": [9]}),
    ("M3 empty", {"l": [1, 2, 3]}, {"l": []}, {"l": []}),
    ("M5 append", {"l": [1]}, {"l": {"$append": [2, 1]}}, {"l": [1, 2, 1]}),
    ("M5 prepend", {"l": [1]}, {"l": {"$prepend": [2, 3]}}, {"l": [2, 3, 1]}),
    ("M5 remove", {"l": [1, 2, 1.0, True]}, {"l": {"$remove": [1]}}, {"l": [2, True]}),
    (
        "M5 remove first, then prepend, then append",
        {"l": [1, 2]},
        {"l": {"$append": [1], "$prepend": [2], "$remove": [1, 2]}},
        {"l": [2, 1]},
    ),
    ("M5 replace", {"m": {"a": 1}}, {"m": {"$replace": {"b": 2}}}, {"m": {"b": 2}}),
    ("M5 replace by another kind", {"m": {"a": 1}}, {"m": {"$replace": [1]}}, {"m": [1]}),
    (
        "M5 replace evaluates its content",
        {"m": {"a": 1}},
        {"m": {"$replace": {"b": {"$value": 2}, "$$c": 3}}},
        {"m": {"b": 2, "$c": 3}},
    ),
    (
        "M5 by",
        NAMED,
        {"l": {"$by": "name", "$items": [{"name": "z"}, {"name": "x", "p": 2}]}},
        {"l": [{"name": "x", "p": 2, "q": 1}, {"name": "y"}, {"name": "z"}]},
    ),
    (
        "M5 by delete",
        NAMED,
        {"l": {"$by": "name", "$items": [{"name": "x", "$delete": True}]}},
        {"l": [{"name": "y"}]},
    ),
    (
        "M6 numbers",
        {"l": [{"id": 1, "a": 1}]},
        {"l": {"$by": "id", "$items": [{"id": 1.0, "b": 1}]}},
        {"l": [{"id": 1.0, "a": 1, "b": 1}]},
    ),
    ("M6 nothing below", {}, {"l": {"$by": "id", "$items": [{"id": 1}]}}, {"l": [{"id": 1}]}),
    ("M7", {"k": 1, "j": 2}, {"k": {"$delete": True}}, {"j": 2}),
    ("M7 map", {"m": {"a": 1}}, {"m": {"$delete": True}}, {}),
    ("M7 last member", {"m": {"a": 1}}, {"m": {"a": {"$delete": True}}}, {"m": {}}),
    ("M7 if-present", {"k": 1}, {"j": {"$delete": "if-present"}, "k": {"$delete": "if-present"}}, {}),
    ("M8 null", {"k": 1}, {"k": None}, {"k": None}),
    ("M8 over null", {"k": None}, {"k": 1}, {"k": 1}),
    ("M10 escape", {"$$k": 1}, {"$$k": 2, "$$$j": 3}, {"$k": 2, "$$j": 3}),
    ("M10 value of a map merges", {"m": {"a": 1}}, {"m": {"$value": {"b": 2}}}, {"m": {"a": 1, "b": 2}}),
    ("M10 no directive in the output", {}, {"m": {"$new": True, "a": 1}, "$new": True}, {"m": {"a": 1}}),
    ("M12 equal value", LOCKED, {"k": 1.0}, {"k": 1.0}),
    ("M12 force", LOCKED, {"k": {"$value": 2, "$force": "T"}}, {"k": 2}),
    ("M12 force of a removal", LOCKED, {"k": {"$delete": True, "$force": "T"}}, {}),
    ("M12 force within a locked map", LOCKED_MAP, {"m": {"a": {"$value": 5, "$force": "T"}}}, {"m": {"a": 5, "b": 2}}),
    (
        "M12 force on a map",
        LOCKED_MAP,
        {"m": {"$value": {"a": 5, "c": 6}, "$force": "T"}},
        {"m": {"a": 5, "b": 2, "c": 6}},
    ),
    ("M12 neighbour", {"m": {"k": {"$value": 1, "$lock": "r"}}}, {"m": {"j": 2}}, {"m": {"k": 1, "j": 2}}),
    ("M12 replaced by its equal", LOCKED_MAP, {"m": {"$replace": {"b": 2, "a": 1}}}, {"m": {"a": 1, "b": 2}}),
    ("M14 filled", {"k": {"$required": "why"}}, {"k": 1}, {"k": 1}),
    ("M14 filled by a map", {"k": {"$required": "why"}}, {"k": {"a": 1}}, {"k": {"a": 1}}),
    ("M17", {"k": "ENC[AES256_GCM,data:a]"}, {"k": "ENC[AES256_GCM,data:${x}]"}, {"k": "ENC[AES256_GCM,data:${x}]"}),
    ("reference", {"a": {"b": 1}, "c": "${a.b}"}, {"a": {"b": 2}}, {"a": {"b": 2}, "c": 2}),
    (
        "reference to a map",
        {"a": {"b": ["${c}"]}, "c": None},
        {"d": "${a}"},
        {"a": {"b": [None]}, "c": None, "d": {"b": [None]}},
    ),
    (
        "reference in text",
        {"a": 1.5, "b": True, "c": None},
        {"t": "${a}/${b}/${c}!"},
        {"a": 1.5, "b": True, "c": None, "t": "1.5/true/null!"},
    ),
    ("reference to an item", {"l": [1, {"a": 2}]}, {"x": "${l.1.a}"}, {"l": [1, {"a": 2}], "x": 2}),
    ("reference to a quoted key", {"m": {"b.c": 1}}, {"x": '${m."b.c"}'}, {"m": {"b.c": 1}, "x": 1}),
    (
        "reference through a reference",
        {"m": {"a": 1}, "r": "${m}"},
        {"x": "${r.a}"},
        {"m": {"a": 1}, "r": {"a": 1}, "x": 1},
    ),
    ("reference to itself, elsewhere", {"m": {"a": 1, "b": "${m.a}"}}, {}, {"m": {"a": 1, "b": 1}}),
    ("escape", {"k": "$${a} $$ $x"}, {}, {"k": "${a} $$ $x"}),
    ("escape after a dollar", {"k": "$$${a}"}, {}, {"k": "$${a}"}),
    ("default: number", {"k": "${no:-30}"}, {}, {"k": 30}),
    ("default: text", {"k": '${no:-"30"}'}, {}, {"k": "30"}),
    ("default: word", {"k": "${no.no:-a b}"}, {}, {"k": "a b"}),
    ("default: boolean", {"k": "${no:-true}"}, {}, {"k": True}),
    ("default in text is text", {"k": "<${no:-30}>"}, {}, {"k": "<30>"}),
    ("default: null is a value", {"n": None, "k": "${n:-1}"}, {}, {"n": None, "k": None}),
    ("default: path into a scalar", {"n": 5, "k": "${n.x:-1}"}, {}, {"n": 5, "k": 1}),
    ("default: no such namespace", {"k": "${org/none:a:-1}"}, {}, {"k": 1}),
]


@pytest.mark.parametrize(("base", "overlay", "value"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_value(base: dict[str, Any], overlay: dict[str, Any], value: dict[str, Any]) -> None:
    assert run(base, overlay) == Outcome(value)


ERRORS = [
    ("map over scalar", {"k": 1}, {"k": {"a": 1}}, ("M9", "k")),
    ("empty map over scalar", {"k": 1}, {"k": {}}, ("M9", "k")),
    ("scalar over map", {"m": {"n": {"a": 1}}}, {"m": {"n": 2}}, ("M9", "m.n")),
    ("list over map", {"m": {"a": 1}}, {"m": [1]}, ("M9", "m")),
    ("map over list", {"l": [1]}, {"l": {"a": 1}}, ("M9", "l")),
    ("scalar over list", {"l": [1]}, {"l": 1}, ("M9", "l")),
    ("list over scalar", {"k": 1}, {"k": [1]}, ("M9", "k")),
    ("null over map", {"m": {"a": 1}}, {"m": None}, ("M9", "m")),
    ("map over null", {"m": None}, {"m": {"a": 1}}, ("M9", "m")),
    ("value over another kind", {"m": {"a": 1}}, {"m": {"$value": 1}}, ("M9", "m")),
    ("delete of nothing", {}, {"m": {"k": {"$delete": True}}}, ("M7", "m.k")),
    ("delete within replaced content", {"m": {"a": 1}}, {"m": {"$replace": {"a": {"$delete": True}}}}, ("M7", "m.a")),
    ("append to nothing", {}, {"l": {"$append": [1]}}, ("M5", "l")),
    ("append to a scalar", {"l": 1}, {"l": {"$append": [1]}}, ("M9", "l")),
    ("by: member missing", NAMED, {"l": {"$by": "name", "$items": [{"p": 1}]}}, ("M6", "l")),
    ("by: twice", NAMED, {"l": {"$by": "name", "$items": [{"name": "x"}, {"name": "x"}]}}, ("M6", "l")),
    ("by: twice below", {"l": [{"n": 1}, {"n": 1.0}]}, {"l": {"$by": "n", "$items": []}}, ("M6", "l")),
    (
        "by: delete of nothing",
        NAMED,
        {"l": {"$by": "name", "$items": [{"name": "w", "$delete": True}]}},
        ("M7", 'l.["w"]'),
    ),
    ("unknown directive", {}, {"k": {"$apend": [1]}}, ("M10", "k")),
    ("two contents", {}, {"k": {"$value": 1, "$replace": 1}}, ("M10", "k")),
    ("plain key beside", {}, {"k": {"$value": 1, "a": 1}}, ("M10", "k")),
    ("no content", {}, {"k": {"$lock": "r"}}, ("M10", "k")),
    ("by without items", NAMED, {"l": {"$by": "name"}}, ("M10", "l")),
    ("delete with lock", {"k": 1}, {"k": {"$delete": True, "$lock": "r"}}, ("M10", "k")),
    ("required with force", {"k": 1}, {"k": {"$required": "r", "$force": "r"}}, ("M10", "k")),
    ("append no list", {"l": [1]}, {"l": {"$append": 1}}, ("M10", "l")),
    ("lock", LOCKED, {"k": 2}, ("M12", "k")),
    ("lock: removal", LOCKED, {"k": {"$delete": True}}, ("M12", "k")),
    ("lock: replaced", LOCKED, {"k": {"$replace": [1]}}, ("M12", "k")),
    ("lock: boolean is no number", LOCKED, {"k": True}, ("M12", "k")),
    ("lock: member", LOCKED_MAP, {"m": {"b": 3}}, ("M12", "m.b")),
    ("lock: new member", LOCKED_MAP, {"m": {"c": 3}}, ("M12", "m.c")),
    ("lock: parent removed", {"m": {"k": {"$value": 1, "$lock": "r"}}}, {"m": {"$delete": True}}, ("M12", "m")),
    ("lock: list", {"l": {"$value": [1], "$lock": "r"}}, {"l": {"$append": [2]}}, ("M12", "l")),
    ("dangling", {"k": "${no}"}, {}, ("REF-dangling", "k")),
    ("dangling into a scalar", {"a": 1, "m": {"k": "${a.b}"}}, {}, ("REF-dangling", "m.k")),
    ("dangling item", {"l": [1], "k": "${l.1}"}, {}, ("REF-dangling", "k")),
    ("no namespace", {"k": "${org/none:a}"}, {}, ("REF-namespace", "k")),
    ("syntax: open", {"k": "a ${b"}, {}, ("REF-syntax", "k")),
    ("syntax: empty", {"k": "${}"}, {}, ("REF-syntax", "k")),
    ("syntax: two dots", {"k": "${a..b}"}, {}, ("REF-syntax", "k")),
    ("syntax: nested", {"a": "b", "b": 1, "k": "${${a}}"}, {}, ("REF-syntax", "k")),
    ("syntax: nested in default", {"b": 1, "k": "${a:-${b}}"}, {}, ("REF-syntax", "k")),
    ("not a scalar", {"m": {}, "k": "x${m}"}, {}, ("REF-not-scalar", "k")),
    ("cycle of one", {"k": "${k}"}, {}, ("REF-cycle", "k")),
    ("cycle through a map", {"m": {"a": {"b": "${m}"}}}, {}, ("REF-cycle", "m.a.b")),
    ("cycle through the path", {"k": "${k.a}"}, {}, ("REF-cycle", "k")),
]


@pytest.mark.parametrize(("base", "overlay", "error"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_error(base: dict[str, Any], overlay: dict[str, Any], error: tuple[str, str]) -> None:
    outcome = run(base, overlay)
    assert outcome.errors == [error]
    assert outcome.value is None


@pytest.mark.parametrize(
    ("strategy", "value"),
    [
        ("replace", [2, 3]),
        ("append", [1, 2, 2, 3]),
        ("prepend", [2, 3, 1, 2]),
        ("union", [1, 2, 3]),
    ],
)
def test_schema_strategy(strategy: str, value: list[int]) -> None:
    assert run({"m": {"l": [1, 2]}}, {"m": {"l": [2, 3]}}, schema_merge={"m.l": strategy}).value == {"m": {"l": value}}


def test_schema_by_key() -> None:
    overlay = {"l": [{"name": "y", "p": 3}, {"name": "x", "$delete": True}, {"name": "z"}]}
    assert run(NAMED, overlay, schema_merge={"l": {"by": "name"}}).value == {
        "l": [{"name": "y", "p": 3}, {"name": "z"}]
    }


def test_directive_wins_over_schema() -> None:
    overlay = {"l": {"$replace": [2]}}
    assert run({"l": [1]}, overlay, schema_merge={"l": "append"}).value == {"l": [2]}


def test_append_to_nothing_where_the_schema_says_list() -> None:
    assert run({}, {"l": {"$append": [1]}}, schema_lists={"l"}).value == {"l": [1]}
    assert run({"l": {"$required": "w"}}, {"l": {"$append": [1]}}, schema_lists={"l"}).value == {"l": [1]}


def test_lock_stays_above_a_force() -> None:
    forced = {"k": {"$value": 2, "$force": "T"}}
    assert run(LOCKED, forced, {"k": 3}, env="staging").errors == [("M12", "k")]
    assert run(LOCKED, forced, {"k": {"$value": 3, "$force": "U"}}, env="staging").value == {"k": 3}


def test_required_asks_anew() -> None:
    assert run({"k": 1}, {"k": {"$required": "w"}}).errors == [("M14", "k")]
    assert run(LOCKED, {"k": {"$required": "w"}}).errors == [("M12", "k"), ("M14", "k")]
    assert run({"k": {"$required": "w"}}, {"k": {"$append": [1]}}).errors == [("M5", "k"), ("M14", "k")]
    assert run({"k": 1}, {"k": {"$required": "w"}}, {"k": [1]}, env="staging").value == {"k": [1]}


@pytest.mark.parametrize(
    ("until", "errors", "warnings"),
    [
        ("2026-05-31", [("M15", "k")], []),
        ("2026-06-01", [], [("M15", "k")]),
        ("2026-06-15", [], [("M15", "k")]),
        ("2026-06-16", [], []),
    ],
)
def test_until(until: str, errors: list[Any], warnings: list[Any]) -> None:
    document = {"k": {"$value": 1, "$until": until, "$owner": "team"}}
    outcome = run(document, {}, now=date(2026, 6, 1))
    assert (outcome.errors, outcome.warnings) == (errors, warnings)
    assert run(document, {"k": 2}, now=date(2026, 6, 1)) == Outcome({"k": 2})


def test_until_of_items() -> None:
    expired = {"$until": "2026-01-01", "$owner": "team"}
    document = {"l": {"$value": [1], **expired}}
    assert run(document, {"l": {"$append": [2]}}).errors == [("M15", "l.0")]
    assert run(document, {"l": {"$append": [2], "$remove": [1]}}).value == {"l": [2]}
    added = {"l": {"$append": [2], **expired}}
    assert run({"l": [1]}, added).errors == [("M15", "l")]
    assert run({"l": [1]}, added, {"l": {"$append": [3]}}, env="staging").errors == [("M15", "l.1")]


LEAKS = [
    ("scalar", {}, {"k": 1}, {}, ["k"]),
    ("won by base", {"k": 1}, {}, {}, []),
    ("won by production", {"k": 0}, {"k": 1}, {"k": 1}, []),
    ("promoted", {}, {"k": {"$value": 1, "$promote": True}}, {}, []),
    ("promoted map", {}, {"m": {"$value": {"a": {"b": 1}}, "$promote": True}}, {}, []),
    ("empty map", {}, {"m": {}}, {}, ["m"]),
    ("whole list, once", {}, {"l": [1, {"a": 2}]}, {}, ["l"]),
    ("appended item", {"l": [1, 2]}, {"l": {"$append": [3]}}, {}, ["l.2"]),
    (
        "item matched by key",
        NAMED,
        {"l": {"$by": "name", "$items": [{"name": "x", "p": 2}]}},
        {},
        ["l.0.name", "l.0.p"],
    ),
    ("reference", {"a": 1}, {"k": "${a}"}, {}, ["k"]),
    ("map over map", {"m": {"a": 1}}, {"m": {"b": 2}}, {}, ["m.b"]),
]


@pytest.mark.parametrize(
    ("base", "lower", "top", "paths"), [case[1:] for case in LEAKS], ids=[case[0] for case in LEAKS]
)
def test_leak_guard(base: dict[str, Any], lower: dict[str, Any], top: dict[str, Any], paths: list[str]) -> None:
    expected = [("M13", path) for path in paths]
    assert run(base, lower, {}, top, env="production").errors == expected
    assert run(base, {}, lower, top, env="production", settings={"leak_guard": "warn"}).warnings == expected
    assert run(base, lower, {}, top, env="production", settings={"leak_guard": "off"}).errors == []
    assert run(base, lower, {}, env="staging").errors == []


PROTECTED = [
    ("known", {"m": {"a": 1}}, {"m": {"a": 2}}, []),
    ("unknown, topmost once", {"m": {"a": 1}}, {"m": {"n": {"b": {"c": 1}}, "a": 1}}, ["m.n"]),
    ("marked", {"m": {"a": 1}}, {"m": {"n": {"$new": True, "b": {"c": 1}}}}, []),
    ("marked value", {}, {"k": {"$value": 1, "$new": True}}, []),
    ("marked root", {}, {"$new": True, "k": 1, "m": {"a": 1}}, []),
    ("list items are no paths", {"l": [1]}, {"l": [{"a": 1}]}, []),
    ("members of matched items are", NAMED, {"l": {"$by": "name", "$items": [{"name": "x", "pp": 2}]}}, ['l.["x"].pp']),
    ("new items are not", NAMED, {"l": {"$by": "name", "$items": [{"name": "z", "pp": 2}]}}, []),
    ("removal if present", {}, {"k": {"$delete": "if-present"}}, []),
]


@pytest.mark.parametrize(
    ("base", "top", "paths"), [case[1:] for case in PROTECTED], ids=[case[0] for case in PROTECTED]
)
def test_unknown_path(base: dict[str, Any], top: dict[str, Any], paths: list[str]) -> None:
    assert run(base, {}, {}, top, env="production").errors == [("M11", path) for path in paths]
    assert run(base, top).errors == []


def test_schema_knows_a_path() -> None:
    assert run({}, {}, {}, {"k": 1}, env="production", schema_paths={"k"}).value == {"k": 1}


def test_a_path_that_a_lower_layer_removed_is_known() -> None:
    assert run({"k": 1}, {"k": {"$delete": True}}, {}, {"k": 2}, env="production").value == {"k": 2}


def test_warnings() -> None:
    assert run({"k": 1, "l": [1]}, {"k": EMPTY, "l": {"$remove": [2]}}) == Outcome(
        {"k": None, "l": [1]}, warnings=[("M8", "k"), ("M5", "l")]
    )


def test_depth() -> None:
    chain = {f"a{n}": f"${{a{n + 1}}}" for n in range(32)}
    assert run(chain | {"a32": 1}).value == dict.fromkeys([*chain, "a32"], 1)
    assert run(chain | {"a32": "${a33}", "a33": 1}).errors == [("REF-depth", "a0")]


TREE = {
    ("global", "base"): {"v": "gb", "w": "${v}"},
    ("global", "staging"): {"v": "gs"},
    ("org", "base"): {"v": "ob"},
    ("org/svc", "base"): {"u": "${other:v}", "s": "${@staging:v}", "o": "${other@staging:v}"},
    ("org/svc", "production"): {"v": "op"},
    ("other", "staging"): {"v": "xs"},
}


def test_stack_and_targets() -> None:
    repo = Repo({}, dict(TREE), compiled={"org"})
    assert stack_of(repo, "org/svc", "production") == [
        ("global", "base"),
        ("org", "base"),
        ("org/svc", "base"),
        ("global", "staging"),
        ("org/svc", "production"),
    ]
    repo.settings["precedence"] = "namespace"
    assert stack_of(repo, "org/svc", "production") == [
        ("global", "base"),
        ("global", "staging"),
        ("org", "base"),
        ("org/svc", "base"),
        ("org/svc", "production"),
    ]
    assert targets_of(repo) == [
        (name, env) for name in ("org", "org/svc", "other") for env in ("development", "staging", "production")
    ]


def test_custom_environments() -> None:
    environments = {"dev": {}, "common": {"abstract": True}, "prod": {"extends": "common", "protected": True}}
    documents = {("a", "base"): {"v": 1}, ("a", "dev"): {"v": 2}, ("a", "common"): {"v": 3}}
    repo = Repo({"environments": environments}, documents)
    assert targets_of(repo) == [("a", "dev"), ("a", "prod")]
    assert resolve_target(repo, "a", "dev").value == {"v": 2}
    assert resolve_target(repo, "a", "prod").errors == [("M13", "v")]


def test_references_between_targets() -> None:
    settings = {"leak_guard": "off"}
    assert resolve_target(Repo(settings, dict(TREE)), "org/svc", "production").value == {
        "v": "op",
        "w": "op",
        "u": "xs",
        "s": "gs",
        "o": "xs",
    }


def test_an_error_elsewhere_taints() -> None:
    documents: dict[tuple[str, str], Any] = {
        ("a", "base"): {"k": 1, "j": 2},
        ("a", "development"): {"k": []},
        ("b", "base"): {"v": "${a:j}"},
    }
    outcome = resolve_target(Repo({}, documents), "b", "development")
    assert (outcome.errors, outcome.tainted) == ([], True)


def test_pieces_of_a_default() -> None:
    assert parse_text("${a:-x:y}") == [Reference(None, None, ("a",), "x:y")]
