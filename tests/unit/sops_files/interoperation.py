"""The longer run: `python -m tests.unit.sops_files.interoperation COUNT [FIRST]`."""

from __future__ import annotations

import sys
import traceback

from tests.unit.sops_files.comparison import compare_json, compare_yaml
from tests.unit.sops_files.support import Person


def main(count: int, first: int = 0) -> None:
    person = Person()
    failed = 0
    for seed in range(first, first + count):
        for compare in (compare_yaml, compare_json):
            try:
                compare(seed, person)
            except Exception as error:  # noqa: BLE001 - counted and shown
                failed += 1
                print(
                    f"{compare.__name__} {seed}: {type(error).__name__} {str(error)[:1500]} at {traceback.extract_tb(error.__traceback__)[1].lineno}"
                )
    print(f"{count} YAML and {count} JSON documents each way, {failed} failed")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
