"""The stack and the merge of the oracle: a second, plain reading of the rules M1 to M17.

It shares no code with the compiler and favours plainness over speed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

Path = tuple[str, ...]
Target = tuple[str, str]  # namespace, environment
Layer = tuple[str, str]  # the same pair, for one document

DEFAULT_ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "development": {"extends": "base"},
    "staging": {"extends": "development"},
    "production": {"extends": "staging", "protected": True},
}
LIST_DIRECTIVES = {"$append", "$prepend", "$remove"}
CONTENT = [{"$value"}, {"$replace"}, LIST_DIRECTIVES, {"$by", "$items"}, {"$delete"}, {"$required"}]
BESIDE = {"$lock", "$force", "$promote", "$until", "$owner", "$new"}


class Empty:
    """What `key:` without a value is: null, with a warning (M8)."""


EMPTY = Empty()


@dataclass
class Repo:
    """`documents` maps (namespace, environment) to plain data; the schema's part maps dotted paths.

    `schema_merge` gives "replace", "append", "prepend", "union" or {"by": name}; `schema_lists` are paths of type list.
    `schema` is the JSON Schema that says so; only the compiler reads it.
    """

    settings: dict[str, Any]
    documents: dict[Layer, dict[str, Any]]
    compiled: set[str] = field(default_factory=set)
    schema_merge: dict[str, Any] = field(default_factory=dict)
    schema_lists: set[str] = field(default_factory=set)
    schema_paths: set[str] = field(default_factory=set)
    schema: dict[str, Any] = field(default_factory=dict)
    now: date = date(2026, 6, 1)

    def environments(self) -> dict[str, dict[str, Any]]:
        return {"base": {"abstract": True}, **self.settings.get("environments", DEFAULT_ENVIRONMENTS)}

    def protected(self, environment: str) -> bool:
        return bool(self.environments()[environment].get("protected"))

    def has_namespace(self, name: str) -> bool:
        """A namespace is a folder below configs/."""
        folders = {namespace for namespace, _ in self.documents} | self.compiled
        return any(other == name or other.startswith(name + "/") for other in folders)


@dataclass
class Required:
    why: str


@dataclass
class Node:
    """A merged value: a scalar, a Required, {name: Node} or [Node], and the layer that wrote it."""

    value: Any
    layer: Layer
    promote: bool = False
    lock: str | None = None
    until: date | None = None
    forced_by: Layer | None = None
    whole: bool = True  # a list as one layer wrote it
    by: str | None = None  # the member by which the list's items were matched last


@dataclass(frozen=True)
class Pen:
    """Who writes: the layer, the marks that hold for a whole subtree, and whether unknown paths are of interest."""

    layer: Layer
    promote: bool = False
    force: bool = False
    watch: bool = False


@dataclass(frozen=True)
class Hold:
    """What holds for a subtree under `layer`: a lock from below, and leave to break it."""

    layer: Layer
    locked: bool = False
    forced: bool = False


# -- the stack --------------------------------------------------------------------------------------------------------


def chain_of(repo: Repo, environment: str) -> list[str]:
    """The environments from base to this one."""
    if environment == "base":
        return ["base"]
    return [*chain_of(repo, repo.environments()[environment].get("extends", "base")), environment]


def namespaces_of(namespace: str) -> list[str]:
    parts = namespace.split("/")
    own = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return own if own[0] == "global" else ["global", *own]


def stack_of(repo: Repo, namespace: str, environment: str) -> list[Layer]:
    """The documents of a target, lowest first."""
    environments, namespaces = chain_of(repo, environment), namespaces_of(namespace)
    if repo.settings.get("precedence", "environment") == "environment":
        pairs = [(name, env) for env in environments for name in namespaces]
    else:
        pairs = [(name, env) for name in namespaces for env in environments]
    return [pair for pair in pairs if pair in repo.documents]


def targets_of(repo: Repo) -> list[Target]:
    """What is compiled: namespaces without child namespaces, and those that ask for it, where not abstract."""
    names = {name for name, _ in repo.documents}
    leaves = {name for name in names if not any(other.startswith(name + "/") for other in names)} - {"global"}
    environments = [env for env, item in repo.environments().items() if not item.get("abstract")]
    return [(name, env) for name in sorted(leaves | repo.compiled) for env in environments]


# -- merge ------------------------------------------------------------------------------------------------------------


def canonical(data: Any) -> str:
    """Text that is equal exactly where values are: 1 is 1.0, and not true."""
    return json.dumps(_whole_floats(data), sort_keys=True)


def _whole_floats(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _whole_floats(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_whole_floats(value) for value in data]
    return int(data) if isinstance(data, float) and data.is_integer() else data


def plain(node: Node) -> Any:
    """The node without its marks, references unresolved."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return {"$required": node.value.why} if isinstance(node.value, Required) else node.value


