"""Write a repository of layered configuration, the same content in the format of several compilers.

    python benchmarks/corpus.py --services 200 --keys 100 --format gcm --git -o DIR

The content is a function of the arguments and nothing else. A document is
merge(global/base, global/ENV, service/base, service/ENV), then references. Layers above a base change scalars only,
because the compilers disagree about lists. `--format expect` writes the right answer as JSON, worked out here by ten
lines that share nothing with any compiler.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from service_schema import service_schema

Scalar: TypeAlias = "str | int | float | bool"
KeyPath: TypeAlias = tuple[str, ...]
Make: TypeAlias = Callable[[random.Random], "Scalar | list[str]"]

SERVICES_PER_PROJECT = 20
FORMATS = ("gcm", "reclass", "kapitan", "jsonnet", "expect")


@dataclass(frozen=True)
class Ref:
    """A value with references in it: texts and key paths in turn. One key path alone keeps the type of its target."""

    parts: tuple[str | KeyPath, ...]


Node: TypeAlias = "Scalar | Ref | list[str] | dict[str, Node]"
Tree: TypeAlias = dict[str, Node]


@dataclass(frozen=True)
class Leaf:
    """One place of a document, and how a value for it is drawn."""

    path: KeyPath
    make: Make


# ---------------------------------------------------------------- what a value looks like

WORDS = """
    answer ask billing brief cite claim client code context customer data decline detail escalate evidence exact
    explain follow formal guide helpful invoice keep language legal list manual mention never note offer only order
    partner plain policy polite precise product prompt question quote reply report review rule sentence short source
    step style summary support table tenant term ticket tone topic trace unit usage verify warn write
""".split()  # noqa: SIM905 - a list of words
PROMPTS = """
    system greeting summarise classify extract translate escalate refuse critique plan route rewrite judge title
