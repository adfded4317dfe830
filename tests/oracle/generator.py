"""Random repositories, as plain data for the oracle and as files for the compiler.

All documents of a repository follow one random shape (which path is a map, a list, a scalar), so that layers collide
often but seldom clash; `spice` is the chance that a value breaks a rule on purpose.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

from tests.oracle.merging import EMPTY, Repo

if TYPE_CHECKING:
    from pathlib import Path

Shape = dict[str, Any]  # key -> Shape, "scalar", "list" or "keyed"; `$` keys as they appear in the output

ENVIRONMENTS: list[dict[str, Any] | None] = [
    None,
    {"dev": {"extends": "base"}, "qa": {"extends": "dev"}, "prod": {"extends": "qa", "protected": True}},
    {"dev": {"extends": "base"}, "qa": {}, "prod": {"extends": "base", "protected": True}},
    {"common": {"abstract": True}, "dev": {"extends": "common"}, "prod": {"extends": "common", "protected": True}},
    {"dev": {}, "prod": {"extends": "dev", "protected": True}, "prod-eu": {"extends": "prod", "protected": True}},
    {"dev": {}, "prod": {"protected": True}, "canary": {"extends": "prod"}},
]
SCALARS: list[Any] = [
    *(0, 1, 2, -7, 1.0, 1.5, -0.25, True, False, None, 9007199254740991),
    *("", "a", "b", "1", "true", "null", "no", "a b", "$x", "$${a}", "$$", "{{ a }}", 'é\n"\\', "# no comment"),
]
SEALED = [f"ENC[AES256_GCM,data:cXE=,iv:cXE=,tag:cXE=,type:{kind}]" for kind in ("str", "int", "bool")]
MEMBERS: list[Any] = ["x", "y", "z", 1]
DEFAULTS = ["", "1", "1.5", "true", "null", "text", "two words", '"30"']
BAD_TEXT = [
    "${",
    "${}",
    "a ${a..b}",
    "${a b}",
    "${a${b}}",
    "${nowhere}",
    "${a.nowhere}",
    "t ${nowhere.at.all}",
    "${acme/none:a}",
]


def random_repo(seed: int) -> Repo:
    """The same repository for the same seed."""
    return Maker(Random(seed)).repo()


class Maker:
    """One random repository in the making."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.shape = self.random_shape(0)
        self.spice = rng.choice([0, 0, 0.004, 0.03])
        self.fancy = rng.choice([0.1, 0.3])  # the chance of a directive where a plain value would do
        self.linked = rng.choice([0, 0.05, 0.15])  # the chance of a reference
        self.promoting = rng.choice([0, 0.5, 1, 1])
        self.environments = rng.choice(ENVIRONMENTS)
        self.namespaces = self.random_namespaces()
        self.settings: dict[str, Any] = {"version": 1}

    def repo(self) -> Repo:
        rng = self.rng
        if self.environments is not None:
            self.settings["environments"] = self.environments
        if rng.random() < 0.6:
            self.settings["precedence"] = rng.choice(["environment", "namespace"])
        if rng.random() < 0.7:
            self.settings["leak_guard"] = rng.choice(["error", "warn", "off"])
        repo = Repo(self.settings, {})
        for name in self.namespaces:
            for environment in repo.environments():
                if (name, environment) == ("global", "base") or rng.random() < 0.4:
                    repo.documents[name, environment] = self.document(
                        environment, full=(name, environment) == ("global", "base")
                    )
        if len({name for name, _ in repo.documents}) == 1:
            repo.documents["acme", "base"] = {}
        if rng.random() < 0.3:
            repo.schema = self.schema(repo, self.shape, ())
            self.settings["schemas"] = [{"schema": "schemas/random.schema.json"}]
        repo.compiled = {name for name in self.namespaces if name != "global" and rng.random() < 0.1}
        return repo

    def random_namespaces(self) -> list[str]:
        names = ["global"]
        for org in self.rng.sample(["acme", "beta", "corp"], self.rng.randint(1, 3)):
            names.append(org)
            for project in self.rng.sample(["ml", "web-1"], self.rng.randint(0, 2)):
                names.append(f"{org}/{project}")
                names += [
                    f"{org}/{project}/{service}" for service in self.rng.sample(["api", "chat"], self.rng.randint(0, 2))
                ]
        return names

    def random_shape(self, depth: int) -> Shape:
        keys = self.rng.sample(["a", "b", "c", "d", "e", "k.1", "$lit"], self.rng.randint(2, 4 if depth else 6))
        return {key: self.random_kind(depth + 1) for key in keys}

    def random_kind(self, depth: int) -> Any:
        name = self.rng.choice(["scalar", "scalar", "list", "keyed", "map", "map"])
        if name == "map":
            return self.random_shape(depth) if depth < 4 else "scalar"
        return name

    # -- documents ----------------------------------------------------------------------------------------------------

    def document(self, environment: str, *, full: bool) -> dict[str, Any]:
        lower = environment != "base"
        members = {}
        for key, kind in self.shape.items():
            if full or self.rng.random() < 0.45:
                members[written(key)] = self.member(kind, full=full and self.rng.random() < 0.9, lower=lower)
        if self.rng.random() < 0.4:
            members["$new"] = True
        return members

    def member(self, kind: Any, *, full: bool, lower: bool) -> Any:
        """A value of the kind, plain, or by a directive, or against the rules."""
        rng = self.rng
        if rng.random() < self.spice:
            return self.illegal(kind)
        data = self.plain(kind, full=full, lower=lower)
        if not full and rng.random() < self.fancy:
            data = self.directive(kind, data)
        if lower and rng.random() < self.promoting:
            return promoted(data)
        return self.marked(data) if rng.random() < self.fancy / 4 else data

    def plain(self, kind: Any, *, full: bool, lower: bool) -> Any:
        rng = self.rng
        if isinstance(kind, dict):
            keys = [key for key in kind if full or rng.random() < 0.5]
            return {written(key): self.member(kind[key], full=full, lower=lower) for key in keys}
        if kind == "list":
            return [self.item() for _ in range(rng.randint(0, 3))]
        if kind == "keyed":
            names = rng.sample(MEMBERS, rng.randint(0, 3))
            return [{"name": name, **{key: self.scalar() for key in "pq" if rng.random() < 0.5}} for name in names]
        return self.scalar()

    def item(self) -> Any:
        roll = self.rng.random()
        if roll < 0.1:
            return {"a": self.scalar(), "b": {}}
        return [self.scalar()] if roll < 0.2 else self.scalar()

    def scalar(self) -> Any:
        if self.rng.random() < self.linked:
            return self.reference()
        roll = self.rng.random()
        return EMPTY if roll < 0.01 else self.rng.choice(SEALED if roll < 0.05 else SCALARS)

    def directive(self, kind: Any, data: Any) -> Any:
        roll = self.rng.random()
        if roll < 0.12:
            return {"$delete": self.rng.choice(["if-present", "if-present", True])}
        if roll < 0.16:
            return {"$required": "because"}
        if roll < 0.25:
            return {"$replace": self.plain(self.rng.choice(["scalar", "list", kind]), full=False, lower=True)}
        if isinstance(kind, dict):
            return data | {"$new": True}
        return self.list_directive(kind, data) if isinstance(data, list) else data

    def list_directive(self, kind: str, data: list[Any]) -> Any:
        if kind == "keyed":
            return {"$by": "name", "$items": [self.keyed_item(item) for item in data]}
        parts = {"$append": data, "$prepend": [self.item()], "$remove": [self.rng.choice(SCALARS)]}
        return {key: parts[key] for key in self.rng.sample(list(parts), self.rng.randint(1, 3))}

    def keyed_item(self, item: dict[str, Any]) -> dict[str, Any]:
        if self.rng.random() < 0.3:
            return {"name": item["name"], "$delete": self.rng.choice(["if-present", True])}
        return item

    def marked(self, data: Any) -> Any:
        """The value with one mark or two beside it."""
        if is_bare(data):
            return data
        marks: list[dict[str, Any]] = [
            {"$lock": "audit"},
            {"$force": "T-1"},
            {"$force": "T-2"},
            {"$force": "T-3", "$lock": "audit"},
            {"$new": True},
            {"$promote": True},
            {"$until": self.rng.choice(["2026-06-01", "2026-06-10", "2027-01-01"]), "$owner": "team"},
        ]
        return with_marks(data, self.rng.choice(marks))

    def illegal(self, kind: Any) -> Any:
        rng = self.rng
        choices: list[Any] = [
            *({"$apend": [1]}, {"$value": 1, "$replace": 2}, {"$value": 1, "a": 2}, {"$lock": "why"}, {"$append": 1}),
            *({"$delete": True, "$lock": "why"}, {"$delete": "maybe"}, {"$required": "why", "$new": True}),
            *({"$by": "name"}, {"$by": "name", "$items": [{"p": 1}]}, {"$by": "name", "$items": [{"name": "x"}] * 2}),
            *({"$append": ["a"]}, {"$delete": True}, {"$required": "why"}, {"extra": 1}, [1], 1, {}, None),
            {"$value": self.plain(kind, full=True, lower=True), "$until": "2026-05-01", "$owner": "team"},
            {"$value": self.plain(kind, full=True, lower=True), "$lock": "why"},
            rng.choice(BAD_TEXT),
        ]
        return rng.choice(choices)

    # -- schemas ------------------------------------------------------------------------------------------------------

    def schema(self, repo: Repo, shape: Shape, path: tuple[str, ...]) -> dict[str, Any]:
        """A JSON Schema that names some paths and says how some lists merge, noted in the repository as well."""
        properties: dict[str, Any] = {}
        for key, kind in shape.items():
            if self.rng.random() < 0.3:
                continue
            dotted = ".".join((*path, key))
            repo.schema_paths.add(dotted)
            properties[key] = self.schema(repo, kind, (*path, key)) if isinstance(kind, dict) else {}
            if kind in ("list", "keyed") and self.rng.random() < 0.6:
                strategy = self.rng.choice(["replace", "append", "prepend", "union"])
                repo.schema_merge[dotted] = {"by": "name"} if kind == "keyed" and self.rng.random() < 0.8 else strategy
                properties[key]["x-gcm-merge"] = repo.schema_merge[dotted]
        return {"properties": properties}

    # -- references ---------------------------------------------------------------------------------------------------

    def reference(self) -> str:
        rng = self.rng
        path, kind = self.random_path()
        origin = ""
        if rng.random() < 0.25:
            origin = rng.choice(self.namespaces)
        if rng.random() < 0.15:
            origin += "@" + rng.choice(list(Repo(self.settings, {}).environments()))
        default = ":-" + rng.choice(DEFAULTS) if rng.random() < 0.5 else ""
        text = "${" + (origin + ":" if origin else "") + path + default + "}"
        if kind == "scalar" and rng.random() < 0.3 and '"' not in default:
            return f"<{text}> $${{a}} {text}"
        return text

    def random_path(self) -> tuple[str, Any]:
        """A path of the shape as a reference writes it, and its kind."""
        kind: Any = self.shape
        parts: list[str] = []
        while isinstance(kind, dict) and not (parts and self.rng.random() < 0.2):
            key = self.rng.choice(list(kind))
            parts.append(json.dumps(key) if re.search(r"[.$]", key) else key)
            kind = kind[key]
        if kind in ("list", "keyed") and self.rng.random() < 0.4:
            return ".".join([*parts, str(self.rng.randint(0, 2))]), "item"
        return ".".join(parts), kind


