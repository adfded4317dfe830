"""Spring Cloud Config: /{application}/{profile}[/{label}], and the same as .yml, .properties and .json."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.agent.protocols.protocol import Item, View
    from gitconfigmgr.agent.server import Request

_DEFAULT = "default"  # the profile that clients ask for when none is active
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SUFFIXES = (".properties", ".yaml", ".yml", ".json")


def answer(view: View, request: Request) -> Answer:
    """The document of an application: its environment is the one that this agent follows."""
    parts = request.parts
    suffix = next((suffix for suffix in _SUFFIXES if parts and parts[-1].endswith(suffix)), None)
    if suffix is not None and len(parts) in (1, 2):
        return _file(view, parts[-1].removesuffix(suffix), parts[0] if len(parts) == 2 else None, suffix)
    if len(parts) not in (2, 3):
        raise Refusal(404, "see /{application}/{profile}[/{label}]")
    application, profiles, label = parts[0], parts[1].split(","), parts[2] if len(parts) == 3 else None
    if not {view.environment, _DEFAULT} & set(profiles):
        raise Refusal(404, f"this agent has the profile {view.environment}")
    _check_label(view, label)
    # the last of several applications wins in Spring, and the first source in an answer
    items = [view.item(_name(name)) for name in reversed(application.split(","))]
    sources = [{"name": f"gitconfigmgr:{item.namespace}", "source": flattened(item.value)} for item in items]
    body = {
        "name": application, "profiles": profiles, "label": label, "version": view.commit, "state": "",
        "propertySources": sources,
    }  # fmt: skip
    return Answer(orjson.dumps(body), tagged=True)


def _file(view: View, stem: str, label: str | None, suffix: str) -> Answer:
    for profile in (view.environment, _DEFAULT):
        if stem.endswith(f"-{profile}"):
            _check_label(view, label)
            return _rendered(view.item(_name(stem.removesuffix(f"-{profile}"))), suffix)
    raise Refusal(404, f"this agent has /{{application}}-{view.environment}{suffix}")


def _rendered(item: Item, suffix: str) -> Answer:
    if suffix == ".json":
        return Answer(orjson.dumps(item.value), tagged=True)
    if suffix == ".properties":
        lines = [f"{_escaped(key, ' =:#!')}={_escaped(_text(value))}" for key, value in flattened(item.value).items()]
        return Answer("\n".join([*lines, ""]).encode("ascii"), "text/plain;charset=UTF-8", tagged=True)
    text = "".join(_yaml(item.value, "")) or "{}\n"
    return Answer(text.encode(), "text/plain;charset=UTF-8", tagged=True)


def _name(application: str) -> str:
    return application.replace("(_)", "/")  # as Spring writes a slash in names


def _check_label(view: View, label: str | None) -> None:
    if label is not None and _name(label) not in (*view.options["labels"], view.commit, str(view.release)):
        raise Refusal(404, "this agent has one state: see `labels` in its settings")


def flattened(document: dict[str, Any]) -> dict[str, Any]:
    """Properties as Spring's own YamlProcessor makes them: `a.b`, `list[0]`; an empty list and null are ""."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        _flatten(value, key, found)
    return found


def _flatten(value: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, below in value.items():
            _flatten(below, f"{path}{key}" if key.startswith("[") else f"{path}.{key}", found)
    elif isinstance(value, list) and value:
        for at, below in enumerate(value):
            _flatten(below, f"{path}[{at}]", found)
    else:
        found[path] = "" if value is None or value == [] else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _escaped(text: str, special: str = "") -> str:
    """For a .properties file, in ASCII."""
    out = []
    for at, character in enumerate(text):
        if character in "\\" + special or (character == " " and at == 0):
            out.append(f"\\{character}")
        elif " " <= character <= "~":
            out.append(character)
        else:
            pairs = character.encode("utf-16-be")
            out += [f"\\u{pairs[i : i + 2].hex()}" for i in range(0, len(pairs), 2)]
    return "".join(out)


def _yaml(value: dict[str, Any] | list[Any], indent: str) -> Iterator[str]:
    """Block style; scalars and keys as JSON, which YAML includes."""
    entries = value.items() if isinstance(value, dict) else [("", below) for below in value]
    for key, below in entries:
        start = f"{indent}{_scalar(key)}:" if isinstance(value, dict) else f"{indent}-"
        if isinstance(below, dict | list) and below:
            yield f"{start}\n"
            yield from _yaml(below, f"{indent}  ")
        else:
            yield f"{start} {_scalar(below)}\n"


def _scalar(value: Any) -> str:
    """YAML 1.1 wants a point and a sign in numbers, and takes fewer characters as they are."""
    text = orjson.dumps(value).decode()
    if isinstance(value, float) and "e" in text:
        digits, _, power = text.partition("e")
        return f"{digits if '.' in digits else f'{digits}.0'}e{int(power):+d}"
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def error(refusal: Refusal, request: Request) -> Answer:
    """As Spring Boot says it."""
    titles = {401: "Unauthorized", 404: "Not Found", 503: "Service Unavailable"}
    title = titles.get(refusal.status, "Bad Request")
    body = {"status": refusal.status, "error": title, "message": refusal.detail, "path": "/" + "/".join(request.parts)}
    headers = (("WWW-Authenticate", 'Basic realm="gitconfigmgr"'),) if refusal.status == 401 else ()
    return Answer(orjson.dumps(body), status=refusal.status, headers=headers)


PROTOCOL = Protocol(answer, error, options={"labels": ["main", "master"]})
