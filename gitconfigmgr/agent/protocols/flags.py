"""What a flag is for somebody: plain values, maps of the packaged schema for feature flags, static definitions of flagd's."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_FEATURE = {"enabled", "description", "owner_team", "expires", "rollout", "rules"}  # gcm:llm/feature-flags.schema.json


class EvaluationError(Exception):
    """The flag is here, and cannot be evaluated; `code` is OpenFeature's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def evaluate(key: str, value: Any, context: Mapping[str, Any]) -> dict[str, Any]:
    """`value`, `variant` and `reason`. Without a value, the application takes its own default. Raises EvaluationError."""
    if is_feature(value):
        try:
            return _feature(key, value, context)
        except (KeyError, TypeError, ValueError):
            raise EvaluationError("GENERAL", "it is not what the schema of feature flags asks") from None
    if is_definition(value):
        return _definition(value)
    return {"reason": "STATIC", "variant": "default"} | ({} if value is None else {"value": value})


def is_feature(value: Any) -> bool:
    """A map of the packaged schema: it is on or off."""
    return isinstance(value, dict) and isinstance(value.get("enabled"), bool) and value.keys() <= _FEATURE


def is_definition(value: Any) -> bool:
    """A definition of flagd's."""
    return isinstance(value, dict) and "defaultVariant" in value and isinstance(value.get("variants"), dict)


def _feature(key: str, flag: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Off at all, then the first rule that holds, then the share of the users."""
    if not flag["enabled"]:
        return _decided("DISABLED", "disabled", on=False)
    for rule in flag.get("rules") or ():
        if _text(context.get(rule["attribute"])) in rule["values"]:
            return _decided("TARGETING_MATCH", str(rule["name"]), on=bool(rule["enabled"]))
    rollout = flag.get("rollout", "all")
    if not isinstance(rollout, dict):
        return _decided("STATIC" if not flag.get("rules") else "DEFAULT", str(rollout), on=rollout == "all")
    by = str(rollout.get("sticky_by", "targetingKey"))
    who = context.get(by, context.get("targetingKey"))
    if who is None:
        raise EvaluationError("TARGETING_KEY_MISSING", f"the share is decided by {by}, which is not in the context")
    share = int.from_bytes(hashlib.sha256(f"{key} {who}".encode()).digest()[:8], "big") / 2**64
    on = share * 100 < float(rollout["percent"])
    return _decided("SPLIT", "on" if on else "off", on=on)


def _text(value: Any) -> Any:
    """As it would stand in the values of a rule, which are text."""
    return str(value) if type(value) in (int, float) else str(value).lower() if isinstance(value, bool) else value


def _decided(reason: str, variant: str, *, on: bool) -> dict[str, Any]:
    return {"reason": reason, "variant": variant, "value": on}


def _definition(flag: Mapping[str, Any]) -> dict[str, Any]:
    if flag.get("state") == "DISABLED":
        return {"reason": "DISABLED", "variant": "disabled"}
    if flag.get("targeting"):
        raise EvaluationError("GENERAL", "targeting is evaluated by flagd, which can follow the agent's files")
    variant = flag["defaultVariant"]
    try:
        return {"reason": "STATIC", "variant": variant, "value": flag["variants"][variant]}
    except (KeyError, TypeError):
        raise EvaluationError("GENERAL", "its defaultVariant is none of its variants") from None
