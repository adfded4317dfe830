"""A document's models as resources of Envoy AI Gateway, version v1beta1, with those of Envoy Gateway that they need.

An endpoint becomes a Backend, its TLS policy, an AIServiceBackend and a BackendSecurityPolicy; the endpoints of a target
share one AIGatewayRoute by the name of the model. A chain is a route of its own whose backends have priorities, with a
BackendTrafficPolicy that retries on the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import many
from gitconfigmgr.release.emit import envoy_backends
from gitconfigmgr.release.emit.kubernetes import metadata, object_name, to_yaml
from gitconfigmgr.release.emit.taking import Emitted, Taking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.release.emit.kubernetes import KubernetesForm

AI, ENVOY, GATEWAY = "aigateway.envoyproxy.io/v1beta1", "gateway.envoyproxy.io/v1alpha1", "gateway.networking.k8s.io"
RULES = 128  # of one route
_DIGITS = 99_999
_LONGEST = _DIGITS * 3_600_000
_STATUS = {
    "rate_limited": [429], "overloaded": [503, 529], "timeout": [408, 504], "unavailable": [500, 502, 503, 504],
}  # fmt: skip


def emit_envoy(
    target: Target,
    document: Any,
    values: Mapping[KeyPath, Any] | None,
    annotations: Mapping[str, str],
    form: KubernetesForm,
    gateway: str,
) -> Emitted:
    """One file, `gateway.yaml`; none where the document has no endpoints. An empty `gateway` is the target's own name."""
    taking = Taking(document)
    if not taking.names("models", "endpoints"):
        return Emitted({}, [("models.endpoints", "there are none, and so no gateway.yaml")])
    made = _Gateway(target, taking, annotations, form, gateway or object_name(target))
    objects = made.build(values)
    opened = any(item["kind"] == "Secret" for item in objects)
    losses = taking.losses("has no place in Envoy AI Gateway's resources")
    return Emitted({"gateway.yaml": to_yaml(objects)}, losses, frozenset({"gateway.yaml"} if opened else ()))


