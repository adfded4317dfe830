"""Codes 6xx: policies, waivers, the gate, config tests."""

from gitconfigmgr.model.codetables.code import Code

TABLE: list[Code] = [
]  # fmt: skip
