"""Compare what a compiler wrote with the right answer: equal values of equal types, `1` and `1.0` being one number.

    python benchmarks/verify.py EXPECT OUTPUT [--layout "{namespace}/{env}.json"]

A process of its own, so that the memory it takes is not counted as a compiler's.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def same(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def first_difference(left: Any, right: Any, path: str = "$") -> str:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            if key not in left or key not in right:
                return f"{path}.{key}: in one only"
            if not same(left[key], right[key]):
                return first_difference(left[key], right[key], f"{path}.{key}")
    return f"{path}: {left!r:.60} is not {right!r:.60}"


def verify(expect: Path, output: Path, layout: str) -> tuple[int, list[str]]:
    """How many documents there should be, and what is wrong with those that are not equal."""
    wrong = []
    wanted = sorted(expect.rglob("*.json"))
    for path in wanted:
        namespace, env = path.parent.relative_to(expect), path.stem
        found = output / layout.format(namespace=namespace, service=namespace.name, env=env)
        if not found.exists():
            wrong.append(f"{namespace}/{env}: missing")
            continue
        want, have = json.loads(path.read_bytes()), json.loads(found.read_bytes())
        if not same(want, have):
            wrong.append(f"{namespace}/{env}: {first_difference(want, have)}")
    return len(wanted), wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expect", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--layout", default="{namespace}/{env}.json")
    args = parser.parse_args()
    documents, wrong = verify(args.expect, args.output, args.layout)
    for line in wrong[:3]:
        print(line, file=sys.stderr)
    print(f"{len(wrong)} of {documents} differ" if wrong or not documents else "yes")
    return 1 if wrong or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
