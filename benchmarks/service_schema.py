"""The JSON Schema the generated services are bound to: closed sections, patterns, typed maps, shared definitions."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

BOOL: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 200}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def integer(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def number(low: float, high: float) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high}


def enum(*values: str) -> Schema:
    return {"enum": list(values)}


def pattern(expression: str) -> Schema:
    return {"type": "string", "pattern": expression}


def closed(**properties: Schema) -> Schema:
    """A map with these members, all of them required, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def definitions() -> Schema:
    return {
        "slug": pattern("^[a-z]+(-[a-z0-9]+)+$"),
        "host": pattern(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"),
        "https": {"type": "string", "format": "uri", "pattern": r"^https://[a-z.]+/[a-z]+/[0-9]+$"},
        "day": pattern("^20[0-9]{2}-[01][0-9]-[0-3][0-9]$"),
        "model": pattern("^(aurora|borealis|cirrus)-[a-z0-9]+(-[a-z0-9]+)*$"),
        "port": integer(1024, 65535),
        "milliseconds": integer(10, 60_000),
        "seconds": integer(1, 86_400),
        "share": number(0, 1),
        "prompt": {"type": "string", "minLength": 40, "maxLength": 4000, "pattern": r"\{\{question\}\}"},
        "settings": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
            "additionalProperties": {"anyOf": [ref("flag"), ref("settings")]},
        },
        "flag": {"type": ["boolean", "integer", "number", "string"]},
        "route": closed(
            path=pattern("^/v[0-9]+/[a-z]+$"),
            model=ref("model"),
            weight=integer(1, 100),
            timeout_ms=ref("milliseconds"),
            cache=BOOL,
        ),
    }


def service_sections() -> Schema:
    return {
        "service": closed(
            name=pattern("^svc-[0-9]{5}$"),
            tier=enum("gold", "silver", "bronze"),
            description=TEXT,
            contact=ref("slug"),
            runbook=ref("https"),
            port=ref("port"),
            replicas=integer(1, 50),
            public=BOOL,
            created=ref("day"),
            version=pattern(r"^[0-9]+\.[0-9]+$"),
            codename=pattern("^[a-z]+$"),
        ),
        "model": closed(
            provider=enum("acme", "borealis", "cirrus"),
            name=ref("model"),
            revision=ref("day"),
            timeout_ms=ref("milliseconds"),
            stream=BOOL,
            fallback={"type": "array", "items": ref("model"), "minItems": 1, "maxItems": 5, "uniqueItems": True},
            params=closed(
                temperature=number(0, 2),
                top_p=ref("share"),
                max_tokens=integer(1, 8192),
                seed=integer(0, 99_999),
                presence_penalty=number(-2, 2),
                frequency_penalty=number(-2, 2),
            ),
        ),
        "limits": closed(
            requests_per_minute=integer(1, 10_000),
            tokens_per_minute=integer(1, 1_000_000),
            daily_cost_usd=number(0, 1000),
            max_concurrency=integer(1, 512),
            burst=integer(1, 100),
            per_user=closed(requests_per_minute=integer(1, 600), tokens_per_day=integer(1, 1_000_000)),
        ),
        "database": closed(
            engine=enum("postgres", "mysql"),
            host=ref("host"),
            port=ref("port"),
            name=ref("slug"),
            user=ref("slug"),
            ssl=BOOL,
            pool=closed(min=integer(1, 10), max=integer(10, 200), timeout_ms=ref("milliseconds")),
        ),
        "cache": closed(
            backend=enum("redis", "memcached"),
            host=ref("host"),
            ttl_seconds=ref("seconds"),
            max_entries=integer(1, 1_000_000),
            namespace=TEXT,
            semantic=closed(enabled=BOOL, threshold=ref("share")),
        ),
        "prompts": {"type": "object", "minProperties": 1, "additionalProperties": ref("prompt")},
        "routes": {
            "type": "object",
            "propertyNames": {"pattern": "^r[0-9]+$"},
            "additionalProperties": ref("route"),
        },
        "features": {
            "type": "object",
            "patternProperties": {
                "^group_[0-9]+$": {"type": "object", "additionalProperties": ref("flag")},
            },
            "additionalProperties": False,
        },
    }


def shared_sections() -> Schema:
    """The sections that come from `configs/global`: maps of settings, typed but not listed."""
    names = ("logging", "tracing", "metrics", "security", "network", "runtime", "maintenance")
    return {name: ref("settings") for name in names}


def service_schema() -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://acme.example/schemas/service.schema.json",
        "title": "A service",
        "$defs": definitions(),
        **closed(**service_sections(), **shared_sections()),
    }
