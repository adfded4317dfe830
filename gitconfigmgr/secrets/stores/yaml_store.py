"""YAML, changed in place: a value's text is replaced where it stands, and only the metadata block is written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets.errors import RefusedError
from gitconfigmgr.secrets.stores import yaml_reader, yaml_writer
from gitconfigmgr.secrets.tree import Branch, Comment, Document, Edit, Entry, File, Leaf, edited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitconfigmgr.secrets.scalars import Scalar


class YamlStore:
    """See Store."""

    name = "yaml"
    has_default_rule = True

    def read(self, text: str) -> File:
        return yaml_reader.read(text)

    def value(self, file: File, leaf: Leaf, value: Scalar) -> Edit:
        block = None
        if type(value) is str and not leaf.flow and "\n" in value and _rest_of_line(file.text, leaf.end) in ("", "\r"):
            block = yaml_writer.block_text(value, yaml_writer.next_column(leaf.column))
        return _into(file, leaf, block or yaml_writer.scalar_text(value, flow=leaf.flow))

    def token(self, file: File, leaf: Leaf, token: str) -> Edit:
        return _into(file, leaf, yaml_writer.scalar_text(token, flow=leaf.flow) if token else '""')

    def comment(self, file: File, comment: Comment, text: str, *, element: bool) -> Edit:
        first, *more = text.split("\n")
        lead = " " * (comment.start - file.text.rfind("\n", 0, comment.start) - 1)
        lines = [first, *(f"{lead}#{line}" for line in more)]
        return Edit(comment.start, comment.end, f"- {text}" if element else "#" + "\n".join(lines))

    def with_metadata(self, file: File, data: Mapping[str, Any]) -> str:
        edits = []
        for document in file.documents:
            if document.root.flow:
                raise RefusedError("the top level is in braces", "write it as block YAML, or name the file .json")
            block = _metadata_block(data, document.root.column)
            if document.metadata is not None:
                entry = document.metadata
                lead = entry.start - document.root.column
                edits.append(Edit(lead, entry.node.end, block))
            else:
                at = document.end
                before = file.text[:at]
                separator = "" if before.endswith("\n") or not before else "\n"
                edits.append(Edit(at, at, f"{separator}{block}\n"))
        return edited(file.text, edits)

    def stamped(self, file: File, lastmodified: str, mac: str) -> str:
        edits = []
        for document in file.documents:
            if document.metadata is None:
                continue
            block = document.metadata.node
            assert isinstance(block, Branch)
            for name, value in (("lastmodified", f'"{lastmodified}"'), ("mac", mac)):
                entry = block.find(name)
                if entry is None:
                    column = " " * block.column
                    edits.append(Edit(block.end, block.end, f"\n{column}{name}: {value}"))
                else:
                    edits.append(
                        Edit(entry.node.start, entry.node.end, f'"{mac}"' if block.flow and name == "mac" else value)
                    )
        return edited(file.text, edits)

    def without_metadata(self, file: File, edits: Iterable[Edit] = ()) -> str:
        return edited(file.text, [*edits, *(_metadata_removal(file, item) for item in file.documents if item.metadata)])

    def insert(self, file: File, branch: Branch, key: str | None, value: Any) -> Edit:
        if branch.flow:
            name = f"{yaml_writer.key_text(key, flow=True)}: " if key is not None else ""
            return flow_insertion(branch, name + yaml_writer.flow_text(value))
        lead = " " * branch.column
        inner = yaml_writer.next_column(branch.column) if key is not None else branch.column + 2
        text = f"{yaml_writer.key_text(key)}:{yaml_writer.block_lines(value, inner)}" if key is not None else ""
        text = text or "-" + yaml_writer.item_text(value, inner)
        last = _last(branch)
        if last is None:  # only the metadata is left of the document
            at = next(item.metadata.start for item in file.documents if item.root is branch and item.metadata)
            return Edit(at, at, f"{text}\n{lead}")
        end = file.text.find("\n", last.node.end)
        end = len(file.text) if end < 0 else end
        return Edit(end, end, f"\n{lead}{text}")

    def replace(self, file: File, branch: Branch, entry: Entry, value: Any) -> Edit:
        if branch.flow:
            return Edit(entry.node.start, entry.node.end, yaml_writer.flow_text(value))
        # what follows on the line, a comment mostly, must not end up in a block of text
        alone = _rest_of_line(file.text, entry.node.end) in ("", "\r")
        flow = None if alone else yaml_writer.flow_text(value)
        if branch.is_map:
            colon = file.text.index(":", entry.colon)
            text = f" {flow}" if flow else yaml_writer.block_lines(value, yaml_writer.next_column(branch.column))
            return Edit(colon + 1, max(entry.node.end, colon + 1), text)
        text = flow or yaml_writer.item_text(value, branch.column + 2)
        return Edit(entry.node.start, entry.node.end, text.lstrip(" "))

    def remove(self, file: File, branch: Branch, entry: Entry, parent: Entry | None) -> Edit:
        if branch.flow:
            return flow_removal(branch, entry)
        items = list(branch.items())
        if len(items) == 1 and parent is not None:
            empty = "{}" if branch.is_map else "[]"
            if parent.key is None:
                return Edit(branch.start if branch.is_map else _dash(file.text, branch), branch.end, empty)
            return Edit(file.text.index(":", parent.colon) + 1, branch.end, f" {empty}")
        start = entry.start if branch.is_map else file.text.rindex("-", 0, entry.start)
        line = file.text.rfind("\n", 0, start) + 1
        if file.text[line:start].strip():  # on the line of a dash: the next entry moves up
            following = items[items.index(entry) + 1].start
            return Edit(start, following if branch.is_map else file.text.rindex("-", 0, following), "")
        end = file.text.find("\n", entry.node.end)
        return Edit(line, len(file.text) if end < 0 else end + 1, "")


def _dash(text: str, branch: Branch) -> int:
    return text.rindex("-", 0, next(branch.items()).start)


def flow_insertion(branch: Branch, text: str) -> Edit:
    """An entry more inside brackets, laid out as the last one is."""
    last = _last(branch)
    if last is None:
        return Edit(branch.start + 1, branch.start + 1, text)
    return Edit(last.node.end, last.node.end, f", {text}")


def flow_removal(branch: Branch, entry: Entry) -> Edit:
    """An entry less inside brackets."""
    items = list(branch.items())
    at = items.index(entry)
    if at + 1 < len(items):
        return Edit(entry.start, items[at + 1].start, "")
    return Edit(items[at - 1].node.end if at else entry.start, entry.node.end, "")


def _last(branch: Branch) -> Entry | None:
    return next((item for item in reversed(branch.entries) if isinstance(item, Entry)), None)


def _rest_of_line(text: str, index: int) -> str:
    end = text.find("\n", index)
    return text[index:] if end < 0 else text[index:end]


def _into(file: File, leaf: Leaf, text: str) -> Edit:
    before, after = file.text[leaf.start - 1 : leaf.start], file.text[leaf.end : leaf.end + 1]
    lead = "" if before in ("", " ", "\n", "[", "{") else " "
    return Edit(leaf.start, leaf.end, lead + text + (" " if after == "#" else ""))


def _metadata_block(data: Mapping[str, Any], column: int) -> str:
    return " " * column + f"sops:{yaml_writer.block_lines(data, yaml_writer.next_column(column))}"


def _metadata_removal(file: File, document: Document) -> Edit:
    entry = document.metadata
    assert entry is not None
    start = file.text.rfind("\n", 0, entry.start) + 1
    end = file.text.find("\n", entry.node.end)
    return Edit(start, len(file.text) if end < 0 else end + 1, "")
