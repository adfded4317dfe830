"""What agents tell of themselves, and who asks for it: JSON for programs, one page for people."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.http.answers import NO_STORE, problem
from gitconfigmgr.http.messages import Answer, TooLargeError
from gitconfigmgr.server.answers import ProblemError, as_json, json_object
from gitconfigmgr.server.callers import UnknownError
from gitconfigmgr.server.telemetry import log
from gitconfigmgr.sync.access import Ability
from gitconfigmgr.sync.fleet import Report, as_data, duration, read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    import jinja2

    from gitconfigmgr.http.messages import Request
    from gitconfigmgr.server.app import Call, Endpoint
    from gitconfigmgr.sync.access import Grant
    from gitconfigmgr.sync.fleet import Fleet

_BODY = 128 * 1024
_ROWS = 2000  # of the page
_KEPT = 7 * 86400.0  # an agent that was not heard for so long is gone
_ASK = 'WWW-Authenticate: Basic realm="gitconfigmgr: a token as password", charset="UTF-8"\r\n'
_TEMPLATE = Path(__file__).parent / "templates" / "fleet.html"


async def answer_status(endpoint: Endpoint, call: Call) -> Answer:
    """POST of `/status`: an agent's report, kept in the place of its last one."""
    try:
        given = json_object(await call.request.body(_BODY))
        report = read_report(given, call.grant.name, time.time())
    except TooLargeError:
        return problem(413, f"a report has at most {_BODY} bytes")
    except ValueError as error:
        return problem(422, str(error))
    if not call.grant.covers(report.environment):
        return problem(403, f"the caller is not allowed to tell of {report.environment}")
    try:
        await asyncio.to_thread(_store(endpoint).record, call.tenant, report)
    except OutsideError as error:
        log("error", f"a report was not kept: {error}")
        return problem(503, "the report was not kept", "Retry-After: 60\r\n")
    return Answer(204, headers=NO_STORE)


async def answer_fleet(endpoint: Endpoint, call: Call) -> Answer:
    """GET of `/fleet`: all reports that the caller may see; `?environment=` asks for one."""
    now = time.time()
    reports = await _reports(endpoint, call.grant)
    wanted = call.query.get("environment")
    found = [as_data(report, now) for report in reports if wanted in (None, report.environment)]
    return as_json({"tenant": call.tenant, "release": _released(endpoint, call.tenant), "agents": found})


async def page(endpoint: Endpoint, request: Request) -> Answer:
    """GET of `/fleet` with a token as the password of HTTP Basic: browsers can send no other."""
    try:
        grant = await _visitor(endpoint, request)
    except UnknownError as error:
        wait = endpoint.by_address.wait(request.address, time.time())
        if wait:
            raise ProblemError(429, "too many attempts", f"Retry-After: {int(wait) + 1}\r\n") from None
        return problem(401, str(error), _ASK)
    query = dict(parse_qsl(request.target.partition(b"?")[2].decode("latin-1"), max_num_fields=10))
    view = _View(query.get("environment", ""), query.get("show", ""), query.get("sort", ""))
    try:
        reports = await _reports(endpoint, grant)
    except ProblemError as error:
        return error.answer
    text = _page(grant.tenant, reports, _released(endpoint, grant.tenant), view, time.time())
    return Answer(200, text.encode(), "text/html; charset=utf-8", NO_STORE + _policy())


