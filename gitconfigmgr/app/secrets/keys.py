"""Recipients and data keys of many files: bring them to the rules, renew them, take somebody out.

The results of all files are made before the first is written, so that a failure leaves all of them as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.app.secrets.bench import FileError, about, kind_of_file
from gitconfigmgr.app.secrets.overview import encrypted_files
from gitconfigmgr.app.secrets.unlocking import unlock
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.names import closest
from gitconfigmgr.secrets import keyring, opening, recipients, sealing
from gitconfigmgr.secrets.creation import NAME
from gitconfigmgr.secrets.errors import SecretsError
from gitconfigmgr.secrets.tokens import DataKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.secrets.metadata import Metadata, Recipient
    from gitconfigmgr.secrets.opening import SecretFile
    from gitconfigmgr.secrets.recipients import Exposure

Groups = tuple[tuple["Recipient", ...], ...]


class _Opened(NamedTuple):
    """A file that could be opened."""

    path: str
    data: bytes
    format: str
    metadata: Metadata
    key: DataKey


def rekey_files(bench: Bench, paths: Iterable[str], *, rewrap: bool = False) -> list[str]:
    """Give files the recipients of their rules, under the data keys they have; returns those that changed.

    `rewrap` also wraps them under the newest version of each key service's key.
    """
    rules = {}
    for path in paths:
        with about(path):
            rules[path] = bench.rule_for(path)
    waiting = [path for path in rules if rewrap or not _fits(bench, path, rules[path].groups, rules[path].threshold)]

    def change(file: _Opened) -> bytes:
        rule = rules[file.path]
        metadata = file.metadata
        if rewrap:
            metadata = metadata.with_groups(
                keyring.rewrapped(metadata, bench.providers, bench.now()), metadata.threshold
            )
        groups, threshold = metadata.groups, metadata.threshold
        if not _same(metadata, rule.groups, rule.threshold):
            kept = keyring.kept_stanzas(metadata)
            groups = keyring.wrap(file.key, rule.groups, rule.threshold, bench.providers, bench.now(), kept)
            threshold = rule.threshold
        if (groups, threshold) == (file.metadata.groups, file.metadata.threshold):
            return file.data
        return sealing.rekey(file.data, file.format, groups, threshold)

    return _change(bench, waiting, change)


def _fits(bench: Bench, path: str, groups: Groups, threshold: int) -> bool:
    with about(path):
        return _same(opening.read(bench.content(path), kind_of_file(path)).metadata, groups, threshold)


def _same(metadata: Metadata, groups: Groups, threshold: int) -> bool:
    """Whether a file has these recipients, in whatever order; a rule may leave the version of a key open."""
    present = [{stanza.recipient.without_version() for stanza in group} for group in metadata.groups]
    wanted = [{recipient.without_version() for recipient in group} for group in groups]
    return present == wanted and (len(groups) == 1 or (metadata.threshold or len(groups)) == (threshold or len(groups)))


def rotate_files(bench: Bench, paths: Iterable[str]) -> list[str]:
    """Give files new data keys, for the recipients they have; returns those that changed."""
    return _change(bench, list(paths), lambda file: _rotated(bench, file, _present(file.metadata)))


def _rotated(bench: Bench, file: _Opened, groups: Groups) -> bytes:
    new, threshold = DataKey.new(), file.metadata.threshold
    stanzas = keyring.wrap(new, groups, threshold, bench.providers, bench.now())
    return sealing.rotate(file.data, file.format, file.key, new, stanzas, bench.now(), threshold=threshold)


def _present(metadata: Metadata) -> Groups:
    return tuple(tuple(stanza.recipient for stanza in group) for group in metadata.groups)


class Leave(NamedTuple):
    """What an offboarding is about. `ruled` are the files of rules that still name the leaver."""

    recipient: Recipient
    exposures: list[Exposure]
    ruled: list[str]


def plan_leave(bench: Bench, name: str) -> Leave:
    """What somebody who leaves could read. `name` is an age key, an ARN, an address ... Raises UsageError for a stranger."""
    files: dict[str, SecretFile] = {}
    for path, data in encrypted_files(bench).items():
        with about(path):
            files[path] = bench.parsed(path, data)
    known = {recipient for file in files.values() for recipient in file.metadata.recipients()}
    found = [item for item in known if name in (str(item), item.fields[0][1], str(item).partition(" ")[2])]
    if len(found) != 1:
        near = closest(name, sorted(str(item).partition(" ")[2] for item in known))
        hint = f"did you mean {near}?" if near else "`gitconfigmgr secret recipients` lists them"
        raise UsageError(f"no encrypted file is for {name}" if not found else f"{name} is several recipients", hint)
    leaver = found[0]
    return Leave(leaver, recipients.offboarding(files, leaver), _ruled(bench, leaver))


def _ruled(bench: Bench, leaver: Recipient) -> list[str]:
    """The rules that would let them in again, as path:line."""
    found = []
    for path in bench.files():
        if path.rpartition("/")[2] == NAME:
            rules = bench.rules_near(path)
            named = [rule for rule in rules.rules if leaver in rule.recipients()] if rules else []
            found += [f"{path}:{rule.line}" for rule in named]
    return found


def offboard(bench: Bench, leave: Leave) -> list[str]:
    """Take a recipient out of all files and give these new data keys. Raises UsageError while a rule names them."""
    if leave.ruled:
        hint = f"remove it from the rule at {leave.ruled[0]}, then come back"
        raise UsageError(f"{leave.recipient} is still named in {', '.join(leave.ruled)}", hint)

    def change(file: _Opened) -> bytes:
        return _rotated(bench, file, recipients.without(_present(file.metadata), leave.recipient))

    return _change(bench, [item.path for item in leave.exposures], change)


def _change(bench: Bench, paths: Sequence[str], change: Callable[[_Opened], bytes]) -> list[str]:
    before = {path: bench.content(path) for path in paths}
    after: dict[str, bytes] = {}
    for path, found in unlock(
        before, bench.providers, bench.parsed
    ).items():  # what was tampered with must not look fresh
        with about(path):
            if isinstance(found, SecretsError):
                raise found
            after[path] = change(_Opened(path, before[path], kind_of_file(path), found.file.metadata, found.key))
    return write_all(bench, {path: data for path, data in after.items() if data != before[path]})


def write_all(bench: Bench, files: Mapping[str, bytes]) -> list[str]:
    """Write files one after the other; an error tells which were written."""
    done: list[str] = []
    for path, data in files.items():
        try:
            bench.write(path, data)
        except OutsideError as error:
            said = (
                f"{len(done)} of {len(files)} files were written: {', '.join(done)}" if done else "nothing was written"
            )
            raise FileError(path, OutsideError(f"{error}; {said}", "mend that, and run the command again")) from None
        done.append(path)
    return done