""".split()  # noqa: SIM905 - a list of words


def one_of(*values: Scalar) -> Make:
    return lambda rng: rng.choice(values)


def whole(low: int, high: int) -> Make:
    return lambda rng: rng.randint(low, high)


def real(low: float, high: float) -> Make:
    return lambda rng: round(rng.uniform(low, high), 2)


def flag(rng: random.Random) -> Scalar:
    return rng.random() < 0.5


def words(count: int) -> Make:
    return lambda rng: " ".join(rng.choices(WORDS, k=count))


def name(prefix: str) -> Make:
    return lambda rng: f"{prefix}-{rng.choice(WORDS)}-{rng.randint(1, 99)}"


def host(kind: str) -> Make:
    return lambda rng: f"{kind}-{rng.randint(1, 40)}.{rng.choice(('north', 'south', 'east'))}.acme.internal"


def url(kind: str) -> Make:
    return lambda rng: f"https://{kind}.acme.example/{rng.choice(WORDS)}/{rng.randint(1, 999)}"


def date(rng: random.Random) -> Scalar:
    return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def clock(rng: random.Random) -> Scalar:
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"


def version(rng: random.Random) -> Scalar:
    return f"{rng.randint(1, 9)}.{rng.randint(1, 9)}0"


def prompt(rng: random.Random) -> Scalar:
    """Four lines, about 300 characters, with the run-time variables that prompts carry."""
    lines = [" ".join(rng.choices(WORDS, k=12)).capitalize() + "." for _ in range(3)]
    return "\n".join([*lines, "Question: {{question}} Tenant: {{tenant}}", ""])


MODELS = ("aurora-large-4", "aurora-small-4", "borealis-70b", "borealis-8b", "cirrus-mini-2", "cirrus-pro-2")
MODEL = one_of(*MODELS)


def models(rng: random.Random) -> list[str]:
    return rng.sample(MODELS, 3)


def flags_of(index: int) -> Make:
    """Feature flags are booleans, numbers and texts in turn; 'yes' and 'off' are texts that need their quotes."""
    kinds: tuple[Make, ...] = (flag, whole(1, 5000), words(2), real(0, 1), one_of("yes", "off", "canary", "1.20"))
    return kinds[index % len(kinds)]


# ---------------------------------------------------------------- which places there are


def section(prefix: str, /, **makes: Make) -> list[Leaf]:
    return [Leaf((*prefix.split("."), key), make) for key, make in makes.items()]


def global_leaves() -> list[Leaf]:
    """The 40 defaults that every service starts from."""
    return [
        *section("logging", level=one_of("debug", "info", "warning", "error"), format=one_of("json", "text")),
        *section("logging", sample_rate=real(0, 1), redact=flag, retention_days=whole(1, 365), sink=host("log")),
        *section("tracing", enabled=flag, exporter=one_of("otlp", "zipkin"), endpoint=url("traces")),
        *section("tracing", sample_rate=real(0, 1), batch_size=whole(64, 4096), timeout_ms=whole(100, 9000)),
        *section("metrics", enabled=flag, interval_seconds=whole(5, 120), prefix=name("m"), endpoint=url("metrics")),
        *section("security", tls_min_version=one_of("1.2", "1.3"), mtls=flag, token_ttl_seconds=whole(60, 86400)),
        *section("security", rotate_days=whole(7, 180), audit=flag, issuer=url("login")),
        *section("network", region=one_of("eu-north-1", "eu-west-2", "us-east-1"), zone=one_of("a", "b", "c")),
        *section("network", proxy=host("proxy"), dns_ttl_seconds=whole(5, 600), keepalive_seconds=whole(5, 300)),
        *section("network", retries=whole(0, 9), backoff_ms=whole(10, 5000), connect_timeout_ms=whole(50, 9000)),
        *section("runtime", image=name("runner"), cpu_millis=whole(100, 8000), memory_mib=whole(128, 32768)),
        *section("runtime", gc_interval_seconds=whole(1, 600), log_buffer_kib=whole(16, 4096)),
        *section("runtime.autoscale", min=whole(1, 4), max=whole(5, 64), drain_seconds=whole(1, 600)),
        *section("maintenance", window=clock, day=one_of("saturday", "sunday", "monday")),
    ]


def fixed_leaves() -> list[Leaf]:
    """What every service has; 48 values, the list of fallback models counting as three."""
    return [
        *section("service", name=name("svc"), tier=one_of("gold", "silver", "bronze"), description=words(6)),
        *section("service", contact=name("oncall"), runbook=url("runbooks"), port=whole(1024, 65000)),
        *section("service", replicas=whole(1, 50), public=flag, created=date, version=version, codename=words(1)),
        *section("model", provider=one_of("acme", "borealis", "cirrus"), name=MODEL, revision=date),
        *section("model", timeout_ms=whole(500, 60000), stream=flag, fallback=models),
        *section("model.params", temperature=real(0, 2), top_p=real(0, 1), max_tokens=whole(64, 8192)),
        *section("model.params", seed=whole(0, 99999), presence_penalty=real(-2, 2), frequency_penalty=real(-2, 2)),
        *section("limits", requests_per_minute=whole(10, 9000), tokens_per_minute=whole(1000, 900000)),
        *section("limits", daily_cost_usd=real(1, 900), max_concurrency=whole(1, 512), burst=whole(1, 99)),
        *section("limits.per_user", requests_per_minute=whole(1, 600), tokens_per_day=whole(1000, 900000)),
        *section("database", engine=one_of("postgres", "mysql"), host=host("db"), port=whole(1024, 65000)),
        *section("database", name=name("db"), user=name("svc"), ssl=flag),
        *section("database.pool", min=whole(1, 9), max=whole(10, 200), timeout_ms=whole(50, 9000)),
        *section("cache", backend=one_of("redis", "memcached"), host=host("cache"), ttl_seconds=whole(1, 86400)),
        *section("cache", max_entries=whole(100, 999999), namespace=name("ns")),
        *section("cache.semantic", enabled=flag, threshold=real(0, 1)),
    ]


def count(leaf: Leaf) -> int:
    return 3 if leaf.make is models else 1


def route_leaves(index: int) -> list[Leaf]:
    return section(
        f"routes.r{index}",
        path=lambda rng: f"/v{rng.randint(1, 3)}/{rng.choice(WORDS)}",
        model=MODEL,
        weight=whole(1, 100),
        timeout_ms=whole(100, 60000),
        cache=flag,
    )


def feature_leaves(number: int) -> list[Leaf]:
    return [Leaf(("features", f"group_{i // 7}", f"flag_{i}"), flags_of(i)) for i in range(number)]


def service_leaves(keys: int) -> list[Leaf]:
    """`keys` values less the three that a service overrides of the global ones."""
    leaves = fixed_leaves()
    prompts = max(1, keys * 8 // 100)
    leaves += [Leaf(("prompts", PROMPTS[i] if i < len(PROMPTS) else f"prompt_{i}"), prompt) for i in range(prompts)]
    left = keys - 3 - sum(map(count, leaves))
    if left < 10:
        raise SystemExit("--keys: at least 70")
    for i in range(left // 10):
        leaves += route_leaves(i)
    return leaves + feature_leaves(left - 5 * (left // 10))


# ---------------------------------------------------------------- layers


def put(tree: Tree, path: KeyPath, value: Node) -> None:
    for key in path[:-1]:
        inner = tree.setdefault(key, {})
        assert isinstance(inner, dict)
        tree = inner
    tree[path[-1]] = value


def is_text_place(path: KeyPath, value: Node) -> bool:
    free = path[0] == "features" or path in {("service", "description"), ("cache", "namespace")}
    return free and isinstance(value, str)


def whole_reference(path: KeyPath, value: Node, by_type: dict[type, list[KeyPath]], rng: random.Random) -> Ref | None:
    """A reference that fits the schema: a route takes over the model's value, a flag anything of its type."""
    if path[0] == "routes" and path[-1] in {"model", "timeout_ms"}:
        return Ref((("model", "name" if path[-1] == "model" else "timeout_ms"),))
    if path[0] == "features" and not isinstance(value, str):
        return Ref((rng.choice(by_type[type(value)]),))
    return None


