"""`key_services`: the allow-list of services that may wrap and unwrap keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitconfigmgr.model.settings import KeyServices

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.source.sections.reader import SectionReader

_KINDS = {  # what an entry looks like, and an example; a `*` may stand at the end, after the account or project
    "vault": (r"https://[^/@?#*\s]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", "https://vault.example.com:8200"),
    "aws_kms": (r"arn:aws[\w-]*:(kms:[a-z0-9-]+:\d+:(key|alias)/|iam::\d+:role/)([^*\s]+|[^*\s]*\*)|profile:[^*\s]+",
                "arn:aws:kms:eu-central-1:111122223333:key/*"),
    "azure_kv": (r"https://[^/@?#*\s]+", "https://example.vault.azure.net"),
    "gcp_kms": (r"projects/[^/*\s]+/locations/([^*\s]+|[^*\s]*\*)",
                "projects/example/locations/europe/keyRings/main/cryptoKeys/config"),
}  # fmt: skip


def read(reader: SectionReader, node: Node | None) -> KeyServices:
    """The services that may be asked for keys."""
    if node is None:
        return KeyServices()
    given = {}
    for name, item in reader.members(node, tuple(_KINDS), "key_services").items():
        pattern, example = _KINDS[name]
        if not isinstance(item.value, list):
            reader.report("GCM140", f"key_services.{name} is a list", item, f"such as [{example}]")
            continue
        for entry in item.value:
            if not isinstance(entry.value, str) or not re.fullmatch(pattern, entry.value, re.ASCII):
                reader.report("GCM140", f"no entry for key_services.{name}", entry, f"they look like {example}")
        given[name] = tuple(str(entry.value) for entry in item.value)
    return KeyServices(**given)
