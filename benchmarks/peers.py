"""Other compilers doing the same job: from a folder to one JSON file for every service and environment.

    python benchmarks/peers.py {jsonnet,reclass,reclass-rs} INPUT OUTPUT

Runs in the environment of peers-requirements.txt, one whole process for each measurement. Every peer is given its
easiest input (see corpus.py) and the fastest way to write that we know: orjson, one plain write for each file. None of
them validates, and none of them records where a value came from.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENVS = ("development", "staging", "production")


def write(output: Path, document: str, text: bytes) -> None:
    path = f"{output}/{document}.json"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text)


# ---------------------------------------------------------------- jsonnet (jrsonnet)


def program(namespace: str, env: str) -> str:
    layers = ("global/base", f"global/{env}", f"{namespace}/base", f"{namespace}/{env}")
    return " + ".join(f'(import "configs/{layer}.libsonnet")' for layer in layers)


def evaluate_each(namespaces: list[str], output: Path) -> None:
    """One evaluation for one document; its text is written as it is."""
    from rjsonnet import evaluate_snippet

    for namespace in namespaces:
        for env in ENVS:
            text = evaluate_snippet("document", program(namespace, env))
            write(output, f"{namespace}/{env}", text.encode())


def evaluate_batches(namespaces: list[str], output: Path, size: int) -> None:
    """One evaluation for the documents of `size` services, so that a layer they share is parsed once.

    Twenty services without collection of garbage was the fastest of 1 to 1000 with and without.
    """
    import orjson
    from rjsonnet import evaluate_snippet

    for start in range(0, len(namespaces), size):
        part = namespaces[start : start + size]
        members = (f'"{namespace}/{env}": {program(namespace, env)}' for namespace in part for env in ENVS)
        documents = orjson.loads(evaluate_snippet("documents", "{" + ",\n".join(members) + "}", gc=False))
        for name, document in documents.items():
            write(output, name, orjson.dumps(document))


def in_processes(jobs: int, items: list[str], work: Callable[[list[str]], None]) -> None:
    """Fork `jobs` workers; each takes every n-th item."""
    children = []
    for job in range(jobs):
        child = os.fork()
        if not child:
            try:
                work(items[job::jobs])
            except BaseException as error:  # noqa: BLE001 - whatever it is, this process ends here
                print(error, file=sys.stderr)
                os._exit(1)
            os._exit(0)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    if any(statuses):
        raise SystemExit("a worker failed")


def namespaces_below(root: str) -> Iterator[str]:
    for folder, _, files in os.walk(root):
        namespace = os.path.relpath(folder, root)
        if "base.libsonnet" in files and namespace != "global":
            yield namespace


def jsonnet(source: Path, output: Path, jobs: int, batch: int) -> None:
    import orjson  # noqa: F401 - before the fork: once, not once for each worker
    import rjsonnet  # noqa: F401

    os.chdir(source)
    namespaces = sorted(namespaces_below("configs"))
    if batch:
        in_processes(jobs, namespaces, lambda mine: evaluate_batches(mine, output, batch))
    else:
        in_processes(jobs, namespaces, lambda mine: evaluate_each(mine, output))


# ---------------------------------------------------------------- reclass


def document_of(uri: str, nodes: Path) -> str:
    """`yaml_fs://.../nodes/acme/project-000/svc-00000-staging.yml` -> `acme/project-000/svc-00000/staging`."""
    path = os.path.relpath(os.path.realpath(uri.split("://", 1)[1]), nodes)
    namespace, env = path.removesuffix(".yml").rsplit("-", 1)
    return f"{namespace}/{env}"


def reclass(source: Path, output: Path) -> None:
    import orjson
    from reclass import get_storage
    from reclass.core import Core
    from reclass.settings import Settings

    storage = get_storage("yaml_fs", str(source / "nodes"), str(source / "classes"), False)
    inventory = Core(storage, None, Settings({})).inventory()
    for node in inventory["nodes"].values():
        parameters = dict(node["parameters"])
        parameters.pop("_reclass_", None)
        write(output, document_of(node["__reclass__"]["uri"], source / "nodes"), orjson.dumps(parameters))


def reclass_rs(source: Path, output: Path) -> None:
    import orjson
    from reclass_rs import Reclass

    inventory = Reclass(inventory_path=str(source), nodes_path="nodes", classes_path="classes").inventory()
    for node in inventory.nodes.values():
        parameters = node.parameters
        parameters.pop("_reclass_", None)
        write(output, document_of(node.__reclass__.uri, source / "nodes"), orjson.dumps(parameters))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["jsonnet", "reclass", "reclass-rs"])
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="jsonnet: processes")
    parser.add_argument("--batch", type=int, default=0, help="jsonnet: services for one evaluation; 0: one document")
    args = parser.parse_args()
    source, output = args.source.resolve(), args.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    if args.peer == "jsonnet":
        jsonnet(source, output, args.jobs, args.batch)
    else:
        {"reclass": reclass, "reclass-rs": reclass_rs}[args.peer](source, output)


if __name__ == "__main__":
    main()
