"""The OpenAPI document of the endpoint: one entry of OPERATIONS for each address."""

from __future__ import annotations

from typing import Any

from gitconfigmgr import __version__
from gitconfigmgr.server import openapi_agents as agents

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_REFUSALS = {
    "401": {"description": "No token that counts.", **_PROBLEM},
    "403": {"description": "The caller is not allowed this.", **_PROBLEM},
    "429": {"description": "Too many requests; Retry-After says when to come again.", **_PROBLEM},
}
_TENANT = {"name": "tenant", "in": "path", "required": True, "schema": {"type": "string"}}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": description}


def _path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": description}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_CONDITIONAL = [_header("If-None-Match", "304 where this is still the entity tag.")]
_NEGOTIATED = [*_CONDITIONAL, _header("Accept-Encoding", "zstd, gzip; for bundles also dcz.")]

OPERATIONS: dict[str, dict[str, Any]] = {
    "/{tenant}/{file}": {
        "get": {
            "summary": "A file of the published tree",
            "description": "`file` is a path with slashes, such as `tuf/metadata/timestamp.json`.",
            "parameters": [_TENANT, _path("file", "As docs/release.md lists them."), *_NEGOTIATED],
            "responses": {
                "200": {
                    "description": "The file.",
                    "content": {"application/json": {}, "application/octet-stream": {}},
                },
                "304": {"description": "Unchanged."},
                "404": {"description": "There is no such file.", **_PROBLEM},
            },
        }
    },
    "/{tenant}/v1/b/{namespace}/{environment}": {
        "get": {
            "summary": "The current bundle of a target",
            "description": "`namespace` is a path with slashes. RFC 9842: `dcz` where Available-Dictionary is a version "
            "that a delta is on offer for.",
            "parameters": [
                _TENANT,
                _path("namespace", "Such as `acme/assistants/chat-api`."),
                _path("environment", "Such as `production`."),
                *_NEGOTIATED,
                _header("Available-Dictionary", "SHA-256 of the bundle that the caller has, `:base64:`."),
            ],
            "responses": {
                "200": _json("The effective document.", {"type": "object"}),
                "304": {"description": "Unchanged."},
                "404": {"description": "Nothing is published for it.", **_PROBLEM},
            },
        }
    },
    "/{tenant}/v1/sync": {
        "post": {
            "summary": "What has changed since the versions that the caller has",
            "parameters": [_TENANT],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("SyncRequest")}}},
            "responses": {"200": _json("The changes.", _ref("SyncResponse"))},
        }
    },
    "/{tenant}/v1/watch": {
        "get": {
            "summary": "Be told of releases",
            "description": "Server-sent events `release`; or one answer, with `after` or `Prefer: wait`. Never content.",
            "parameters": [
                _TENANT,
                {
                    "name": "after",
                    "in": "query",
                    "schema": {"type": "integer"},
                    "description": "A release that is known.",
                },
                _header("Prefer", "`wait=30`: seconds to hold the answer back, at most 60."),
            ],
            "responses": {
                "200": {
                    "description": "Events, or one state.",
                    "content": {"text/event-stream": {}, "application/json": {"schema": _ref("State")}},
                },
                "204": {"description": "Nothing came in time."},
            },
        }
    },
}
OPERATIONS |= {
    "/{tenant}/v1/releases": {
        "post": {
            "summary": "Publish a release",
            "description": "A POSIX tar of files of the published tree, verified as readers verify it; all of it takes "
            "effect, or nothing. The member `.removed.json` lists paths to be removed.",
            "parameters": [
                _TENANT,
                _header("If-Match", "The SHA-256 of the timestamp.json that it is made on, in quotes."),
                _header("If-None-Match", "`*` for a first release."),
            ],
            "requestBody": {"required": True, "content": {"application/x-tar": {}}},
            "responses": {
                "200": _json("The release that readers find.", {"type": "object"}),
                "409": {"description": "Somebody else has published since.", **_PROBLEM},
                "413": {"description": "Too many bytes.", **_PROBLEM},
                "422": {"description": "It does not verify, or goes backwards.", **_PROBLEM},
                "428": {"description": "Neither If-Match nor If-None-Match.", **_PROBLEM},
            },
        }
    },
    "/{tenant}/v1/names/{folder}": {
        "get": {
            "summary": "The names in a folder of the tree, for who publishes",
            "parameters": [_TENANT, _path("folder", "A path with slashes.")],
            "responses": {"200": _json("Names.", {"type": "object"})},
        }
    },
}
PAGES: dict[str, dict[str, Any]] = {
    "/health/live": {"get": {"summary": "The process answers", "responses": {"200": {"description": "It does."}}}},
    "/health/ready": {
        "get": {
            "summary": "The tree can be read",
            "responses": {"200": {"description": "It can."}, "503": {"description": "It cannot.", **_PROBLEM}},
        }
    },
    "/metrics": {
        "get": {
            "summary": "Counters for Prometheus",
            "responses": {"200": {"description": "In its text format.", "content": {"text/plain": {}}}},
        }
    },
    "/openapi.json": {
        "get": {"summary": "This document", "responses": {"200": _json("OpenAPI 3.1.", {"type": "object"})}}
    },
}
_SUBSCRIPTION = {
    "type": "object",
    "properties": {"namespace": {"type": "string"}, "last_known_version": {"type": "integer", "minimum": 0}},
    "required": ["namespace"],
}
_CHANGE = {
    "type": "object",
    "properties": {
        "namespace": {"type": "string"},
        "environment": {"type": "string"},
        "new_version": {"type": "integer"},
        "digest": {"type": "string", "description": "Of the bundle; what comes of `delta` has to have it."},
        "length": {"type": "integer"},
        "compression": {"enum": ["dcz", "zstd", "gzip", "identity", None]},
        "base": {"type": ["string", "null"], "description": "The bundle that a dcz delta is applied to."},
        "delta": {"type": ["string", "null"], "contentEncoding": "base64"},
        "path": {"type": "string", "description": "Where the whole is, below the tenant."},
        "reason": {"type": "string"},
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457.",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        "required": ["title", "status"],
    },
    "State": {
        "type": "object",
        "properties": {
            "release": {"type": "integer"},
            "timestamp": {"type": "integer", "description": "The version of the timestamp metadata."},
            "targets": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["release", "timestamp", "targets"],
    },
    "SyncRequest": {
        "type": "object",
        "properties": {
            "environment": {"type": "string"},
            "namespace": {"type": "string"},
            "last_known_version": {"type": "integer", "minimum": 0},
            "max_size_bytes": {"type": "integer", "minimum": 0},
            "subscriptions": {"type": "array", "maxItems": 1000, "items": _SUBSCRIPTION},
        },
        "required": ["environment"],
    },
    "SyncResponse": {
        "type": "object",
        "properties": {
            "release": {"type": "integer"},
            "timestamp": {"type": "integer"},
            "changes": {"type": "array", "items": _CHANGE},
            "more": {"type": "boolean", "description": "Something was larger than max_size_bytes."},
        },
    },
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for address, operations in {**OPERATIONS, **agents.OPERATIONS}.items():
        paths[address] = {
            method: {**operation, "responses": {**operation["responses"], **_REFUSALS}}
            for method, operation in operations.items()
        }
    for address, operations in {**PAGES, **agents.PAGES}.items():
        paths[address] = {method: {**operation, "security": []} for method, operation in operations.items()}
    schemas = {**SCHEMAS, **agents.SCHEMAS}
    return {
        "openapi": "3.1.0",
        "info": {"title": "gitconfigmgr endpoint", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
    }
