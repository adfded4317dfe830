"""Random inventories with everything that reclass merges, mostly such that it can compute them.

`python -m tests.unit.importers.random_inventories COUNT [FIRST]` is the longer run.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

CLASSES = ["one", "two", "x.three", "x", "x.y.four"]
NODES = ["n1", "f/n2", "f/n3", "f/g/n4"]
BASE = {
    "r1": "one",
    "r2": {"s": "two", "t": {"u": [1]}, "$k": "d"},
    "r3": ["l"],
    "rb": True,
    "rn": None,
    "rf": 1.0,
    "r.d": "dot",
    "r4": "s",
    "r5": "r1",
    "chosen": "one",
}
PATHS = ["r1", "r2", "r2:s", "r2:t", "r2:t:u", "r3", "rb", "rn", "rf", "r.d", "r2:$k", "a", "b:c", "m"]
PLAIN = [
    "x",
    "no",
    "0777",
    "1.20",
    "a: b",
    "~",
    "2026-01-01",
    "several\nlines",
    " lead",
    "\ttab",
    "a}b",
    "?{gpg:x}",
    "$x",
    "x$",
    "$${",
]
NESTED = ["${r2:${r4}}", "${${r5}}", "${r2:${r4}}x", "\\${r1}", "\\\\${r1}", "cost $${r1}"]
KEYS = ["a", "b", "c", "d.e", "$k", "r1", "r2", "r3", *"efghijlm" * 2]


class Generator:
    """One inventory; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def write(self, root: Path) -> Path:
        targets = self.random.random() < 0.7
        files: dict[str, Any] = {"classes/base.yml": {"parameters": BASE}}
        for number, name in enumerate(CLASSES):
            included = [other for other in CLASSES[:number] if self.random.random() < 0.25]
            path = name.replace(".", "/") + ("/init" if name == "x" else "")
            files[f"classes/{path}.yml"] = {"classes": included, "parameters": self.pairs(4, 0)}
        for name in NODES:
            names = ["base", *(other for other in CLASSES if self.random.random() < 0.6)]
            if self.random.random() < 0.4:
                self.random.shuffle(names)
            names += ["${chosen}"] if self.random.random() < 0.1 else []
            files[f"{'targets' if targets else 'nodes'}/{name}.yml"] = {
                "classes": names,
                "parameters": self.pairs(3, 0),
            }
        files["reclass-config.yml"] = self.config()
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(yaml.safe_dump(content))
        return root

    def config(self) -> dict[str, Any]:
        kinds = ["scalar_over_dict", "scalar_over_list", "list_over_scalar", "dict_over_scalar", "none_override"]
        found: dict[str, Any] = {f"allow_{kind}": True for kind in kinds if self.random.random() < 0.35}
        if self.random.random() < 0.2:
            found["strict_constant_parameters"] = False
        if self.random.random() < 0.2:
            found["class_mappings"] = ["* base one", "n* x.three"]
        return found

    def pairs(self, most: int, depth: int) -> dict[Any, Any]:
        """A map; some keys have values of one kind, so that merging does not always clash."""
        found: dict[Any, Any] = {}
        for _ in range(self.random.randint(0, most)):
            name = self.random.choice(KEYS)
            odd = self.random.random()
            key: Any = f"~{name}" if odd < 0.1 else f"={name}" if odd < 0.14 else 7 if odd < 0.17 else name
            if self.random.random() < 0.1 or name not in "efghijlm":
                found[key] = self.value(depth)
            elif name in "ef":
                found[key] = self.random.choice([self.text(), 0, 2.5, True])
            elif name in "gh":
                found[key] = self.items(depth) if self.random.random() < 0.9 else "${r3}"
            else:
                found[key] = self.pairs(3, depth + 1) if depth < 3 and self.random.random() < 0.9 else "${r2}"
        return found

    def items(self, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(self.random.randint(0, 2))]

    def value(self, depth: int) -> Any:
        kind = self.random.random()
        if kind < 0.4:
            return self.text()
        if kind < 0.55:
            return self.random.choice([None, True, 0, 1, 2.5, 1.0, 10**18, -3, float("inf")])
        if depth > 3:
            return "leaf"
        return self.items(depth) if kind < 0.75 else self.pairs(3, depth + 1)

    def text(self) -> str:
        path, other = self.random.choice(PATHS), self.random.choice(PATHS)
        forms = [f"${{{path}}}", f"p-${{{path}}}", f"${{{path}}}-${{{other}}} ", "${_reclass_:name:short}"]
        return self.random.choice([self.random.choice(PLAIN), self.random.choice(NESTED), *forms])


def main(count: int, first: int = 0) -> None:
    from .support import assert_equal_to_reclass, computed, truth

    sys.setrecursionlimit(20_000)
    equal = 0
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            inventory = Generator(seed).write(Path(folder) / "inventory")
            equal += len(computed(truth(inventory)))
            try:
                assert_equal_to_reclass(inventory, Path(folder) / "new", lenient=True)
            except AssertionError as error:
                print(f"{seed}: {str(error)[:1500]}")
    print(f"{count} inventories, {equal} nodes that reclass computes")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