def kind(node: Node | None) -> str:
    if node is None or isinstance(node.value, Required):
        return "nothing"
    if isinstance(node.value, dict):
        return "map"
    return "list" if isinstance(node.value, list) else "scalar"


def is_directive(data: Any) -> bool:
    return isinstance(data, dict) and any(re.match(r"\$(?!\$)", key) and key != "$new" for key in data)


def says_new(data: Any) -> bool:
    """M11: `{$value: map}` is read like the map itself."""
    return isinstance(data, dict) and (data.get("$new") is True or says_new(data.get("$value")))


def is_legal(data: dict[str, Any]) -> bool:
    """Known directives of the right types that go together."""
    keys = set(data)
    groups = [group for group in CONTENT if group & keys]
    if len(groups) != 1 or keys - groups[0] - BESIDE or ("$owner" in keys and "$until" not in keys):
        return False
    if groups[0] == {"$by", "$items"} and not {"$by", "$items"} <= keys:
        return False
    if ("$delete" in keys and keys - {"$delete", "$force"}) or ("$required" in keys and len(keys) > 1):
        return False
    return all(_right_type(key, value) for key, value in data.items())


def _right_type(key: str, value: Any) -> bool:
    if key in LIST_DIRECTIVES | {"$items"}:
        return isinstance(value, list)
    if key in {"$by", "$required", "$lock", "$force", "$owner"}:
        return isinstance(value, str)
    if key == "$until":
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
    if key in {"$promote", "$new"}:
        return value is True
    return key != "$delete" or value is True or value == "if-present"