def targets_by_type(values: dict[KeyPath, Node]) -> dict[type, list[KeyPath]]:
    """What may be referred to: never a place that could hold a reference itself, and no long text."""
    found: dict[type, list[KeyPath]] = {str: [], int: [], float: [], bool: []}
    for path, value in values.items():
        never = path[0] in {"features", "routes", "prompts"} or is_text_place(path, value)
        if not never and type(value) in found:
            found[type(value)].append(path)
    return found


def with_references(values: dict[KeyPath, Node], rng: random.Random) -> None:
    """Turn one in twenty of a service's values into a reference, whole values and texts in turn."""
    wanted = round(len(values) * 0.05)
    by_type = targets_by_type(values)
    joined = by_type[str] + by_type[int]
    places = rng.sample(sorted(values), len(values))
    for path in places:
        done = sum(isinstance(value, Ref) for value in values.values())
        if done == wanted:
            return
        if done % 2 and is_text_place(path, values[path]):
            values[path] = Ref(("pre-", rng.choice(joined), "/", rng.choice(joined), "/v1"))
        elif not done % 2:
            values[path] = whole_reference(path, values[path], by_type, rng) or values[path]


def tree_of(values: dict[KeyPath, Node]) -> Tree:
    tree: Tree = {}
    for path, value in values.items():
        put(tree, path, value)
    return tree


@dataclass(frozen=True)
class Corpus:
    """The layers: `(namespace, environment) -> tree`, drawn when asked for, each from a seed of its own."""

    services: int
    keys: int
    envs: tuple[str, ...]
    seed: int

    def rng(self, *what: str) -> random.Random:
        return random.Random(":".join((str(self.seed), *what)))

    def namespaces(self) -> Iterator[str]:
        for i in range(self.services):
            yield f"acme/project-{i // SERVICES_PER_PROJECT:03}/svc-{i:05}"

    def global_layers(self) -> dict[str, Tree]:
        rng = self.rng("global")
        leaves = global_leaves()
        layers = {"base": tree_of({leaf.path: leaf.make(rng) for leaf in leaves})}
        for env in self.envs:
            layers[env] = tree_of({leaf.path: leaf.make(rng) for leaf in rng.sample(leaves, 4)})
        return layers

    def service_layers(self, namespace: str) -> dict[str, Tree]:
        rng = self.rng(namespace)
        leaves = service_leaves(self.keys)
        values: dict[KeyPath, Node] = {("service", "name"): namespace.rsplit("/", 1)[1]}
        shared = {leaf.path: leaf.make(rng) for leaf in rng.sample(global_leaves(), 3)}
        values |= {leaf.path: leaf.make(rng) for leaf in leaves[1:]} | shared
        with_references(values, rng)
        layers = {"base": tree_of(values)}
        scalars = [leaf for leaf in leaves[1:] if leaf.make is not models]
        for env in self.envs:
            chosen = rng.sample(scalars, round(len(scalars) * 0.1))
            layers[env] = tree_of({leaf.path: leaf.make(rng) for leaf in sorted(chosen, key=lambda leaf: leaf.path)})
        return layers

    def layers(self) -> Iterator[tuple[str, dict[str, Tree]]]:
        yield "global", self.global_layers()
        for namespace in self.namespaces():
            yield namespace, self.service_layers(namespace)


