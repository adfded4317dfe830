"""Codes 8xx: release and sync."""

from gitconfigmgr.model.codetables.code import Code

TABLE: list[Code] = [
]  # fmt: skip
