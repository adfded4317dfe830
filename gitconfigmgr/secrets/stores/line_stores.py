"""The formats of lines: dotenv and INI. All values are text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets.errors import FormatError, RefusedError
from gitconfigmgr.secrets.stores.base import stamped_block
from gitconfigmgr.secrets.stores.flat import flattened, unflattened
from gitconfigmgr.secrets.tree import Branch, Comment, Document, Edit, Entry, File, Leaf, edited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gitconfigmgr.secrets.scalars import Scalar

_PREFIX = "sops_"
_DEFAULT = "DEFAULT"
_SECTION = re.compile(r"\[([^\]]+)\][ \t]*\Z")
_INLINE = re.compile(r"[#;]")
_COMMENT_LEAD = re.compile(r"[;#]+[ ;#]*")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line.removesuffix("\r")
        start += len(line) + 1


class _LineStore:
    """What the two have in common."""

    has_default_rule = True

    def token(self, file: File, leaf: Leaf, token: str) -> Edit:  # noqa: ARG002 - the port's shape
        return Edit(leaf.start, leaf.end, token)

    def replace(self, file: File, branch: Branch, entry: Entry, value: Any) -> Edit:  # noqa: ARG002 - the port's shape
        if isinstance(entry.node, Leaf) and not isinstance(value, dict | list):
            return self.value(file, entry.node, value)
        raise RefusedError("this format holds no maps and no lists", "set the keys one by one")

    def value(self, file: File, leaf: Leaf, value: Scalar) -> Edit:
        raise NotImplementedError

    def remove(self, file: File, branch: Branch, entry: Entry, parent: Entry | None) -> Edit:  # noqa: ARG002
        start = file.text.rfind("\n", 0, entry.start) + 1
        end = file.text.find("\n", entry.node.end)
        return Edit(start, len(file.text) if end < 0 else end + 1, "")


def _as_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    if "\r" in text or "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedError("the value has characters that this format cannot hold", "use a YAML or JSON file")
    return text


class DotenvStore(_LineStore):
    """`KEY=value`, nothing quoted, `\\n` for a newline. See Store."""

    name = "dotenv"

    def read(self, text: str) -> File:
        root = Branch(0, 0, is_map=True)
        flat: dict[str, str] = {}
        span = (len(text), 0)
        for start, line in _lines(text):
            if not line:
                continue
            if line[0] == "#":
                root.entries.append(Comment(line[1:], start, start + len(line)))
                continue
            key, equals, value = line.partition("=")
            if not equals:
                raise FormatError("a line has no `=`", "write KEY=value", text.count("\n", 0, start) + 1)
            at = start + len(key) + 1
            if key.startswith(_PREFIX):
                flat[key.removeprefix(_PREFIX)] = value
                span = (min(span[0], start), start + len(line))
                continue
            if root.find(key) is not None:
                raise FormatError(
                    f"key {key} is written twice", "remove one of the two", text.count("\n", 0, start) + 1
                )
            leaf = Leaf(value.replace("\\n", "\n"), at, start + len(line))
            root.entries.append(Entry(key, start, at - 1, leaf))
        root.end = len(text)
        document = Document(root, len(text))
        if not flat:
            return File(text, [document], None)
        block = Branch(span[0], 0, is_map=True)
        block.end = span[1]
        document.metadata = Entry("sops", span[0], span[0], block)
        return File(text, [document], unflattened(flat))

    def value(self, file: File, leaf: Leaf, value: Scalar) -> Edit:  # noqa: ARG002 - the port's shape
        text = _as_text(value)
        if "\\n" in text:
            raise RefusedError("a backslash before n would come back as a newline", "use a YAML or JSON file")
        return Edit(leaf.start, leaf.end, text.replace("\n", "\\n"))

    def comment(self, file: File, comment: Comment, text: str, *, element: bool) -> Edit:  # noqa: ARG002
        return Edit(comment.start, comment.end, f"#{text}")

    def without_metadata(self, file: File, edits: Iterable[Edit] = ()) -> str:
        lines = edited(file.text, edits).split("\n")
        return "\n".join(line for line in lines if not line.startswith(_PREFIX))

    def with_metadata(self, file: File, data: Mapping[str, Any]) -> str:
        text = self.without_metadata(file)
        flat = flattened(data)
        lines = "".join(f"{_PREFIX}{name}={flat[name]}\n" for name in sorted(flat))
        return text + ("" if text.endswith("\n") or not text else "\n") + lines

    def stamped(self, file: File, lastmodified: str, mac: str) -> str:
        text = file.text
        for name, value in (("lastmodified", lastmodified), ("mac", mac)):
            line = f"{_PREFIX}{name}={value}"
            text, count = re.subn(rf"^{_PREFIX}{name}=[^\r\n]*", lambda _, line=line: line, text, flags=re.MULTILINE)  # type: ignore[misc]
            text += "" if count else ("" if text.endswith("\n") else "\n") + line + "\n"
        return text

    def insert(self, file: File, branch: Branch, key: str | None, value: Any) -> Edit:
        if isinstance(value, dict | list) or key is None:
            raise RefusedError("this format holds no maps and no lists", "set the keys one by one")
        if not re.fullmatch(r"[^=#\s][^=\n\r]*", key) or key.startswith(_PREFIX):
            raise RefusedError(f"{key!r} cannot be a key of a dotenv file", "use letters, digits and underscores")
        last = max((item.node.end for item in branch.items()), default=None)
        at = 0 if last is None else last
        line = f"{key}={self.value(file, Leaf('', 0, 0), value).text}"
        return Edit(at, at, f"{line}\n" if last is None else f"\n{line}")


class IniStore(_LineStore):
    """Sections of `key = value`; what stands before the first belongs to DEFAULT. See Store."""

    name = "ini"

    def read(self, text: str) -> File:
        reader = _IniReader(text)
        root = reader.root()
        document = Document(root, len(text))
        entry = root.find("sops")
        if entry is None:
            return File(text, [document], None)
        assert isinstance(entry.node, Branch)
        root.entries.remove(entry)
        document.metadata = entry
        flat = {item.key or "": str(item.node.value) for item in entry.node.items() if isinstance(item.node, Leaf)}
        return File(text, [document], unflattened(flat))

    def value(self, file: File, leaf: Leaf, value: Scalar) -> Edit:
        text = _as_text(value)
        if (
            "\n" in text
            or text != text.strip()
            or text[:1] in ('"', "'", "`")
            or text[-1:] == "\\"
            or _INLINE.search(text)
        ):
            if "`" in text or "\n" in text:
                raise RefusedError("an INI file cannot hold this text", "use a YAML or JSON file")
            text = f"`{text}`"
        lead = " " if file.text[leaf.start - 1 : leaf.start] == "=" and leaf.start == leaf.end else ""
        return Edit(leaf.start, leaf.end, lead + text)

    def comment(self, file: File, comment: Comment, text: str, *, element: bool) -> Edit:  # noqa: ARG002
        return Edit(comment.start, comment.end, f"; {text}")

    def with_metadata(self, file: File, data: Mapping[str, Any]) -> str:
        text = file.text if file.metadata is None else self.without_metadata(file)
        lines = "".join(f"{name} = {value}\n" for name, value in flattened(data).items())
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}[sops]\n{lines}"

    def stamped(self, file: File, lastmodified: str, mac: str) -> str:
        return stamped_block(self, file, {"lastmodified": lastmodified, "mac": mac})

    def without_metadata(self, file: File, edits: Iterable[Edit] = ()) -> str:
        file = self.read(edited(file.text, edits))
        entry = file.documents[0].metadata
        assert entry is not None
        start = file.text.rfind("\n", 0, entry.start) + 1
        text = edited(file.text, [Edit(start, min(entry.node.end + 1, len(file.text)), "")])
        return text.rstrip("\n") + "\n" if start and not text[start:].strip() else text

    def insert(self, file: File, branch: Branch, key: str | None, value: Any) -> Edit:
        root = file.documents[0].root
        if branch is root:
            at = file.documents[0].metadata.start if file.documents[0].metadata else len(file.text)
            at = file.text.rfind("\n", 0, at) + 1
            if not isinstance(value, dict) or any(isinstance(item, dict | list) for item in value.values()):
                raise RefusedError("a key of an INI file belongs to a section", "give a path of section and key")
            lines = "".join(f"{name} = {self.value(file, Leaf('', 0, 0), item).text}\n" for name, item in value.items())
            return Edit(at, at, f"[{key}]\n{lines}\n")
        if isinstance(value, dict | list) or key is None or not re.fullmatch(r"[^=:#;\[\s][^=:\n\r]*", key):
            raise RefusedError("this is no key and value of an INI section", "set the keys one by one")
        last = max((item.node.end for item in branch.items()), default=branch.start)
        end = file.text.find("\n", last)
        end = len(file.text) if end < 0 else end
        return Edit(end, end, f"\n{key} = {self.value(file, Leaf('', 0, 0), value).text}")


class _IniReader:
    """Lines to sections as go-ini reads them; what it reads in surprising ways is refused."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.waiting: list[Comment] = []

    def root(self) -> Branch:
        root = Branch(0, 0, is_map=True)
        section = Branch(0, 0, is_map=True)
        root.entries.append(Entry(_DEFAULT, 0, 0, section))
        for start, raw in _lines(self.text):
            line = raw.strip()
            at = start + len(raw) - len(raw.lstrip())
            if not line:
                continue
            if line[0] in "#;":
                self._comment(line, at)
            elif line[0] == "[":
                section = self._section(root, line, at)
            else:
                self._pair(section, line, at)
                section.end = at + len(line)
        section.entries += self.waiting
        return root

    def _wrong(self, at: int, reason: str) -> FormatError:
        return FormatError(reason, "write `key = value` lines under [section] heads", self.text.count("\n", 0, at) + 1)

    def _comment(self, line: str, at: int) -> None:
        """Neighbouring lines are one comment, as go-ini has it."""
        if self.waiting:
            last = self.waiting[-1]
            self.waiting[-1] = Comment(f"{last.text}\n{line}", last.start, at + len(line))
            return
        self.waiting.append(Comment(_COMMENT_LEAD.sub("", line, count=1), at, at + len(line)))

    def _section(self, root: Branch, line: str, at: int) -> Branch:
        match = _SECTION.match(line)
        if not match or root.find(match[1]) is not None:
            raise self._wrong(at, f"section {line[:80]} is written twice, or is no section")
        section = Branch(at, 0, is_map=True)
        section.end = at + len(line)
        section.entries += self.waiting
        self.waiting = []
        root.entries.append(Entry(match[1], at, at, section))
        return section

    def _pair(self, section: Branch, line: str, at: int) -> None:
        match = re.match(r"([^=:\"'`]+?)[ \t]*[=:][ \t]*", line)
        if not match:
            raise self._wrong(at, "a line is neither section, comment nor `key = value`")
        if section.find(match[1]) is not None:
            raise self._wrong(at, f"key {match[1]} is written twice")
        value, start = line[match.end() :], at + match.end()
        inline = None
        if value[:1] in ('"', "'", "`") and len(value) > 1 and value[-1] == value[0] and value.count(value[0]) == 2:
            text = value[1:-1]
        else:
            found = _INLINE.search(value)
            if found:
                inline = Comment(
                    _COMMENT_LEAD.sub("", value[found.start() :], count=1), start + found.start(), at + len(line)
                )
                value = value[: found.start()].rstrip()
            text = value
            if value[:1] in ('"', "'", "`") or value.endswith("\\"):
                raise self._wrong(at, "quotes and continued lines are read differently by every program")
        section.entries.append(Entry(match[1], at, start, Leaf(text, start, start + len(value))))
        comments = ([inline] if inline else []) + self.waiting
        if len(comments) > 1:
            raise self._wrong(at, "a key has a comment above and beside it, of which SOPS keeps one")
        section.entries += comments
        self.waiting = []
