"""`models`: the catalogue of models, and a repository's own table of those that it uses.

make_catalog(sources, day) -> bytes          one table of several; the package's own is made so
lock(repository) -> bytes                    models.lock.json: only the models in use
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.model_sources import LICENSES, read_source
from gitconfigmgr.check.llm import regions
from gitconfigmgr.check.llm.catalog import CAPABILITIES, FIELDS, FORMAT, Facts, Known, dated, filled
from gitconfigmgr.check.llm.judge import LlmJudge
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from gitconfigmgr.app.model_sources import Table
    from gitconfigmgr.pipeline import Repository

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREVIEW = ("preview", "-exp", "experimental", "-beta")
_ITSELF = "the id itself"


@dataclass(frozen=True, slots=True)
class Source:
    """A table and what it is called: `litellm 1.109.1`; `unusable` is what was passed over in it."""

    name: str
    license: str
    table: Table
    unusable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """A model that endpoints name; `facts` are None where no table has it. `targets` counts where."""

    provider: str
    model: str
    facts: Facts | None
    targets: int


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that differs between two tables."""

    id: str
    field: str
    old: Any
    new: Any


# -- what is in use ----------------------------------------------------------------------------------------------------


def known(repository: Repository) -> Known:
    """The models as the repository sees them."""
    return _judge(repository).known


def _judge(repository: Repository) -> LlmJudge:
    return next(judge for judge in repository.rules.judges if isinstance(judge, LlmJudge))


def used(repository: Repository, tables: Known | None = None) -> list[Use]:
    """The models that the endpoints of all targets name, sorted."""
    judge = _judge(repository)
    tables = tables or judge.known
    counts: dict[tuple[str, str, str], set[str]] = {}
    for target in repository.targets:
        root = repository.effective(target)
        parts = judge.parts(target.namespace, root) if root is not None else None
        for endpoint in parts.endpoints.values() if parts is not None else ():
            provider, model = endpoint.text("provider"), endpoint.text("model")
            if provider and model and provider != "self_hosted":
                place = regions.jurisdiction(endpoint.text("region") or "") or ""
                counts.setdefault((provider, model, place), set()).add(f"{target.namespace}@{target.environment}")
    found: dict[tuple[str, str, str | None], set[str]] = {}
    for (provider, model, place), targets in counts.items():
        facts = tables.facts(provider, model, place)
        found.setdefault((provider, model, facts.id if facts else None), set()).update(targets)
    return [
        Use(provider, model, tables.by_id(name) if name else None, len(targets))
        for (provider, model, name), targets in sorted(found.items(), key=lambda pair: (*pair[0][:2], pair[0][2] or ""))
    ]


def shown(repository: Repository, name: str) -> Facts:
    """What is known of one model. Raises UsageError for one that no table has."""
    tables = known(repository)
    facts = tables.by_id(name)
    if facts is None:
        provider, _, model = name.partition("/")
        near = closest(model, tables.names(provider))
        hint = f"did you mean {provider}/{near}?" if near else "ids are provider/model; see `models list --all`"
        raise UsageError(f"no table has {name}", hint)
    return facts


# -- the repository's own table ----------------------------------------------------------------------------------------


def lock(repository: Repository, tables: Known | None = None) -> bytes:
    """models.lock.json: the models in use. Those already locked stay as they are, unless `tables` say otherwise.

    What given tables do not say of a model, the package's does.
    """
    fill = tables is not None
    tables = tables or known(repository)
    facts = {}
    for use in used(repository, tables):
        found = tables.in_tables(use.facts.id) if use.facts is not None else None
        general = tables.packaged.facts(found.id) if found is not None and fill else None
        if found is not None:
            facts[found.id] = found if general is None else filled(found, general)
    days = {table.date for table in (*tables.own, tables.packaged) if any(name in table for name in facts)}
    listed = {source["name"]: source for table in (*tables.own, tables.packaged) for source in table.sources}
    return _table_of(facts, listed, max(days, default=tables.packaged.date))


def updated(repository: Repository, catalog: bytes | None) -> bytes:
    """models.lock.json with the facts of a new table, or of the package's where there is none."""
    tables = known(repository)
    fresh = Known(lambda: tables.packaged_bytes, lambda: [catalog] if catalog else [], tables.overrides)
    return lock(repository, fresh)


