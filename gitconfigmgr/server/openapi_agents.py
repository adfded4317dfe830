"""What agents tell and propose, in the OpenAPI document."""

from __future__ import annotations

from typing import Any

_TENANT = {"name": "tenant", "in": "path", "required": True, "schema": {"type": "string"}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_WRONG = {"description": "It is not what it should be.", "content": {"application/problem+json": {}}}
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": _TEXT, "description": description}


OPERATIONS: dict[str, dict[str, Any]] = {
    "/{tenant}/v1/status": {
        "post": {
            "summary": "An agent tells how it is",
            "parameters": [_TENANT],
            "requestBody": _given(_ref("Report")),
            "responses": {"204": {"description": "Kept in the place of its last report."}, "422": _WRONG},
        }
    },
    "/{tenant}/v1/fleet": {
        "get": {
            "summary": "What all agents have told",
            "parameters": [_TENANT, _query("environment", "Only its agents.")],
            "responses": {
                "200": _json(
                    "By environment and instance; `release` is the one that is published.",
                    {
                        "type": "object",
                        "properties": {
                            "tenant": _TEXT,
                            "release": _WHOLE,
                            "agents": {"type": "array", "items": _ref("Agent")},
                        },
                    },
                )
            },
        }
    },
    "/{tenant}/v1/proposals": {
        "post": {
            "summary": "An agent proposes a change",
            "description": "The same content has the same id: it can be sent again.",
            "parameters": [_TENANT],
            "requestBody": _given(_ref("Proposal")),
            "responses": {"202": _json("Kept.", _ref("Received")), "422": _WRONG},
        },
        "get": {
            "summary": "The proposals of the tenant",
            "parameters": [_TENANT, _query("state", "Only those in one of these states, with commas.")],
            "responses": {
                "200": _json(
                    "In the order they were received.",
                    {"type": "object", "properties": {"proposals": {"type": "array", "items": _ref("Entry")}}},
                )
            },
        },
    },
    "/{tenant}/v1/proposals/{id}": {
        "get": {
            "summary": "What has become of a proposal",
            "parameters": [_TENANT, _ID],
            "responses": {"200": _json("It.", _ref("Entry")), "404": {"description": "There is none."}},
        },
        "post": {
            "summary": "Whoever publishes says what has become of it",
            "parameters": [_TENANT, _ID],
            "requestBody": _given(
                {
                    "type": "object",
                    "properties": {"state": _ref("ProposalState"), "outcome": {"type": "object"}},
                    "required": ["state"],
                }
            ),
            "responses": {
                "200": {"description": "Done."},
                "409": {"description": "It has become something else already."},
                "422": _WRONG,
            },
        },
    },
}
PAGES: dict[str, dict[str, Any]] = {
    "/fleet": {
        "get": {
            "summary": "The agents of a tenant, as a page",
            "description": "A token with the ability `fleet` is the password of HTTP Basic; it tells the tenant.",
            "parameters": [
                _query("environment", "Only its agents."),
                _query("show", "`trouble`: those that do not follow."),
                _query("sort", "A column; with - before it, the other way."),
            ],
            "responses": {
                "200": {"description": "Without script.", "content": {"text/html": {}}},
                "401": {"description": "No such token."},
            },
        }
    }
}
_REPORT = {
    "instance": _TEXT,
    "environment": _TEXT,
    "state": {"enum": ["not-ready", "ready", "stale", "expired", "pinned", "fatal"]},
    "release": _WHOLE,
    "commit": _TEXT,
    "namespaces": {"type": "object", "additionalProperties": _WHOLE},
    "overrides": {"type": "object", "additionalProperties": {"type": "array", "items": _TEXT}},
    "reason": {"type": ["string", "null"]},
    "waiting": {"type": ["integer", "null"]},
    "age": {"type": ["number", "null"]},
    "expires_in": {"type": ["number", "null"]},
}
_SEEN = {
    "by": {**_TEXT, "description": "The name of the token."},
    "seen": {"type": "number"},
    "since": {"type": "number", "description": "When it first told of this release."},
    "silence": {"type": "number", "description": "Seconds since it was seen."},
    "quiet": {"type": "boolean"},
    "well": {"type": "boolean"},
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Report": {"type": "object", "properties": _REPORT, "required": ["instance", "environment", "state"]},
    "Agent": {"type": "object", "properties": {**_REPORT, **_SEEN}},
    "ProposalState": {"enum": ["received", "proposed", "merged", "lost", "manual", "refused"]},
    "Proposal": {
        "type": "object",
        "properties": {
            "instance": _TEXT,
            "environment": _TEXT,
            "namespace": _TEXT,
            "patch": {
                "type": "array",
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "description": "RFC 6902, on the effective document.",
                    "properties": {"op": {"enum": ["add", "replace", "remove"]}, "path": _TEXT, "value": {}},
                    "required": ["op", "path"],
                },
            },
            "base": {
                "type": "object",
                "properties": {"release": _WHOLE, "version": _WHOLE, "digest": _TEXT, "commit": _TEXT},
            },
            "at": {"type": "string", "format": "date-time"},
            "vector": {"type": "object", "additionalProperties": _WHOLE},
            "reason": _TEXT,
        },
        "required": ["instance", "environment", "namespace", "patch", "base", "at", "vector", "reason"],
    },
    "Received": {"type": "object", "properties": {"id": _TEXT, "state": _ref("ProposalState"), "address": _TEXT}},
    "Entry": {
        "type": "object",
        "properties": {
            "id": _TEXT,
            "state": _ref("ProposalState"),
            "outcome": {"type": "object"},
            "by": _TEXT,
            "received": {"type": "string", "format": "date-time"},
            "proposal": _ref("Proposal"),
        },
    },
}
