"""Values in prompts: defaults, examples and fixtures against what their variables declare, and people's data in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.llm.context import here
from gitconfigmgr.model.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})")
_FICTION = re.compile(
    r"(?:.*\.)?(?:example(?:\.[a-z]{2,6})?|test|invalid|localhost)\Z|(?:.*\.)?example\.", re.IGNORECASE
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_PHONE = re.compile(r"(?<![\w+])\+\d{1,3}(?:[ ()/-]{0,2}\d){7,12}(?!\d)")
_LONGEST = 200_000  # characters of a message that are looked at for people's data


def judge(context: Context) -> None:
    """All rules about values that stand in a prompt."""
    for prompt in context.llm.prompts.values():
        variables = prompt.members("variables")
        for name, variable in variables.items():
            for key in ("default", "example"):
                value = variable.at(key)
                if value is not None:
                    _fits(context, name, variable, value, f"the {key} of {name}")
                    _people(context, value)
            if variable.at("default") is not None and variable.value("required") is True:
                context.report(
                    "GCM552", f"{name} is required, so its default is never used", variable.at("default") or variable
                )
        for fixture in prompt.items("fixtures"):
            _fixture(context, fixture, variables)
        for form in (prompt, *prompt.members("variants").values()):
            for message in form.items("messages"):
                content = message.at("content")
                if content is not None and message.text("role") in {"user", "assistant"}:
                    _people(context, content)


def _fixture(context: Context, fixture: Part, variables: dict[str, Part]) -> None:
    values = fixture.members("variables")
    place = fixture.at("variables") or fixture
    for name, variable in variables.items():
        if name not in values and variable.at("default") is None and variable.value("required") is not False:
            context.report(
                "GCM552",
                f"the fixture gives no {name}",
                place,
                key=True,
                related=(here(variable, "declared here", key=True),),
            )
    for name, value in values.items():
        if name in variables:
            _fits(context, name, variables[name], value, f"the fixture's {name}")
        elif variables:
            near = context.near(name, list(variables))
            context.report("GCM552", f"the fixture gives {name}, which is not declared", value, key=True,
                           help_=f"did you mean {near}?" if near else None)  # fmt: skip
        _people(context, value)


def _fits(context: Context, name: str, variable: Part, value: Part, what: str) -> None:
    problem = _problem(variable, plain(value.node))
    if problem:
        context.report(
            "GCM552", f"{what} {problem}", value, related=(here(variable, f"{name} is declared here", key=True),)
        )


def _problem(variable: Part, value: Any) -> str | None:
    wanted = variable.text("type") or ""
    kind = _TYPES.get(wanted)
    if kind is not None and (not isinstance(value, kind) or (isinstance(value, bool) and wanted != "boolean")):
        return f"is no {wanted}"
    if isinstance(value, str):
        return _text_problem(variable, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        lowest, highest = variable.number("minimum"), variable.number("maximum")
        if lowest is not None and value < lowest:
            return f"is below {lowest}"
        if highest is not None and value > highest:
            return f"is above {highest}"
    most = variable.whole("max_items")
    if isinstance(value, list) and most is not None and len(value) > most:
        return f"has {len(value)} items, more than {most}"
    return _choice_problem(variable, value)


def _text_problem(variable: Part, value: str) -> str | None:
    from gitconfigmgr.check.fast import keyword_test

    most, least = variable.whole("max_chars"), variable.whole("min_chars")
    if most is not None and len(value) > most:
        return f"has {len(value)} characters, more than {most}"
    if least is not None and len(value) < least:
        return f"has {len(value)} characters, fewer than {least}"
    pattern = variable.text("pattern")
    test = keyword_test("pattern", pattern) if pattern is not None else None
    if test is not None and not test(value):
        return f"does not match {pattern}"
    return _choice_problem(variable, value)


def _choice_problem(variable: Part, value: Any) -> str | None:
    choices = [plain(item.node) for item in variable.items("enum")]
    return "is none of the values it may have" if choices and value not in choices else None


# -- people's data (GCM557) --------------------------------------------------------------------------------------------


def _people(context: Context, part: Part) -> None:
    for leaf in _texts(part):
        for kind, found in personal(leaf.text() or ""):
            context.report("GCM557", f"this looks like {kind}", leaf, within=found, hidden=True)


def _texts(part: Part) -> Iterator[Part]:
    if part.text() is not None:
        yield part
    for child in (*part.items(), *part.members().values()):
        yield from _texts(child)


def personal(text: str) -> Iterator[tuple[str, str]]:
    """What in a text looks like data of a person: the kind, and the piece. Numbers have to pass their check digits."""
    text = text[:_LONGEST]
    for match in _MAIL.finditer(text):
        if not _FICTION.match(match[1]):
            yield "a mail address", match[0]
            break
    for match in _IBAN.finditer(text):
        if _is_iban(match[0].replace(" ", "")):
            yield "a bank account (IBAN)", match[0]
            break
    for match in _CARD.finditer(text):
        if _is_card(re.sub(r"\D", "", match[0])):
            yield "a card number", match[0]
            break
    phone = _PHONE.search(text)
    if phone and "555" not in phone[0]:
        yield "a telephone number", phone[0]


def _is_iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _is_card(digits: str) -> bool:
    if len(set(digits)) == 1:
        return False
    doubled = [int(d) * 2 if at % 2 else int(d) for at, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