def changes(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> list[Change]:
    """What differs between two tables, for the models of the new one."""
    found = []
    for name, facts in sorted(new.items()):
        before = old.get(name)
        for field in FIELDS:
            one, other = getattr(before, field, None), getattr(facts, field)
            if one != other and before is not None:
                found.append(Change(name, field, one, other))
    return found


def _table_of(facts: Mapping[str, Facts], listed: Mapping[str, dict[str, str]], day: str) -> bytes:
    names = sorted({name for each in facts.values() for name in _named(each)})
    codes = {name: _DIGITS[index] for index, name in enumerate(names)}
    rows = {name: _row(_as_said(each, codes)) for name, each in facts.items()}
    sources = [listed.get(name, {"name": name, "license": "-"}) for name in names]
    return _written(day, sources, rows)


def _named(facts: Facts) -> set[str]:
    return {*facts.sources.values(), *(name for said in facts.others.values() for _, name in said)}


def _as_said(facts: Facts, codes: Mapping[str, str]) -> dict[str, list[tuple[Any, str]]]:
    """By field, what each source says, the one that decides first."""
    said: dict[str, list[tuple[Any, str]]] = {}
    for field in FIELDS:
        value = getattr(facts, field)
        if value is not None:
            pairs = [(value, facts.source(field)), *facts.others.get(field, [])]
            said[field] = [(_mask(v) if field == "capabilities" else v, codes[name]) for v, name in pairs]
    return said


def _mask(names: Iterable[str]) -> int:
    return sum(1 << CAPABILITIES.index(name) for name in names)


# -- making a table ----------------------------------------------------------------------------------------------------


def sources_of(files: Sequence[tuple[str | None, bytes]]) -> list[Source]:
    """Files as tables; a name that was not given is the kind of the file."""
    found = []
    for name, data in files:
        read = read_source(data)
        found.append(Source(name or read.kind, LICENSES[read.kind], read.table, tuple(read.unusable)))
    return found


def make_catalog(sources: Sequence[Source], day: date) -> bytes:
    """One table of several; the first source that knows a field decides, what others say of it is kept beside it."""
    if len(sources) >= len(_DIGITS):
        raise UsageError(f"a catalogue names at most {len(_DIGITS) - 1} sources")
    names = sorted({name for source in sources for name in source.table})
    aliases = dated(set(names))
    itself = _DIGITS[len(sources)]
    rows = {}
    for name in names:
        said: dict[str, list[tuple[Any, str]]] = {}
        for index, source in enumerate(sources):
            for field, value in source.table.get(name, {}).items():
                said.setdefault(field, []).append((value, _DIGITS[index]))
        for field, value in _read_off(name, aliases).items():
            said.setdefault(field, [(value, itself)])
        rows[name] = _row(said)
    listed = [{"name": source.name, "license": source.license} for source in sources]
    return _written(day.isoformat(), [*listed, {"name": _ITSELF, "license": "-"}], rows)


def _read_off(name: str, aliases: set[str]) -> dict[str, Any]:
    """What an id tells where no source does. An Azure deployment pins its version itself."""
    found: dict[str, Any] = {}
    if name in aliases and not name.startswith("azure_openai/"):
        found["floating"] = True
    if any(word in name for word in _PREVIEW):
        found["status"] = "preview"
    return found


def _row(said: Mapping[str, list[tuple[Any, str]]]) -> list[Any]:
    """A row of a table: values, sources, and what other sources say."""
    pairs = [said[field][0] if field in said else (None, ".") for field in FIELDS]
    while pairs and pairs[-1][0] is None:
        pairs.pop()
    others = {
        field: different
        for field in FIELDS
        if (different := [[v, code] for v, code in said.get(field, [])[1:] if _differs(field, v, said[field][0][0])])
    }
    row = [[value for value, _ in pairs], "".join(code for _, code in pairs)]
    return [*row, others] if others else row


def _differs(field: str, one: Any, other: Any) -> bool:
    if field == "capabilities":  # a table that does not name one says nothing about it
        return False
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) > 0.001 * max(abs(one), abs(other))
    return bool(one != other)


def _written(day: str, sources: list[dict[str, str]], rows: Mapping[str, Any]) -> bytes:
    """The bytes of a table: a model a line, so that a change of one is a line of a diff."""
    import orjson

    head = {
        "format": FORMAT,
        "date": day,
        "sources": sources,
        "fields": list(FIELDS),
        "capabilities": list(CAPABILITIES),
    }
    lines = [orjson.dumps({key: value})[1:-1].decode() for key, value in head.items()]
    models = [f"{orjson.dumps(name).decode()}:{orjson.dumps(rows[name]).decode()}" for name in sorted(rows)]
    return ("{" + ",\n".join([*lines, '"models":{\n' + ",\n".join(models) + "\n}"]) + "}\n").encode()
