"""What reclass itself computes: `python reclass_oracle.py INVENTORY` prints JSON, node -> parameters, or {"error": text}.

A program of its own: reclass warns, prints, and keeps state of a node that failed, so every node gets a process. The
settings are those that reclass, or kapitan where the nodes are called targets, would take.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import sys
import warnings


def config(inventory: str) -> dict:
    import yaml

    found = {"nodes_uri": "nodes", "classes_uri": "classes", "compose_node_name": False}
    if os.path.isdir(f"{inventory}/targets"):
        found |= {"nodes_uri": "targets", "allow_none_override": True}
    path = f"{inventory}/reclass-config.yml"
    if os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            found |= yaml.safe_load(file) or {}
    for name in ("nodes_uri", "classes_uri"):
        found[name] = os.path.abspath(os.path.join(inventory, found[name]))
    return found


def as_json(value: object) -> object:
    """JSON's types; what has none is text as docs/import.md says."""
    if isinstance(value, dict):
        names = {True: "true", False: "false", None: "null"}
        return {
            names[key] if key is None or isinstance(key, bool) else str(key): as_json(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.datetime)):
        return str(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return repr(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    assert value is None or isinstance(value, (str, bool, int, float)), f"{type(value)} is a garbled value"
    return value


def compute(core: object, node: str) -> object:
    """The parameters of a node, computed in a process of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = as_json(core.nodeinfo(node)["parameters"])
            assert "Value(" not in repr(answer), "a reference to the map it stands in: reclass shows its own objects"
        except BaseException as error:  # noqa: BLE001 - reclass ends with many kinds
            answer = {"error": f"{type(error).__name__}: {getattr(error, 'message', error)}"}
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        answer = json.load(pipe)
    os.waitpid(pid, 0)
    return answer


def main(inventory: str) -> None:
    import reclass
    import reclass.core
    import reclass.settings

    given = config(inventory)
    storage = reclass.get_storage("yaml_fs", given["nodes_uri"], given["classes_uri"], given["compose_node_name"])
    core = reclass.core.Core(storage, given.get("class_mappings"), reclass.settings.Settings(given))
    print(json.dumps({node: compute(core, node) for node in sorted(storage.enumerate_nodes())}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
