"""What agents propose: taken in, told of, and settled by who has the repository. The endpoint itself changes nothing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.http.answers import NO_STORE, problem
from gitconfigmgr.http.messages import TooLargeError
from gitconfigmgr.server.answers import ProblemError, as_json, json_object
from gitconfigmgr.server.telemetry import log
from gitconfigmgr.sync.access import Ability
from gitconfigmgr.sync.proposals import State, entry_data, read_proposal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.http.messages import Answer
    from gitconfigmgr.server.app import Call, Endpoint
    from gitconfigmgr.sync.proposals import Entry, Inbox

_BODY = 512 * 1024
T = TypeVar("T")


async def answer_proposals(endpoint: Endpoint, call: Call) -> Answer:
    """POST and GET of `/proposals` and `/proposals/<id>`."""
    if endpoint.inbox is None or len(call.rest) > 1:
        return problem(404)
    posted = call.request.method == b"POST"
    if call.rest:
        return await (_settle if posted else _tell)(endpoint.inbox, call, call.rest[0])
    return await (_receive if posted else _list)(endpoint.inbox, call)


async def _receive(inbox: Inbox, call: Call) -> Answer:
    now = time.time()
    try:
        proposal = read_proposal(await _body(call), call.tenant, now)
    except ValueError as error:
        return problem(422, str(error))
    if not call.grant.may_read(proposal.namespace, proposal.environment):
        return problem(403, f"the caller is not allowed to propose for {proposal.namespace} in {proposal.environment}")
    entry = await _kept(lambda: inbox.add(call.tenant, proposal, call.grant.name, now))
    if entry is None:
        return problem(503, "too many proposals wait", "Retry-After: 600\r\n")
    told = {"id": entry.proposal.id, "state": entry.state, "address": f"v1/proposals/{entry.proposal.id}"}
    return as_json(told, 202, f"Location: /{call.tenant}/{told['address']}\r\n{NO_STORE}")


async def _tell(inbox: Inbox, call: Call, id_: str) -> Answer:
    entry = await _kept(lambda: inbox.get(call.tenant, id_))
    if entry is None or not _may_see(call, entry):
        return problem(404)
    return as_json(entry_data(entry))


async def _list(inbox: Inbox, call: Call) -> Answer:
    try:
        states = [State(name) for name in call.query.get("state", "").split(",") if name] or list(State)
    except ValueError:
        return problem(400, f"state is of {', '.join(State)}")
    entries = await _kept(lambda: inbox.all(call.tenant, states))
    return as_json({"proposals": [entry_data(entry) for entry in entries if _may_see(call, entry)]})


async def _settle(inbox: Inbox, call: Call, id_: str) -> Answer:
    """Whoever publishes says what has become of it."""
    if Ability.PUBLISH not in call.grant.abilities:
        return problem(403, "the caller is not allowed to publish here")
    given = await _body(call)
    outcome = given.get("outcome", {})
    try:
        state = State(given.get("state"))
    except ValueError:
        return problem(422, f"state is of {', '.join(State)}")
    if not isinstance(outcome, dict):
        return problem(422, "outcome is a map")
    if not await _kept(lambda: inbox.settle(call.tenant, id_, state, outcome)):
        return problem(409, f"there is no proposal {id_} that could become {state}")
    return as_json({"id": id_, "state": state})


def _may_see(call: Call, entry: Entry) -> bool:
    return call.grant.may_read(entry.proposal.namespace, entry.proposal.environment)


async def _body(call: Call) -> Any:
    try:
        return json_object(await call.request.body(_BODY))
    except TooLargeError:
        raise ProblemError(413, f"a proposal has at most {_BODY} bytes") from None


async def _kept(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OutsideError as error:
        log("error", f"proposals are not to be had: {error}")
        raise ProblemError(503, "proposals are not to be had", "Retry-After: 60\r\n") from None