def written(key: str) -> str:
    """M10: how a key is written."""
    return "$" + key if key.startswith("$") else key


def is_bare(data: Any) -> bool:
    """Whether nothing may stand beside it, or nothing needs to."""
    return data is EMPTY or (isinstance(data, dict) and bool({"$delete", "$required"} & set(data)))


def promoted(data: Any) -> Any:
    return data if is_bare(data) else with_marks(data, {"$promote": True})


def with_marks(data: Any, marks: dict[str, Any]) -> dict[str, Any]:
    if isinstance(data, dict) and any(re.match(r"\$(?!\$|new$)", key) for key in data):
        return data | marks
    return {"$value": data} | marks


# -- files ------------------------------------------------------------------------------------------------------------


def write_repo(repo: Repo, root: Path, rng: Random) -> None:
    """The repository as files below `root`."""
    (root / "gitconfigmgr.yaml").write_text(block(repo.settings, 0, rng, quiet=True))
    if repo.schema:
        (root / "schemas").mkdir()
        (root / "schemas" / "random.schema.json").write_text(json.dumps(repo.schema), encoding="utf-8")
    for (namespace, environment), document in repo.documents.items():
        path = root / "configs" / namespace / f"{environment}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block(document, 0, rng) if document else "{}\n", encoding="utf-8")
    for namespace in repo.compiled:
        path = root / "configs" / namespace / "_namespace.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("compile: true\n")