async def _visitor(endpoint: Endpoint, request: Request) -> Grant:
    """Whose token is the password, or who has a certificate. Raises UnknownError."""
    if endpoint.by_address.over(request.address, time.time()):
        raise UnknownError("too many attempts")
    kind, _, given = request.header("authorization").partition(" ")
    if kind.lower() == "basic":
        try:
            token = base64.b64decode(given.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            raise UnknownError("the password is a token") from None
        request.headers[b"authorization"] = b"Bearer " + token
    grant = await endpoint.callers.grant(request, "")
    if Ability.FLEET not in grant.abilities or not grant.tenant:
        raise UnknownError("a token with the ability fleet is asked for")
    return grant


def _store(endpoint: Endpoint) -> Fleet:
    if endpoint.fleet is None:
        raise ProblemError(404)
    return endpoint.fleet


async def _reports(endpoint: Endpoint, grant: Grant) -> list[Report]:
    """Raises ProblemError."""
    try:
        store = _store(endpoint)
        await asyncio.to_thread(store.forget, time.time() - _KEPT)
        found = await asyncio.to_thread(store.all, grant.tenant)
    except OutsideError as error:
        log("error", f"reports cannot be read: {error}")
        raise ProblemError(503, "reports cannot be read") from None
    return [_readable(report, grant) for report in found if grant.covers(report.environment)]


def _readable(report: Report, grant: Grant) -> Report:
    versions = report.versions.items()
    may = {name: version for name, version in versions if grant.may_read(name, report.environment)}
    changed = {name: keys for name, keys in report.overrides.items() if name in may}
    return report._replace(versions=may, overrides=changed)


def _released(endpoint: Endpoint, tenant: str) -> int:
    known = endpoint.hub.catalogues.get(tenant)
    return known.release if known else 0


# -- the page --------------------------------------------------------------------------------------------------------


class _View(NamedTuple):
    """What the visitor has chosen; all of it stands in the address."""

    environment: str
    show: str
    sort: str

    def address(self, **change: str) -> str:
        chosen = {name: value for name, value in self._replace(**change)._asdict().items() if value}
        return f"?{urlencode(chosen)}" if chosen else "?"


class _Row(NamedTuple):
    """A line of the table."""

    report: Report
    well: bool
    quiet: bool
    behind: bool
    running: str
    seen: str


_COLUMNS: dict[str, tuple[str, Callable[[_Row], Any]]] = {
    "instance": ("Instance", lambda row: row.report.instance),
    "environment": ("Environment", lambda row: row.report.environment),
    "state": ("State", lambda row: (row.well, row.report.state)),
    "release": ("Release", lambda row: row.report.release),
    "version": ("Version", lambda row: (len(row.report.versions), sum(row.report.versions.values()))),
    "since": ("Since", lambda row: -row.report.since),
    "seen": ("Heard", lambda row: -row.report.seen),
    "reason": ("Remarks", lambda row: row.report.reason),
}


def _page(tenant: str, reports: list[Report], released: int, view: _View, now: float) -> str:
    rows = [_row(report, released, now) for report in reports]
    shown = [
        row
        for row in rows
        if view.environment in ("", row.report.environment) and (view.show != "trouble" or not row.well)
    ]
    column = view.sort.removeprefix("-")
    key = _COLUMNS[column][1] if column in _COLUMNS else lambda row: row.well  # first who needs somebody
    shown.sort(key=key, reverse=view.sort.startswith("-"))
    columns = [
        (title, view.address(sort=f"-{name}" if view.sort == name else name), _arrow(view.sort, name))
        for name, (title, _) in _COLUMNS.items()
    ]
    return _template().render(
        tenant=tenant, rows=shown[:_ROWS], left_out=max(0, len(shown) - _ROWS), columns=columns, view=view,
        environments=sorted({report.environment for report in reports}), total=len(rows), released=released,
        well=sum(row.well for row in rows), quiet=sum(row.quiet for row in rows),
        behind=sum(row.behind for row in rows), style=_style(),
        at=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)),
    )  # fmt: skip


def _row(report: Report, released: int, now: float) -> _Row:
    since, seen = duration(now - report.since), duration(now - report.seen)
    behind = report.release < released
    return _Row(report, report.well(now), report.quiet(now), behind, since, seen)


def _arrow(sort: str, name: str) -> str:
    return {name: "ascending", f"-{name}": "descending"}.get(sort, "none")


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


@cache
def _style() -> str:
    return _TEMPLATE.with_suffix(".css").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Nothing is loaded, run or sent; the one style is known by its digest."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"Content-Security-Policy: default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"
    )
