"""An encrypted file as `git diff` shows it: keys, types, and a mark that changes with the value. Never plaintext."""

from __future__ import annotations

import hashlib

from gitconfigmgr.secrets.errors import SecretsError, shown_path
from gitconfigmgr.secrets.opening import read
from gitconfigmgr.secrets.tokens import looks_encrypted, parse
from gitconfigmgr.secrets.tree import Leaf


def textconv(data: bytes, format_: str) -> str:
    """One line for each value and recipient; the file itself where it is not encrypted or cannot be read."""
    try:
        secrets = read(data, format_)
    except SecretsError:
        return data.decode("utf-8", "replace")
    lines = []
    several = len(secrets.file.documents) > 1
    document = -1
    for place in secrets.places:
        if type(place.node) is not Leaf:
            continue
        if several:
            number = next(
                i
                for i, item in enumerate(secrets.file.documents)
                if place.node.start <= item.end or i == len(secrets.file.documents) - 1
            )
            if number != document:
                document = number
                lines.append(f"# document {number + 1}")
        lines.append(f"{shown_path(place.path)}: {_shown(place.node, selected=place.selected)}")
    metadata = secrets.metadata
    lines += [f"sops.{metadata.selection.kind}: {metadata.selection.pattern}"]
    lines += ["sops.mac_only_encrypted: true"] if metadata.selection.mac_only_encrypted else []
    for number, group in enumerate(metadata.groups, 1):
        name = f"group {number} of {len(metadata.groups)}: " if len(metadata.groups) > 1 else ""
        lines += sorted(f"sops.recipient: {name}{stanza.recipient}" for stanza in group)
    return "\n".join(lines) + "\n"


def _shown(leaf: Leaf, *, selected: bool) -> str:
    value = leaf.value
    if looks_encrypted(value):
        token = parse(str(value))
        mark = hashlib.sha256(str(value).encode()).hexdigest()[:8]
        return f"<secret {token.type if token else 'damaged'} {mark}>"
    if selected and value is not None and value != "":
        return "<not encrypted, though the rule says so>"
    return repr(value) if isinstance(value, str) else "null" if value is None else str(value)