def block(data: Any, indent: int, rng: Random, *, quiet: bool = False) -> str:
    """Lines of block style; at random, flow style for what is below."""
    pad = "  " * indent
    if isinstance(data, dict):
        heads = [(f"{pad}{key if quiet else key_text(key, rng)}:", value) for key, value in data.items()]
    else:
        heads = [(f"{pad}-", value) for value in data]
    lines = []
    for head, value in heads:
        if value and isinstance(value, dict | list) and not (rng.random() < 0.2 and not holds_empty(value)):
            lines.append(f"{head}\n{block(value, indent + 1, rng, quiet=quiet)}")
        elif value is EMPTY:
            lines.append(f"{head}\n")
        else:
            bare = isinstance(value, str) and (
                (quiet and value != "off") or (head.endswith("$until:") and rng.random() < 0.5)
            )
            lines.append(f"{head} {value if bare else flow(value)}\n")
    return "".join(lines)


def key_text(key: str, rng: Random) -> str:
    return key if re.fullmatch(r"\$*[a-z]{2,}", key) and rng.random() < 0.5 else json.dumps(key)


def flow(data: Any) -> str:
    """Flow style: JSON, which is YAML."""
    return json.dumps(data, ensure_ascii=False)


def holds_empty(data: Any) -> bool:
    if isinstance(data, dict | list):
        return any(holds_empty(value) for value in (data.values() if isinstance(data, dict) else data))
    return data is EMPTY