class Fold:
    """The left fold over the stack of one target: `root`, `errors` and `warnings`."""

    def __init__(self, repo: Repo, namespace: str, environment: str) -> None:
        self.repo = repo
        self.errors: list[tuple[str, str]] = []
        self.warnings: list[tuple[str, str]] = []
        self.known: set[Path] = set()
        self.forced_removals: set[Path] = set()
        self.root = Node({}, ("", "base"))
        for layer in stack_of(repo, namespace, environment):
            self.add(layer, repo.documents[layer])

    def add(self, layer: Layer, document: dict[str, Any]) -> None:
        lower, self.forced_removals = self.root, set()
        pen = Pen(layer, watch=self.repo.protected(layer[1]) and document.get("$new") is not True)
        self.root = self.apply(lower, document, (), pen) or lower
        self.keep_locks(lower, self.root, (), Hold(layer))
        self.learn(self.root, ())

    def fail(self, rule: str, path: Path) -> None:
        self.errors.append((rule, ".".join(path)))

    def learn(self, node: Node, path: Path) -> None:
        """Remember every path that has a value, for M11."""
        self.known.add(path)
        if isinstance(node.value, dict):
            for key, child in node.value.items():
                self.learn(child, (*path, key))

    def apply(self, lower: Node | None, data: Any, path: Path, pen: Pen) -> Node | None:
        """The value at `path` once `data` is laid over `lower`; None where nothing is left."""
        if is_directive(data):
            return self.direct(lower, data, path, pen)
        if isinstance(data, dict):
            return self.lay_map(lower, data, path, pen)
        if isinstance(data, list):
            return self.lay_list(lower, data, path, pen)
        if kind(lower) in {"map", "list"}:
            self.fail("M9", path)
            return lower
        if data is EMPTY:
            self.warnings.append(("M8", ".".join(path)))
        return self.write(None if data is EMPTY else data, pen)

    def write(self, value: Any, pen: Pen) -> Node:
        return Node(value, pen.layer, promote=pen.promote, forced_by=pen.layer if pen.force else None)

    def rewrite(self, lower: Node, value: Any, pen: Pen, **changes: Any) -> Node:
        """`lower` with other members: it keeps its own marks."""
        return replace(lower, value=value, forced_by=pen.layer if pen.force else None, **changes)

    def lay_map(self, lower: Node | None, data: dict[str, Any], path: Path, pen: Pen) -> Node | None:
        """M1."""
        if kind(lower) in {"scalar", "list"}:
            self.fail("M9", path)
            return lower
        members = dict(lower.value) if lower and kind(lower) == "map" else {}
        inner = replace(pen, watch=False) if "$new" in data else pen
        for key, child in data.items():
            if key == "$new":
                self.check_new(child, path)
                continue
            name = key[1:] if key.startswith("$$") else key
            self.lay_member(members, name, child, (*path, name), inner)
        if lower and kind(lower) == "map":
            changes = {"layer": pen.layer, "promote": pen.promote} if set(data) - {"$new"} else {}
            return self.rewrite(lower, members, pen, **changes)
        return self.write(members, pen)

    def check_new(self, value: Any, path: Path) -> None:
        if value is not True:
            self.fail("M10", path)

    def lay_member(self, members: dict[str, Node], name: str, data: Any, path: Path, pen: Pen) -> None:
        lower = members.get(name)
        if pen.watch and lower is None and not self.is_known(path):
            pen = replace(pen, watch=False)
            if not (says_new(data) or (isinstance(data, dict) and "$delete" in data)):
                self.fail("M11", path)
        result = self.apply(lower, data, path, pen)
        put(members, name, result)

    def is_known(self, path: Path) -> bool:
        return path in self.known or ".".join(path) in self.repo.schema_paths

    def items(self, data: list[Any], path: Path, pen: Pen) -> list[Node]:
        """New items of a list: with nothing below, and no paths to know (M11)."""
        quiet = replace(pen, watch=False)
        made = [self.apply(None, item, (*path, str(n)), quiet) for n, item in enumerate(data)]
        return [item for item in made if item is not None]

    def lay_list(self, lower: Node | None, data: list[Any], path: Path, pen: Pen) -> Node | None:
        """M3 and M4."""
        if kind(lower) in {"scalar", "map"}:
            self.fail("M9", path)
            return lower
        strategy = self.repo.schema_merge.get(".".join(path), "replace")
        if lower is None or kind(lower) == "nothing" or strategy == "replace":
            return self.write(self.items(data, path, pen), pen)
        lower = replace(lower, until=None)
        if isinstance(strategy, dict):
            return self.lay_by(lower, strategy["by"], data, path, pen)
        new = self.items(data, path, pen)
        if strategy == "union":
            joined = list(lower.value)
            for item in new:
                if canonical(plain(item)) not in [canonical(plain(other)) for other in joined]:
                    joined.append(item)
        else:
            joined = lower.value + new if strategy == "append" else new + lower.value
        return self.rewrite(lower, joined, pen, whole=False, by=None)

    def direct(self, lower: Node | None, data: dict[str, Any], path: Path, pen: Pen) -> Node | None:
        """A directive map: its content, then the marks beside it."""
        if not is_legal(data):
            self.fail("M10", path)
            return lower
        pen = replace(pen, promote=pen.promote or "$promote" in data, force=pen.force or "$force" in data)
        if "$new" in data:
            pen = replace(pen, watch=False)
        if "$delete" in data:
            self.delete(lower, data, path, pen)
            return None
        result = self.content(lower, data, path, pen)
        if result is not None and "$lock" in data:
            result.lock = data["$lock"]
        if result is not None and "$until" in data:
            self.limit(lower, result, data)
        return result

    def limit(self, lower: Node | None, result: Node, data: dict[str, Any]) -> None:
        """M15: the date holds for the value, and once another layer changes a list, for the items that came with it."""
        result.until = date.fromisoformat(data["$until"])
        if isinstance(result.value, list):
            old = lower.value if lower and kind(lower) == "list" else []
            for item in result.value:
                if not any(item is other for other in old):
                    item.until = item.until or result.until

    def delete(self, lower: Node | None, data: dict[str, Any], path: Path, pen: Pen) -> None:
        """M7. A layer that removes a path knows it."""
        self.known.add(path)
        if kind(lower) == "nothing" and data["$delete"] is True:
            self.fail("M7", path)
        if pen.force:
            self.forced_removals.add(path)

    def content(self, lower: Node | None, data: dict[str, Any], path: Path, pen: Pen) -> Node | None:
        if "$required" in data:
            return self.write(Required(data["$required"]), pen)
        if "$value" in data:
            return self.apply(lower, data["$value"], path, pen)
        if "$replace" in data:
            return self.apply(None, data["$replace"], path, pen)
        if kind(lower) == "nothing" and ".".join(path) in self.repo.schema_lists | set(self.repo.schema_merge):
            lower = self.write([], pen)
        if kind(lower) == "nothing" and "$by" in data:
            lower = self.write([], pen)
        if lower is None or kind(lower) != "list":
            self.fail("M5" if kind(lower) == "nothing" else "M9", path)
            return lower
        lower = replace(lower, until=None)
        if "$by" in data:
            return self.lay_by(lower, data["$by"], data["$items"], path, pen)
        return self.change_list(lower, data, path, pen)

    def change_list(self, lower: Node, data: dict[str, Any], path: Path, pen: Pen) -> Node:
        """M5: remove, prepend, append, in this order."""
        items = list(lower.value)
        for unwanted in data.get("$remove", []):
            rest = [item for item in items if canonical(plain(item)) != canonical(unwanted)]
            if len(rest) == len(items):
                self.warnings.append(("M5", ".".join(path)))
            items = rest
        before, after = self.items(data.get("$prepend", []), path, pen), self.items(data.get("$append", []), path, pen)
        return self.rewrite(lower, before + items + after, pen, whole=False, by=None)

    def lay_by(self, lower: Node, member: str, data: list[Any], path: Path, pen: Pen) -> Node:
        """M6."""
        old = [plain(item) for item in lower.value]
        if not (identified(old, member) and identified(data, member)):
            self.fail("M6", path)
            return lower
        items = {canonical(item[member]): node for item, node in zip(old, lower.value, strict=True)}
        for item in data:
            identity = canonical(item[member])
            # beside `$delete` the member only says which item goes
            content = {key: value for key, value in item.items() if "$delete" not in item or key != member}
            item_pen = pen if identity in items else replace(pen, watch=False)
            put(items, identity, self.apply(items.get(identity), content, (*path, f"[{identity}]"), item_pen))
        return self.rewrite(lower, list(items.values()), pen, whole=False, by=member)

    def keep_locks(self, old: Node | None, new: Node | None, path: Path, hold: Hold) -> None:
        """M12: what a lower layer locked is as it was, or forced by this layer; the locks stay in force above."""
        if old is not None and new is not None:
            new.lock = new.lock or old.lock
        locked = hold.locked or (old is not None and old.lock is not None)
        forced = hold.forced or (new.forced_by == hold.layer if new else path in self.forced_removals)
        before, after = members(old, new), members(new, new)
        if before is not None and after is not None:
            for key in {**before, **after}:
                self.keep_locks(before.get(key), after.get(key), (*path, key), Hold(hold.layer, locked, forced))
        elif not forced and (differ(old, new) if locked else loses_a_lock(old, new)):
            self.fail("M12", path)