# ---------------------------------------------------------------- the right answer


def merge(low: Tree, high: Tree) -> Tree:
    out = dict(low)
    for key, value in high.items():
        below = out.get(key)
        out[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return out


def lookup(tree: Tree, path: KeyPath) -> Node:
    node: Node = tree
    for key in path:
        assert isinstance(node, dict)
        node = node[key]
    return node


def resolve(node: Node, root: Tree) -> Node:
    if isinstance(node, dict):
        return {key: resolve(value, root) for key, value in node.items()}
    if not isinstance(node, Ref):
        return node
    parts = [part if isinstance(part, str) else resolve(lookup(root, part), root) for part in node.parts]
    return parts[0] if len(parts) == 1 else "".join(str(part) for part in parts)


def effective(corpus: Corpus) -> Iterator[tuple[str, str, Node]]:
    shared = corpus.global_layers()
    for namespace in corpus.namespaces():
        own = corpus.service_layers(namespace)
        for env in corpus.envs:
            merged = merge(merge(merge(shared["base"], shared[env]), own["base"]), own[env])
            yield namespace, env, resolve(merged, merged)


# ---------------------------------------------------------------- texts

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
READ_DIFFERENTLY = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def spelled(ref: Ref, separator: str) -> str:
    return "".join(part if isinstance(part, str) else "${" + separator.join(part) + "}" for part in ref.parts)


def yaml_scalar(value: Scalar) -> str:
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in READ_DIFFERENTLY:
        return value
    return json.dumps(value)


def yaml_lines(tree: Tree, separator: str, pad: str = "") -> Iterator[str]:
    """Block style, in the strict profile: whatever YAML 1.1 and 1.2 read differently is in quotes."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"{pad}{key}:"
            yield from yaml_lines(value, separator, pad + "  ")
        elif isinstance(value, list):
            yield f"{pad}{key}:"
            yield from (f"{pad}  - {yaml_scalar(item)}" for item in value)
        elif isinstance(value, Ref):
            yield f"{pad}{key}: {json.dumps(spelled(value, separator))}"
        elif isinstance(value, str) and "\n" in value:
            yield f"{pad}{key}: |"
            yield from (f"{pad}  {line}" for line in value.splitlines())
        else:
            yield f"{pad}{key}: {yaml_scalar(value)}"


def yaml_text(tree: Tree, separator: str = ".") -> str:
    return "\n".join(yaml_lines(tree, separator)) + "\n"


def jsonnet_value(value: Node) -> str:
    if isinstance(value, Ref):
        return " + ".join(json.dumps(part) if isinstance(part, str) else "$." + ".".join(part) for part in value.parts)
    return json.dumps(value)


def jsonnet_lines(tree: Tree, pad: str = "  ") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"{pad}{key}+: {{"
            yield from jsonnet_lines(value, pad + "  ")
            yield f"{pad}}},"
        else:
            yield f"{pad}{key}: {jsonnet_value(value)},"


def jsonnet_text(tree: Tree) -> str:
    return "\n".join(["{", *jsonnet_lines(tree), "}"]) + "\n"


# ---------------------------------------------------------------- formats

Files: TypeAlias = Iterable[tuple[str, str]]


def gcm_settings(envs: tuple[str, ...]) -> str:
    chain = "".join(f"  {env}:\n    extends: base\n" for env in envs)
    return (
        f'version: 1\nenvironments:\n{chain}precedence: namespace\nleak_guard: "off"\n'
        'schemas:\n  - schema: schemas/service.schema.json\n    namespaces:\n      - "acme/**"\n'
    )


def gcm_files(corpus: Corpus) -> Files:
    yield "gitconfigmgr.yaml", gcm_settings(corpus.envs)
    yield "schemas/service.schema.json", json.dumps(service_schema(), indent=2) + "\n"
    for namespace, layers in corpus.layers():
        for env, tree in layers.items():
            yield f"configs/{namespace}/{env}.yaml", yaml_text(tree)


def jsonnet_files(corpus: Corpus) -> Files:
    for namespace, layers in corpus.layers():
        for env, tree in layers.items():
            yield f"configs/{namespace}/{env}.libsonnet", jsonnet_text(tree)


def reclass_class(tree: Tree) -> str:
    return yaml_text({"parameters": tree}, ":")


def reclass_node(namespace: str, env: str, tree: Tree, extra: tuple[str, ...] = ()) -> str:
    """A node is the top layer itself: the least that reclass can be made to read."""
    classes = [*extra, "global.base", f"global.{env}", namespace.replace("/", ".") + ".base"]
    return yaml_text({"classes": classes, "parameters": tree}, ":")


def reclass_files(corpus: Corpus, nodes: str = "nodes", extra: tuple[str, ...] = (), under: str = "") -> Files:
    for namespace, layers in corpus.layers():
        for env, tree in layers.items():
            if namespace == "global" or env == "base":
                yield f"{under}classes/{namespace}/{env}.yml", reclass_class(tree)
            else:
                yield f"{under}{nodes}/{namespace}-{env}.yml", reclass_node(namespace, env, tree, extra)


KAPITAN_CLASS = """parameters:
  kapitan:
    vars:
      target: ${_reclass_:name:short}
    compile:
      - name: dump
        input_type: kadet
        input_paths:
          - components/dump
        output_path: .
        output_type: json
"""
KAPITAN_COMPONENT = '''"""The whole inventory of a target as one document."""

from kapitan.inputs.kadet import inventory

NOT_OURS = {"kapitan", "_reclass_", "_kapitan_"}


def main():
    parameters = inventory().parameters.to_dict()
    return {"effective": {key: value for key, value in parameters.items() if key not in NOT_OURS}}
'''


def kapitan_files(corpus: Corpus) -> Files:
    yield "components/dump/__init__.py", KAPITAN_COMPONENT
    yield "inventory/classes/kapitan/common.yml", KAPITAN_CLASS
    yield from reclass_files(corpus, "targets", ("kapitan.common",), "inventory/")


def expect_files(corpus: Corpus) -> Files:
    for namespace, env, document in effective(corpus):
        yield f"{namespace}/{env}.json", json.dumps(document)


WRITERS: dict[str, Callable[[Corpus], Files]] = {
    "gcm": gcm_files,
    "jsonnet": jsonnet_files,
    "reclass": reclass_files,
    "kapitan": kapitan_files,
    "expect": expect_files,
}


def write(files: Files, folder: Path) -> int:
    size = 0
    for path, text in files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        size += target.write_text(text, encoding="utf-8")
    return size


# ---------------------------------------------------------------- git

WHEN = "2026-01-01T00:00:00+00:00"
WHO = {
    **{
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Benchmark"), ("EMAIL", "benchmark@acme.example"), ("DATE", WHEN))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> str:
    run = ["git", "-C", str(folder), "-c", "gc.auto=0", "-c", "maintenance.auto=false", *arguments]
    return subprocess.run(run, check=True, capture_output=True, text=True, env=os.environ | WHO).stdout


def make_repository(folder: Path) -> None:
    """One commit whose id depends on the content only, packed as a fresh clone is."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Generated corpus")
    git(folder, "repack", "-a", "-d", "--quiet")


def generate(corpus: Corpus, form: str, folder: Path, *, with_git: bool = False) -> int:
    """Write one format below `folder`; the number of characters written."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"{folder}: not empty")
    size = write(WRITERS[form](corpus), folder)
    if with_git:
        make_repository(folder)
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--envs", default="development,staging,production")
    parser.add_argument("--format", choices=FORMATS, default="gcm")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--git", action="store_true", help="make it a repository with one commit")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    corpus = Corpus(args.services, args.keys, tuple(args.envs.split(",")), args.seed)
    size = generate(corpus, args.format, args.output, with_git=args.git)
    files = sum(1 for path in args.output.rglob("*") if path.is_file() and ".git" not in path.parts)
    print(f"{args.format}: {files} files, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
