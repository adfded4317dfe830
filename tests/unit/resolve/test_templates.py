"""`$template`: what is allowed works, everything else has its code, and nothing takes long.

The hostile ones run in a process of their own, with little memory and little time.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
from pathlib import Path
from typing import Any

import pytest

from gitconfigmgr.model.values import TOP, Document, Node, Sealed, Segments
from gitconfigmgr.resolve.template_syntax import FILTERS, TemplateError
from gitconfigmgr.resolve.templates import render

SECONDS, MEMORY = 3, 1 << 30  # of processor time, in a process of its own
DOCUMENT = Document("configs/acme/base.yaml", "acme", "base", "", None)
TOKEN = "ENC[AES256_GCM,data:c2VjcmV0,iv:cXE=,tag:cXE=,type:str]"


def node(value: Any) -> Node:
    if isinstance(value, dict):
        value = {key: node(child) for key, child in value.items()}
    elif isinstance(value, list):
        value = [node(child) for child in value]
    return Node(value, DOCUMENT, TOP)


def rendered(text: str, **variables: Any) -> str:
    """The text of a template that touches no secret."""
    parts = render(text, {name: node(value) for name, value in variables.items()})
    assert all(isinstance(part, str) for part in parts), parts
    return "".join(map(str, parts))


def code(text: str, **variables: Any) -> str:
    """The code it is refused with."""
    with pytest.raises(TemplateError) as found:
        render(text, {name: node(value) for name, value in variables.items()})
    assert found.value.args[0]
    assert "\x00" not in str(found.value)
    return found.value.code


ALLOWED: list[tuple[str, dict[str, Any], str]] = [
    ("plain", {}, "plain"),
    ("line\n", {}, "line\n"),
    ("{{ name }}!", {"name": "Ada"}, "Ada!"),
    ("{{ a }} {{ b }} {{ c }} {{ d }}", {"a": 1, "b": 1.5, "c": True, "d": None}, "1 1.5 true null"),
    ("{{ 2.0 }} {{ x }}", {"x": 2.0}, "2 2"),
    ("{{ person.name }} {{ person['name'] }}", {"person": {"name": "Ada"}}, "Ada Ada"),
    ("{{ person.items }}", {"person": {"items": "x"}}, "x"),
    ("{{ l[0] }} {{ l[-1] }} {{ l.0 }}", {"l": [1, 2]}, "1 2 1"),
    ("{% if x %}yes{% elif y %}else{% else %}no{% endif %}", {"x": False, "y": 1}, "else"),
    (
        "{% for i in l %}{{ loop.index }}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
        {"l": ["a", "b"]},
        "1a, 2b",
    ),
    ("{% for i in l if i > 1 %}{{ i }}{% else %}none{% endfor %}", {"l": [1, 2, 3]}, "23"),
    ("{% for k in m %}{{ k }}={{ m[k] }};{% endfor %}", {"m": {"a": 1, "b": 2}}, "a=1;b=2;"),
    ("{% for a, b in l %}{{ a }}{{ b }}{% endfor %}", {"l": [[1, 2], [3, 4]]}, "1234"),
    ("{% set x = 1 %}{{ x + 2 - 5 }}{{ -x }}", {}, "-2-1"),
    ("{{ 'a' ~ 1 ~ b }}", {"b": "c"}, "a1c"),
    ("{{ 1 if x else 2 }}{{ x and y or not y }}", {"x": 1, "y": 0}, "1true"),
    ("{{ 1 < 2 <= 2 }} {{ 'a' in 'abc' }} {{ 1 in [1, 2] }} {{ 2 not in (1, 3) }}", {}, "true true true true"),
    ("{{ x is defined }}{{ x is none }}{{ y is string }}{{ 3 is odd }}", {"x": None, "y": "s"}, "truetruetruetrue"),
    ("{{ x|upper }} {{ x|title }} {{ ' a '|trim }} {{ x|capitalize }} {{ 'A'|lower }}", {"x": "bc"}, "BC Bc a Bc a"),
    ("{{ l|join(', ') }} {{ l|length }} {{ l|first }} {{ l|last }} {{ l|sort|join }}", {"l": [2, 1]}, "2, 1 2 2 1 12"),
    ("{{ l|unique|join }} {{ l|unique|list|length }}", {"l": [3, 3, 4]}, "34 2"),
    ("{{ '12'|int + 1 }} {{ '1.5'|float }} {{ 2.6|round|int }} {{ 1.234|round(2) }}", {}, "13 1.5 3 1.23"),
    ("{{ m.none|default('d') }} {{ m.some|default('d') }} {{ ''|default('d', true) }}", {"m": {"some": 1}}, "d 1 d"),
    ("{{ x|tojson }}", {"x": {"b": [1, None, True], "a": 'q"'}}, '{"b": [1, null, true], "a": "q\\""}'),
    ("{{ x|tojson }}", {"x": "<b>&'"}, '"<b>&\'"'),
    ("{{ x|tojson + '<b>' }}{{ '<i>' }}", {"x": 1}, "1<b><i>"),
    ("a{# comment #}b{% raw %}{{ x }}{% endraw %}", {}, "ab{{ x }}"),
    ("{%- if x -%}  a  {%- endif -%}", {"x": 1}, "a"),
    ("<p>{{ x }}</p>", {"x": "<&>"}, "<p><&></p>"),
    ("{{ x }}", {"x": "{{ y }}"}, "{{ y }}"),
    (
        "{{ class }}{{ missing }}{{ context }}{{ resolve }}",
        {"class": 1, "missing": 2, "context": 3, "resolve": 4},
        "1234",
    ),
]


@pytest.mark.parametrize(("text", "variables", "expected"), ALLOWED, ids=[text[:40] for text, _, _ in ALLOWED])
def test_allowed(text: str, variables: dict[str, Any], expected: str) -> None:
    assert rendered(text, **variables) == expected


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    # syntax
    *(("GCM308", text, {}) for text in ("{{", "{% if %}", "{{ x", "{% for x %}", "{{ 1 + }}", "{% endif %}", "{{ 'a }}")),
    *(("GCM308", text, {}) for text in ("{% nonsense %}", "{{ 1 1 }}", "{{ 1.. }}")),
    ("GCM310", "{{ 1 is odder }}", {}),
    ("GCM311", "{{ " + "9" * 100_000 + " }}", {}),
    # values that do not fit
    ("GCM308", "{% for i in x %}{% endfor %}", {"x": 1}),
    ("GCM308", "{% for a, b in x %}{% endfor %}", {"x": [1]}),
    ("GCM308", "{{ 1 + 'a' }}", {}),
    ("GCM308", "{{ x|sort|length }}", {"x": [1, "a"]}),
    ("GCM308", "{{ 1 is divisibleby 0 }}", {}),
    ("GCM308", "{{ x|length }}", {"x": 1}),
    # names
    ("GCM309", "{{ nobody }}", {}),
    ("GCM309", "{{ x.y }}", {"x": {"z": 1}}),
    ("GCM309", "{{ x[3] }}", {"x": [1]}),
    ("GCM309", "{{ x|first }}", {"x": []}),
    *(("GCM309", f"{{{{ {name} }}}}", {}) for name in ("loop", "caller", "varargs", "kwargs", "environment", "range", "dict")),
    # what a map or a list is as text
    *(("GCM305", text, {"x": {"a": 1}, "l": [1]}) for text in ("{{ x }}", "{{ l }}", "{{ (1, 2) }}", "{{ x|upper }}")),
    # reaching out
    *(("GCM310", text, {"x": "text", "l": ["a"]}) for text in (
        "{{ x.__class__ }}", "{{ x['__class__'] }}", "{{ x['__cl' ~ 'ass__'] }}", "{{ x.format }}", "{{ l.append }}", "{{ l.__len__ }}",
        "{{ x|attr('y') }}", "{{ l|map('upper')|list }}", "{{ l|sort(attribute='__class__')|first }}", "{{ l|groupby('a') }}",
        "{{ x() }}", "{{ x.upper() }}", "{{ ''.join(l) }}", "{{ range(9) }}", "{{ namespace() }}", "{{ lipsum() }}", "{{ cycler(1) }}",
        "{{ x * 9 }}", "{{ 9 ** 9 }}", "{{ x % 1 }}", "{{ 7 / 2 }}", "{{ 7 // 2 }}", "{{ x[1:] }}", "{{ {'a': 1} }}", "{{ x|pprint }}", "{{ x|safe }}",
        "{{ x|format(1) }}", "{{ x|random }}", "{{ x|center(9) }}", "{{ x|replace('a', 'b') }}", "{{ 1|filesizeformat }}",
        "{% include 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% block b %}{% endblock %}",
        "{% macro m() %}{% endmacro %}", "{% call x() %}{% endcall %}", "{% filter upper %}{% endfilter %}", "{% set y %}{% endset %}",
        "{% with y = 1 %}{% endwith %}", "{% autoescape true %}{% endautoescape %}", "{% for i in l recursive %}{% endfor %}",
        "{% set x.y = 1 %}", "{% for i in l %}{{ loop.cycle('a') }}{% endfor %}", "{% for i in l %}{{ loop.previtem }}{% endfor %}",
        "{% for i in l %}{{ loop.__class__ }}{% endfor %}", "{% for i in l %}{{ loop._iterator }}{% endfor %}",
        "{{ gcm_loop }}", "{% set gcm_text = 1 %}", "{% for gcm_loop in l %}{% endfor %}",
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "text", "variables"), REFUSED, ids=[f"{each[0]} {each[1][:50]}" for each in REFUSED]
)
def test_refused(expected: str, text: str, variables: dict[str, Any]) -> None:
    assert code(text, **variables) == expected


@pytest.mark.parametrize(
    "text", ["{{ x|unique }}", "{{ self }}", "{% for i in x %}{{ loop }}{% endfor %}", "{{ x.y }}"]
)
def test_objects_of_the_program_are_never_text(text: str) -> None:
    assert code(text, x=[1, 1]) in {"GCM305", "GCM308", "GCM309", "GCM310"}


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_is_for_something(name: str) -> None:
    argument = {"join": "('-')", "default": "('d')", "round": "(1)"}.get(name, "")
    subject = {"int": "'3'", "float": "'3'", "round": "3.3"}.get(name, "x")
    variable: Any = [1, 2] if name in {"first", "join", "last", "length", "list", "sort", "unique"} else "text"
    shown = f"{{{{ {subject}|{name}{argument}{'|join' if name in {'list', 'sort', 'unique'} else ''} }}}}"
    assert rendered(shown, x=variable)


@pytest.mark.parametrize("text", ["\x007\x00", '{{ "\\x007\\x00" }}', '{{ "\\x00" ~ "0\\x00" }}', "{{ x }}"])
def test_text_cannot_take_the_place_of_a_secret(text: str) -> None:
    try:
        parts = render(text, {"x": node("\x000\x00"), "s": node(Sealed(TOKEN, "str"))})
    except TemplateError as error:
        assert error.code in {"GCM310", "GCM312"}  # noqa: PT017 - refused or harmless
    else:
        assert all(isinstance(part, str) for part in parts)


@pytest.mark.parametrize("text", ["{{ 1e999 }}", "{{ '1e999'|float }}", "{{ 'nan'|float }}", '{{ "\\ud800" }}'])
def test_what_json_cannot_carry_is_refused(text: str) -> None:
    assert code(text) in {"GCM308", "GCM310", "GCM311"}


# -- secrets ----------------------------------------------------------------------------------------------------------


def with_secret(text: str, **variables: Any) -> list[str | Sealed]:
    return render(text, {name: node(value) for name, value in variables.items()} | {"s": node(Sealed(TOKEN, "str"))})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ s }}", [TOKEN]),
        ("a {{ s }} b", ["a ", TOKEN, " b"]),
        ("{{ s }}{{ s }}", [TOKEN, TOKEN]),
        ("{{ 'user:' ~ s ~ '@host' }}", ["user:", TOKEN, "@host"]),
        ("{% if x %}{{ s }}{% else %}none{% endif %}", [TOKEN]),
        ("{% for i in l %}{{ i }}{{ s }}{% endfor %}", ["1", TOKEN, "2", TOKEN]),
        ("{{ [s, 'b']|join('-') }}", [TOKEN, "-b"]),
        ("{{ s|default('none') }}", [TOKEN]),
        ("{% set t = s %}{{ t }}", [TOKEN]),
        ("{{ s is defined }}", ["true"]),
    ],
)
def test_secret_is_a_piece_of_its_own(text: str, expected: list[str]) -> None:
    parts = with_secret(text, x=True, l=[1, 2])
    assert [part.token if isinstance(part, Sealed) else part for part in parts] == expected


@pytest.mark.parametrize(
    "text",
    [
        *("{{ s|upper }}", "{{ s|length }}", "{{ s|trim }}", "{{ s|tojson }}", "{{ s|int }}", "{{ s|first }}", "{{ s|list }}"),
        *("{{ s|string|upper }}", "{{ [s]|tojson }}", "{{ {'a': s}['a']|upper }}", "{{ (s ~ 'x')|upper }}", "{{ (s ~ 'x')|length }}"),
        *("{{ s + 'a' }}", "{{ 'a' + s }}", "{{ s == 'a' }}", "{{ 'a' == s }}", "{{ s != s }}", "{{ s < 'b' }}", "{{ s in ['a'] }}"),
        *("{{ 'a' in s }}", "{% if s %}x{% endif %}", "{{ 1 if s else 2 }}", "{{ not s }}", "{{ s and 1 }}", "{{ s[0] }}", "{{ s.x }}"),
        *("{% for c in s %}{{ c }}{% endfor %}", "{{ [s, 'a']|sort|join }}", "{{ [s, 'a']|unique|join }}", "{{ -s }}"),
        *("{% if (s ~ '') == 'a' %}x{% endif %}", "{{ ([s]|join) == 'a' }}", "{{ [s]|join|length }}", "{{ s is eq 'a' }}"),
        *("{{ s is divisibleby 2 }}", "{{ s is in 'abc' }}", "{{ x[s] }}", "{{ 1.5|round(s) }}", "{{ 'a'|trim(s) }}"),
    ],
)  # fmt: skip
def test_secret_cannot_be_worked_on(text: str) -> None:
    with pytest.raises(TemplateError) as found:
        with_secret(text, x={"a": 1})
    assert found.value.code in {"GCM310", "GCM312"} if "{'a'" in text else found.value.code == "GCM312"
    shown = f"{found.value} {found.value.help} {found.value.piece}"
    assert TOKEN not in shown
    assert "\x00" not in shown


def test_text_that_touches_a_secret_cannot_be_passed_on() -> None:
    with pytest.raises(TemplateError) as found:
        render("{{ t }}", {"t": node(Segments(("a", Sealed(TOKEN, "str"))))})
    assert found.value.code == "GCM312"
    assert TOKEN not in str(found.value)


# -- bounds -----------------------------------------------------------------------------------------------------------

LONG = "x" * 200_000
DOUBLED = "{% set l = [s] %}" + "{% set l = l + l %}" * 17
SHARED = "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 28
MANY = list(range(9_999))
HOSTILE: dict[str, tuple[str, dict[str, Any]]] = {
    "nested loops": ("{% for a in l %}{% for b in l %}{% for c in l %}x{% endfor %}{% endfor %}{% endfor %}", {"l": list(range(500))}),
    "20 nested loops": ("{% for a in l %}" * 20 + "x" + "{% endfor %}" * 20, {"l": [1, 2, 3]}),
    "25 nested loops": ("{% for a in l %}" * 25 + "x" + "{% endfor %}" * 25, {"l": [1, 2, 3]}),
    "long list written out": ("{% for i in [" + "1," * 60_000 + "] %}{% endfor %}", {}),
    "loop over doubled list": ("{% set l = [1] %}" + "{% set l = l + l %}" * 17 + "{% for i in l %}{% endfor %}", {}),
    "text doubled by ~": ("{% set a = 'xxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a|length }}", {}),
    "text doubled by +": ("{% set a = 'xxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}", {}),
    "list doubled": ("{% set a = [1] %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}", {}),
    "integer doubled": ("{% set a = 9 %}" + "{% set a = a + a %}" * 12_000 + "{{ a }}", {}),
    "long output": ("{% for a in l %}{{ s }}{% endfor %}", {"l": MANY, "s": "x" * 1000}),
    "join": (DOUBLED + "{{ l|join|length }}", {"s": LONG}),
    "join with a long separator": ("{{ l|join(s)|length }}", {"l": MANY, "s": LONG}),
    "tojson of a doubled list": (DOUBLED + "{{ l|tojson|length }}", {"s": LONG}),
    "sort of a doubled list": (DOUBLED + "{{ l|sort|length }}", {"s": LONG}),
    "unique of a doubled list": (DOUBLED + "{{ l|unique|list|length }}", {"s": LONG}),
    "tojson of shared lists": (SHARED + "{{ a|tojson|length }}", {}),
    "equality of shared lists": (SHARED + "{{ a == b }}", {}),
    "membership of shared lists": (SHARED + "{{ a in [b] }}", {}),
    "sorting shared lists": (SHARED + "{{ [a, b]|sort|length }}", {}),
    "filter in a loop": ("{% for i in l %}{{ s|title|length }}{% endfor %}", {"l": MANY, "s": LONG}),
    "search in a loop": ("{% for i in l %}{{ c in s }}{% endfor %}", {"l": MANY, "s": LONG, "c": "x" * 100 + "y"}),
    "comparison in a loop": ("{% for i in l %}{{ a == b }}{% endfor %}", {"l": MANY, "a": [1] * 100_000, "b": [1] * 100_000}),
    "tojson in a loop": ("{% for i in l %}{{ l|tojson|length }}{% endfor %}", {"l": MANY}),
    "sort in a loop": ("{% for i in l %}{{ l|sort|length }}{% endfor %}", {"l": MANY}),
    "round to many places": ("{{ 1|round(-99999999) }}", {}),
    "round up to many places": ("{{ 1|round(99999999, 'ceil') }}", {}),
    "integer of long text": ("{{ s|int }}", {"s": "9" * 200_000}),
    "integer of long hexadecimal text": ("{{ s|int(0, 16) }}", {"s": "f" * 200_000}),
    "trim of many": ("{{ s|trim(c)|length }}", {"s": "a" * 200_000, "c": "b" * 200_000 + "a"}),
    "not not": ("{{ " + "not " * 3_000 + "x }}", {"x": 1}),
    "minus minus": ("{{ " + "- " * 3_000 + "x }}", {"x": 1}),
    "parentheses": ("{{ " + "(" * 3_000 + "x" + ")" * 3_000 + " }}", {"x": 1}),
    "brackets": ("{{ " + "[" * 3_000 + "]" * 3_000 + "|length }}", {}),
    "sums": ("{{ " + "x + " * 5_000 + "x }}", {"x": 1}),
    "filters": ("{{ x" + "|upper" * 5_000 + " }}", {"x": "a"}),
    "indexes": ("{{ x" + "[0]" * 5_000 + " }}", {"x": [1]}),
    "conditions": ("{{ " + "1 if x else " * 3_000 + "x }}", {"x": 1}),
    "and and": ("{{ " + "x and " * 5_000 + "x }}", {"x": 1}),
    "120 nested ifs": ("{% if x %}" * 120 + "y" + "{% endif %}" * 120, {"x": 1}),
    "3,000 nested ifs": ("{% if x %}" * 3_000 + "y" + "{% endif %}" * 3_000, {"x": 1}),
    "many tags": ("{{ x }}" * 30_000, {"x": 1}),
    "unclosed comment": ("{#" * 100_000, {}),
    "braces": ("{{" * 100_000, {}),
    "a text too long": ("x" * 300_000, {}),
}  # fmt: skip


def run_hostile(text: str, variables: dict[str, Any], answer: Any) -> None:
    sys.setrecursionlimit(20_000)  # as the program does
    here = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    )  # what the test run holds itself
    resource.setrlimit(resource.RLIMIT_AS, (here + MEMORY, here + MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        size = sum(len(str(part)) for part in render(text, {name: node(value) for name, value in variables.items()}))
        answer.send(f"{size} characters")
    except TemplateError as error:
        answer.send(error.code)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        answer.send(f"{type(error).__name__}: {error}"[:200])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_template_ends_soon_with_a_value_or_a_code(name: str) -> None:
    text, variables = HOSTILE[name]
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=run_hostile, args=(text, variables, there))
    process.start()
    there.close()
    try:
        answer = here.recv() if here.poll(300) else "nothing"
    except EOFError:
        answer = "it crashed, or took too long"
    finally:
        process.kill()
        process.join()
    assert answer in {"GCM308", "GCM310", "GCM311"} or answer.endswith(" characters"), answer
    assert not answer.endswith(" characters") or int(answer.split()[0]) <= 256 * 1024


@pytest.mark.parametrize(
    "name",
    [
        "nested loops",
        "text doubled by ~",
        "text doubled by +",
        "list doubled",
        "long output",
        "loop over doubled list",
        "join",
    ],
)
def test_what_grows_is_refused_as_such(name: str) -> None:
    text, variables = HOSTILE[name]
    assert code(text, **variables) == "GCM311"


def test_bounds_leave_room_for_real_prompts() -> None:
    turns = [{"role": "user", "content": "Tell me about the weather. " * 20} for _ in range(200)]
    text = "{% for turn in turns %}<{{ turn.role|upper }}>{{ turn.content|trim }}</{{ turn.role }}>\n{% endfor %}{{ turns|tojson|length }}"
    shown = rendered(text, turns=turns)
    assert shown.count("<USER>") == 200
    assert shown.endswith(str(len(json.dumps(turns))))