def duration(seconds: float) -> str:
    """As the Gateway API writes it, at most five digits for a unit: 20s, 1500ms, 27h46m40s."""
    milliseconds = max(1, min(round(seconds * 1000), _LONGEST))
    whole, rest = divmod(milliseconds, 1000)
    if rest == 0 and whole <= _DIGITS:
        return f"{whole}s"
    if milliseconds <= _DIGITS:
        return f"{milliseconds}ms"
    parts = (whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"), (rest, "ms")
    return "".join(f"{number}{unit}" for number, unit in parts if number)


class _Gateway:
    def __init__(
        self, target: Target, taking: Taking, annotations: Mapping[str, str], form: KubernetesForm, gateway: str
    ) -> None:
        self._target = target
        self._taking = taking
        self._annotations = annotations
        self._form = form
        self._gateway = gateway
        self._objects: list[dict[str, Any]] = []
        self._models: dict[str, str | None] = {}

    def build(self, values: Mapping[KeyPath, Any] | None) -> list[dict[str, Any]]:
        rules = []
        for name in self._taking.names("models", "endpoints"):
            at = ("models", "endpoints", name)
            made = envoy_backends.backend(self._target, self._taking, at, self._form, values)
            if made is None:
                continue
            model, objects = made
            self._models[name] = model
            for kind, version, object_, spec in objects:
                self._add(kind, version, object_, spec)
            timeout = self._taking.take(*at, "timeout_seconds")
            rules.append(self._rule(name, [self._ref(name, 0)], timeout, None))
        if len(rules) > RULES:
            message = f"{self._target} has {many(len(rules), 'endpoint')}, and a route has at most {RULES} rules"
            raise UsageError(message, "split the namespace")
        if rules:
            self._route(object_name(self._target), rules)
        for chain in self._taking.names("models", "fallbacks"):
            self._chain(chain)
        return self._objects

    def _add(self, kind: str, version: str, name: str, content: dict[str, Any]) -> None:
        made = metadata(name, self._form.namespace, self._annotations)
        self._objects.append({"apiVersion": version, "kind": kind, "metadata": made, **content})

    def _ref(self, endpoint: str, priority: int) -> dict[str, Any]:
        name = object_name(self._target, endpoint)
        found: dict[str, Any] = {"name": name}
        if self._models[endpoint]:
            found["modelNameOverride"] = self._models[endpoint]
        return found | ({"priority": priority} if priority else {})

    def _rule(self, model: str, refs: list[dict[str, Any]], total: Any, attempt: Any) -> dict[str, Any]:
        header = {"type": "Exact", "name": "x-ai-eg-model", "value": model}
        timeouts = {name: duration(value) for name, value in (("request", total), ("backendRequest", attempt)) if value}
        if "backendRequest" in timeouts:
            timeouts.setdefault("request", "0s")  # none; without it the gateway has one of a minute
        rule = {"matches": [{"headers": [header]}], "backendRefs": refs}
        return rule | ({"timeouts": timeouts} if timeouts else {})

    def _route(self, name: str, rules: list[dict[str, Any]]) -> None:
        parents = [{"group": GATEWAY, "kind": "Gateway", "name": self._gateway}]
        self._add("AIGatewayRoute", AI, name, {"spec": {"parentRefs": parents, "rules": rules}})

    # -- chains ------------------------------------------------------------------------------------------------------

    def _chain(self, chain: str) -> None:
        at = ("models", "fallbacks", chain)
        if chain in self._models:
            self._taking.lose("an endpoint has this name: the chain is left out", *at)
            return
        names = self._targets(at)
        if not names:
            self._taking.lose("none of its targets is left: left out", *at)
            return
        refs = [self._ref(name, priority) for priority, name in enumerate(names.values())]
        total = self._taking.take(*at, "max_total_seconds")
        attempt = self._alike(at, names, "timeout_seconds", "Envoy has one for the whole chain: the longest")
        if total is not None and attempt is not None:
            attempt = min(attempt, total)
        route = object_name(self._target, f"chain {chain}")
        self._route(route, [self._rule(chain, refs, total, attempt)])
        self._taking.lose("Envoy AI Gateway does not compare regions", *at, "same_region_only")
        spec: dict[str, Any] = {
            "targetRefs": [{"group": GATEWAY, "kind": "HTTPRoute", "name": route}],
            "retry": self._retry(at, names),
        }
        breaker = self._taking.take(*at, "breaker")
        if breaker is not None:
            passive = {"consecutive5XxErrors": breaker["failures"], "consecutiveGatewayErrors": breaker["failures"],
                       "baseEjectionTime": duration(breaker["cool_down_seconds"]), "interval": "1s",
                       "maxEjectionPercent": 100}  # fmt: skip
            spec["healthCheck"] = {"passive": passive}
        self._add("BackendTrafficPolicy", ENVOY, route, {"spec": spec})

    def _targets(self, at: tuple[str, ...]) -> dict[int, str]:
        """Index -> endpoint of the targets that there are."""
        found: dict[int, str] = {}
        for index in range(len(self._taking.look(*at, "targets") or ())):
            place: tuple[str | int, ...] = (*at, "targets", index)
            name = self._taking.look(*place, "endpoint")
            if name in self._models and name not in found.values():
                found[index] = self._taking.take(*place, "endpoint")
                continue
            self._taking.lose(f"{name} is no endpoint that was emitted, or comes twice: left out", *place)
        return found

    def _alike(self, at: tuple[str, ...], names: Mapping[int, str], key: str, message: str) -> Any:
        """What a chain can say only once: the largest of its targets' values."""
        values = {index: self._taking.take(*at, "targets", index, key) for index in names}
        given = {index: value for index, value in values.items() if value is not None}
        if not given:
            return None
        largest = max(given.values())
        for index, value in given.items():
            if value != largest or len(given) < len(names):
                self._taking.say(message, *at, "targets", index, key)
        return largest

    def _retry(self, at: tuple[str, ...], names: Mapping[int, str]) -> dict[str, Any]:
        attempts = self._alike(at, names, "max_attempts", "Envoy has one for the whole chain: the most") or 1
        given = [self._taking.take(*at, "targets", index, "when") for index in list(names)[1:]]
        causes = {cause for when in given for cause in when or _STATUS}
        for index, when in zip(list(names)[1:], given, strict=True):
            if when is not None and set(when) - _STATUS.keys():
                rest = ", ".join(sorted(set(when) - _STATUS.keys()))
                self._taking.say(f"Envoy does not fall back for {rest}", *at, "targets", index, "when")
            if set(when or _STATUS) & _STATUS.keys() != causes & _STATUS.keys():
                self._taking.say(
                    "Envoy falls back for what any target of the chain names", *at, "targets", index, "when"
                )
        codes = sorted({code for cause in causes for code in _STATUS.get(cause, ())})
        triggers = ["connect-failure", "refused-stream", "reset"] if {"unavailable", "timeout"} & causes else []
        on = {"triggers": [*triggers, "retriable-status-codes"], "httpStatusCodes": codes}
        return {
            "numAttemptsPerPriority": attempts,
            "numRetries": attempts * len(names) - 1,
            **({"retryOn": on} if codes else {}),
        }
