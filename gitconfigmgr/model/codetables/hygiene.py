"""Codes 5xx: hygiene: 501 to 519 redundancy, 520 to 599 models, prompts, budgets and residency."""

from gitconfigmgr.model.codetables.code import Code

TABLE: list[Code] = [
]  # fmt: skip