def put(target: dict[str, Node], key: str, node: Node | None) -> None:
    if node is None:
        target.pop(key, None)
    else:
        target[key] = node


def members(node: Node | None, new: Node | None) -> dict[str, Node] | None:
    """The members of a map, or of a list that was merged by key; else None."""
    if node is not None and isinstance(node.value, dict):
        return node.value
    if node is not None and isinstance(node.value, list) and new is not None and new.by is not None:
        return {canonical(plain(item)[new.by]): item for item in node.value}
    return None


def differ(old: Node | None, new: Node | None) -> bool:
    if old is None or new is None:
        return old is not new
    return canonical(plain(old)) != canonical(plain(new))


def loses_a_lock(old: Node | None, new: Node | None) -> bool:
    """Whether a locked value somewhere in `old` is not in `new` any more."""
    if old is None or not has_lock(old):
        return False
    if new is None or not isinstance(old.value, list) or not isinstance(new.value, list):
        return differ(old, new)
    kept = [canonical(plain(item)) for item in new.value]
    return any(has_lock(item) and canonical(plain(item)) not in kept for item in old.value)


def has_lock(node: Node) -> bool:
    return node.lock is not None or any(has_lock(child) for child in children(node).values())


def children(node: Node) -> dict[str, Node]:
    """The members of a map or a list, by key or by index."""
    if isinstance(node.value, list):
        return {str(n): child for n, child in enumerate(node.value)}
    return node.value if isinstance(node.value, dict) else {}


def identified(items: list[Any], member: str) -> bool:
    """M6: every item is a map that has the member, as text without references or number, and no two have the same."""
    names = [item.get(member) if isinstance(item, dict) else None for item in items]
    if not all(isinstance(name, str | int | float) and not isinstance(name, bool) for name in names):
        return False
    if any("${" in str(name) for name in names):
        return False
    return len({canonical(name) for name in names}) == len(names)


# -- the effective document -------------------------------------------------------------------------------------------


class Judge:
    """M13, M14 and M15 over the merged document of a target."""

    def __init__(self, repo: Repo, environment: str) -> None:
        self.repo = repo
        self.guard = repo.settings.get("leak_guard", "error") if repo.protected(environment) else "off"
        self.errors: list[tuple[str, str]] = []
        self.warnings: list[tuple[str, str]] = []

    def visit(self, node: Node, path: Path, guard: bool = True) -> None:
        dotted = ".".join(path)
        if isinstance(node.value, Required):
            self.errors.append(("M14", dotted))
            return
        if node.until is not None:
            self.judge_until(node.until, dotted)
        leaf = node.whole if isinstance(node.value, list) else not children(node)
        if leaf and guard and self.leaks(node):
            (self.errors if self.guard == "error" else self.warnings).append(("M13", dotted))
        for key, child in children(node).items():
            said = isinstance(node.value, list) and child.until == node.until
            self.visit(replace(child, until=None) if said else child, (*path, key), guard and not leaf)

    def judge_until(self, until: date, dotted: str) -> None:
        left = (until - self.repo.now).days
        if left < 0:
            self.errors.append(("M15", dotted))
        elif left <= 14:
            self.warnings.append(("M15", dotted))

    def leaks(self, node: Node) -> bool:
        environment = node.layer[1]
        lower = environment != "base" and not self.repo.protected(environment)
        return self.guard != "off" and lower and not node.promote
