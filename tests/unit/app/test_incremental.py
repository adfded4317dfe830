"""Only what changed is compiled again, and nobody can tell: after every edit the warm output is the cold one.

`Workshop` compiles a folder twice, once with all that earlier runs left behind and once from nothing, and compares
bytes, folders and findings.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.app.check import check
from gitconfigmgr.app.compile import Outcome, compile_all
from gitconfigmgr.app.select import Selection, State
from gitconfigmgr.errors import UsageError
from gitconfigmgr.wiring.folders import open_memory, open_output
from gitconfigmgr.wiring.trees import open_repository
from tests.oracle.generator import Maker, write_repo
from tests.unit.repositories import SETTINGS, broken_promises, commit, git, tree_of, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = date(2026, 6, 1)
EVERYTHING = Selection()


@dataclass
class Workshop:
    """A repository in `root`, compiled to `warm` again and again, and each time to `cold` from nothing."""

    place: Path
    selection: Selection = EVERYTHING
    now: date | None = NOW
    runs: int = 0
    ticks: int = 0
    compiled: int = field(default=0, init=False)  # targets that the last warm run looked at

    def __post_init__(self) -> None:
        self.root = self.place / "repository"
        self.warm = self.place / "warm"
        self.root.mkdir(exist_ok=True)
        git(self.root, "init", "-q")

    def write(self, files: dict[str, str | bytes | None], *, settled: bool = True) -> None:
        """Write files; settled ones have a time of their own that is long past, so the next run trusts it."""
        write_files(self.root, files)
        for name in [name for name, content in files.items() if content is not None and settled]:
            self.ticks += 1
            os.utime(self.root / name, (1_700_000_000 + self.ticks,) * 2)

    def run(self, folder: Path, rev: str | None = None, *, cached: bool = True, jobs: int = 1) -> Outcome:
        repository = open_repository(State(self.root, rev=rev, now=self.now))
        count = 0
        original = repository.compile

        def counted(target: Any) -> Any:
            nonlocal count
            count += 1
            return original(target)

        repository.compile = counted  # type: ignore[method-assign]
        # the state lies where the output's parent does: beside it, outside the repository
        output, store = open_output(folder, cached=cached)
        outcome = compile_all(repository, self.selection, output, store, identity="test", jobs=jobs)
        self.compiled = count
        return outcome

    def same(self, rev: str | None = None) -> Outcome:
        """Compile both ways and compare; the outcome of the warm run."""
        self.runs += 1
        cold_folder = self.place / f"cold-{self.runs}"
        cold = attempt(lambda: self.run(cold_folder, rev, cached=False))
        before = tree_of(self.warm) if self.warm.exists() else {}
        warm = attempt(lambda: self.run(self.warm, rev))
        if isinstance(cold, UsageError) or isinstance(warm, UsageError):
            assert str(warm) == str(cold)
            raise warm if isinstance(warm, UsageError) else AssertionError
        assert warm.diagnostics == cold.diagnostics
        assert sorted(warm.entries, key=repr) == sorted(cold.entries, key=repr)
        assert (warm.written, warm.documents) == (cold.written, cold.documents)
        now = tree_of(self.warm) if self.warm.exists() else {}
        if warm.written:
            assert now == tree_of(cold_folder)
            assert broken_promises(now) == []
        else:
            assert now == before, "an error changes nothing"
        return warm


def attempt(action: Callable[[], Outcome]) -> Outcome | UsageError:
    try:
        return action()
    except UsageError as error:
        return error


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


SERVICES: dict[str, str | bytes | None] = {
    **SETTINGS,
    "configs/global/base.yaml": "log: {level: info}\n",
    "configs/acme/base.yaml": "region: eu\n",
    "configs/acme/chat/base.yaml": "url: https://chat\nlimit: 5\n",
    "configs/acme/chat/production.yaml": "limit: 50\n",
    "configs/acme/search/base.yaml": "chat: ${acme/chat:url}\n",
    "configs/acme/mail/base.yaml": "search: ${acme/search:chat}\n",
    "configs/beta/api/base.yaml": "port: 80\n",
}


# -- single edits -----------------------------------------------------------------------------------------------------


def test_nothing_changed_compiles_nothing(shop: Workshop) -> None:
    shop.write(SERVICES)
    shop.same()
    shop.same()
    shop.same()
    assert shop.compiled == 0


def test_one_edit_compiles_what_it_touches_and_no_more(shop: Workshop) -> None:
    shop.write(SERVICES)
    shop.same()
    shop.write({"configs/beta/api/base.yaml": "port: 81\n"})
    shop.same()
    assert shop.compiled == 3
    shop.write({"configs/beta/api/production.yaml": "port: 82\n"})
    shop.same()
    assert shop.compiled == 1
    shop.write({"configs/acme/chat/base.yaml": "url: https://new\n"})
    shop.same()
    assert shop.compiled == 9, "chat, what refers to it, and what refers to that"


EDITS: dict[str, dict[str, str | bytes | None]] = {
    "value": {"configs/acme/chat/base.yaml": "url: https://other\nlimit: 5\n"},
    "document added": {"configs/acme/chat/staging.yaml": "limit: 7\n"},
    "document removed": {"configs/acme/chat/production.yaml": None},
    "document renamed": {
        "configs/acme/chat/production.yaml": None,
        "configs/acme/chat/development.yaml": "limit: 50\n",
    },
    "comment only, lines move": {"configs/acme/chat/base.yaml": "# new\nurl: https://chat\nlimit: 5\n"},
    "middle layer added": {"configs/acme/production.yaml": "region: {$value: us, $promote: true}\n"},
    "middle layer removed": {"configs/acme/base.yaml": None},
    "global changed": {"configs/global/base.yaml": "log: {level: debug}\n"},
    "namespace added": {"configs/beta/web/base.yaml": "a: 1\n"},
    "namespace removed": {"configs/beta/api/base.yaml": None},
    "namespace becomes a parent": {"configs/acme/mail/inner/base.yaml": "a: 1\n"},
    "parent compiled as well": {"configs/acme/_namespace.yaml": "compile: true\n"},
    "metadata without effect": {"configs/beta/api/_namespace.yaml": "owner_team: web\n"},
    "reference target two steps away": {"configs/acme/chat/base.yaml": "url: https://third\nlimit: 5\n"},
    "settings": {"gitconfigmgr.yaml": "version: 1\nenvironments:\n  dev: {}\n  production: {protected: true}\n"},
    "precedence": {"gitconfigmgr.yaml": "version: 1\nprecedence: namespace\n"},
    "hidden file": {"configs/acme/.note.txt": "x\n"},
    "file that nothing reads": {"configs/acme/notes.yml": "x: 1\n", "configs/base.yaml": "x: 1\n"},
    "warning": {"configs/acme/chat/development.yaml": "limit:\n"},
    "dangling reference": {"configs/acme/chat/base.yaml": "limit: 5\n"},
    "syntax error": {"configs/acme/chat/production.yaml": "limit: [\n"},
    "bad metadata": {"configs/acme/_namespace.yaml": "compile: maybe\n"},
    "schema error": {
        "gitconfigmgr.yaml": "version: 1\nschemas: [{schema: schemas/s.json}]\n",
        "schemas/s.json": '{"properties": {"port": {"type": "string"}}}',
    },
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_edit_and_its_reversal(shop: Workshop, edit: dict[str, str | bytes | None]) -> None:
    shop.write(SERVICES)
    shop.same()
    shop.write(edit)
    shop.same()
    shop.same()
    shop.write({name: SERVICES.get(name) for name in edit})
    shop.same()
    shop.same()


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_edit_and_its_reversal_by_revision(shop: Workshop, edit: dict[str, str | bytes | None]) -> None:
    shop.write(SERVICES)
    first = commit(shop.root)
    shop.same(first)
    shop.write(edit)
    second = commit(shop.root)
    for revision in (second, first, second, second, first):
        shop.same(revision)


def test_work_tree_and_revisions_share_an_output_folder(shop: Workshop) -> None:
    shop.write(SERVICES)
    first = commit(shop.root)
    for edit in ("value", "namespace removed", "document added"):
        shop.write(EDITS[edit])
        shop.same()
        shop.same(first)
        shop.same()


# -- references -------------------------------------------------------------------------------------------------------


def test_default_gives_way_to_a_namespace_that_appears(shop: Workshop) -> None:
    shop.write(SERVICES | {"configs/beta/api/base.yaml": "from: ${acme/later:key:-none}\n"})
    shop.same()
    shop.write({"configs/acme/later/base.yaml": "key: found\n"})
    shop.same()
    shop.write({"configs/acme/later/base.yaml": None})
    shop.same()


def test_default_gives_way_to_a_namespace_that_begins_to_exist_by_its_child(shop: Workshop) -> None:
    """acme/later has no document of its own, but what it inherits is there once it has a child."""
    shop.write(SERVICES | {"configs/beta/api/base.yaml": "from: ${acme/later:region:-none}\n"})
    shop.same()
    shop.write({"configs/acme/later/child/base.yaml": "a: 1\n"})
    shop.same()
    shop.write({"configs/acme/later/child/base.yaml": None})
    shop.same()


def test_default_gives_way_to_a_namespace_that_begins_to_exist_by_its_metadata(shop: Workshop) -> None:
    shop.write(SERVICES | {"configs/beta/api/base.yaml": "from: ${acme/later:region:-none}\n"})
    shop.same()
    shop.write({"configs/acme/later/_namespace.yaml": "description: soon\n"})
    shop.same()
    shop.write({"configs/acme/later/_namespace.yaml": None})
    shop.same()


def test_references_through_other_environments_and_templates(shop: Workshop) -> None:
    text = "a: ${@staging:b}\nb: 1\nc: {$template: '{{ x }}', $vars: {x: '${acme/chat@production:limit}'}}\n"
    shop.write(SERVICES | {"configs/beta/api/base.yaml": text})
    shop.same()
    shop.write({"configs/acme/chat/production.yaml": "limit: 51\n"})
    shop.same()
    shop.write({"configs/beta/api/staging.yaml": "b: 2\n"})
    shop.same()


def test_default_inside_another_target_gives_way(shop: Workshop) -> None:
    shop.write(
        SERVICES
        | {"configs/acme/search/base.yaml": "chat: ${beta/later:url:-none}\n"}
        | {"configs/acme/mail/base.yaml": "search: ${acme/search:chat}\n"}
    )
    shop.same()
    shop.write({"configs/beta/later/base.yaml": "url: there\n"})
    shop.same()


# -- schemas and the date ---------------------------------------------------------------------------------------------


def test_schemas_and_what_they_refer_to(shop: Workshop) -> None:
    shop.write(
        SERVICES
        | {
            "gitconfigmgr.yaml": "version: 1\nschemas: [{schema: schemas/a.json, namespaces: ['acme/*']}]\n",
            "schemas/a.json": '{"properties": {"limit": {"$ref": "b.json"}, "list": {"$ref": "b.json#/$defs/l"}}}',
            "schemas/b.json": '{"type": "integer", "$defs": {"l": {"type": "array", "x-gcm-merge": "append"}}}',
            "configs/acme/base.yaml": "list: [1]\n",
            "configs/acme/chat/base.yaml": "list: [2]\nurl: a\nlimit: 5\n",
        }
    )
    assert shop.same().written
    shop.write({"schemas/b.json": '{"$defs": {"l": {"type": "array", "x-gcm-merge": "prepend"}}}'})
    assert shop.same().written
    shop.write({"schemas/b.json": '{"type": "string"}'})
    assert not shop.same().written
    shop.write({"schemas/b.json": None})
    assert not shop.same().written
    shop.write({"schemas/b.json": '{"$defs": {"l": {}}}'})
    assert shop.same().written


def test_expiry_is_judged_anew_on_another_day(shop: Workshop) -> None:
    shop.write(SERVICES | {"configs/beta/api/base.yaml": "port: {$value: 1, $until: 2026-06-10, $owner: web}\n"})
    written = []
    for day in (1, 1, 10, 11, 11, 2, 20):
        shop.now = date(2026, 6, day)
        written.append(shop.same().written)
    assert written == [True, True, True, False, False, True, False]


def test_without_a_date_the_date_of_the_commit_counts(shop: Workshop) -> None:
    shop.now = None
    text = "port: {$value: 1, $until: 2026-01-10, $owner: web}\n"
    shop.write(SERVICES | {"configs/beta/api/base.yaml": text})
    assert [item.code for item in shop.same().diagnostics] == ["GCM214"]  # no commit, no date: it says so
    commit(shop.root, date="2026-01-09T00:00:00Z")
    assert [item.code for item in shop.same().diagnostics] == ["GCM211"]  # it expires tomorrow
    commit(shop.root, date="2026-01-11T00:00:00Z")
    assert not shop.same().written
    assert not shop.same("HEAD").written
    assert shop.same("HEAD~1").written


# -- findings ---------------------------------------------------------------------------------------------------------


def test_warnings_stay_reported_when_nothing_changes(shop: Workshop) -> None:
    shop.write(
        SERVICES
        | {
            "configs/acme/chat/production.yaml": "limit:\n",
            "configs/acme/search/staging.yaml": "chat: {$delete: if-present}\nnone: {$delete: if-present}\n",
            "configs/acme/notes.yml": "a\n",
            "configs/acme/base.yml": "a: 1\n",
            "configs/beta/api/base.yaml": "list: [1]\n",
            "configs/beta/api/staging.yaml": "list: {$remove: [2]}\n",
        }
    )
    first = shop.same()
    assert {item.code for item in first.diagnostics} >= {"GCM125", "GCM212", "GCM213"}
    assert shop.same().diagnostics == first.diagnostics
    shop.write({"configs/global/base.yaml": "log: {level: warning}\n"})
    assert shop.same().diagnostics == first.diagnostics


# -- what lies around -------------------------------------------------------------------------------------------------


def test_same_size_within_a_tick_is_noticed(shop: Workshop) -> None:
    shop.write(SERVICES)
    for number in range(10, 16):
        shop.write({"configs/beta/api/base.yaml": f"port: {number}\n"}, settled=False)
        shop.same()


def test_replaced_file_with_the_time_and_size_of_the_old_one_is_noticed(shop: Workshop) -> None:
    shop.write(SERVICES)
    shop.same()
    path = shop.root / "configs/beta/api/base.yaml"
    found = path.stat()
    (shop.root / "new").write_text("port: 99\n")
    os.utime(shop.root / "new", ns=(found.st_atime_ns, found.st_mtime_ns))
    (shop.root / "new").replace(path)
    shop.same()


def test_file_changed_while_the_compiler_runs_is_noticed_by_the_next_run(shop: Workshop) -> None:
    """An editor saves while a large corpus is compiled: the next run must not think that it has read that."""
    shop.write(SERVICES)
    repository = open_repository(State(shop.root, now=NOW))
    output, store = open_output(shop.warm, cached=True)
    commit_output = output.commit

    def edit_then_commit() -> None:
        shop.write({"configs/beta/api/base.yaml": "port: 83\n"})  # its time says: a while ago
        commit_output()

    output.commit = edit_then_commit  # type: ignore[method-assign]
    compile_all(repository, EVERYTHING, output, store, identity="test", jobs=1)
    shop.same()


def test_deleted_output_file_comes_back(shop: Workshop) -> None:
    shop.write(SERVICES)
    for name in ("beta/api/production.json", "acme/chat/staging.provenance.json"):
        shop.same()
        (shop.warm / name).unlink()
        shop.same()


def test_folder_that_lost_its_manifest_is_not_ours_any_more(shop: Workshop) -> None:
    shop.write(SERVICES)
    shop.same()
    (shop.warm / "manifest.json").unlink()
    with pytest.raises(UsageError, match="did not write"):
        shop.run(shop.warm)


def test_output_file_edited_in_place_is_written_anew_without_the_cache(shop: Workshop) -> None:
    """A warm run looks at folders, not at each file (ADR 5)."""
    shop.write(SERVICES)
    shop.same()
    before = tree_of(shop.warm)
    with open(shop.warm / "beta/api/production.json", "r+b") as file:
        file.write(b"[")
    shop.run(shop.warm, cached=False)
    assert tree_of(shop.warm) == before


def test_added_output_file_stops_the_run_and_is_kept(shop: Workshop) -> None:
    shop.write(SERVICES)
    shop.same()
    shop.same()
    (shop.warm / "beta/api/mine.txt").write_text("precious")
    before = tree_of(shop.warm)
    with pytest.raises(UsageError, match=r"mine\.txt"):
        shop.run(shop.warm)
    shop.write({"configs/beta/api/base.yaml": None})
    with pytest.raises(UsageError, match=r"mine\.txt"):
        shop.run(shop.warm)
    assert tree_of(shop.warm) == before
    (shop.warm / "beta/api/mine.txt").unlink()
    shop.same()


def states(shop: Workshop) -> list[Path]:
    home = shop.place / "state"
    return sorted(home.rglob("compile-*.json"))


@pytest.fixture
def kept(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop whose states lie in a folder of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shop.place / "state"))
    return shop


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"beta", b"zeta")),
        lambda path: path.write_bytes(os.urandom(1000)),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["gone", "empty", "last byte", "truncated", "altered", "noise", "folder"],
)
def test_damaged_state_costs_time_only(kept: Workshop, damage: Callable[[Path], object]) -> None:
    kept.write(SERVICES)
    kept.same()
    assert states(kept)
    for path in states(kept):
        damage(path)
    kept.same()
    kept.write(EDITS["value"])
    kept.same()


def test_damaged_spare_costs_time_only(kept: Workshop) -> None:
    kept.write(SERVICES)
    kept.same()
    kept.write(EDITS["value"])
    kept.same()
    spares = [
        path for path in (*(kept.place / "state").rglob("compile-*"), *kept.place.glob(".*spare*")) if path.is_dir()
    ]
    assert spares
    for spare in spares:
        (spare / "beta/api/production.json").unlink()
        (spare / "beta/api/extra.json").write_text("{}")
    kept.write(EDITS["document added"])
    kept.same()


def test_two_output_folders_do_not_know_of_each_other(shop: Workshop) -> None:
    shop.write(SERVICES)
    folders = [shop.place / "one", shop.place / "two"]
    for number, folder in enumerate([*folders, *folders, folders[0], *folders]):
        shop.write({"configs/beta/api/base.yaml": f"port: {number}\n"})
        shop.warm = folder
        shop.same()


def test_selections_alternate_over_one_folder(shop: Workshop) -> None:
    shop.write(SERVICES)
    selections = [
        EVERYTHING, Selection(("acme/*",)), Selection(("acme/*",), ("production",)), Selection((), ("staging",)),
        Selection(("acme/chat",)), Selection(("acme/chat",)), EVERYTHING,
    ]  # fmt: skip
    for number, selection in enumerate(selections):
        shop.selection = selection
        shop.same()
        shop.write({"configs/acme/chat/base.yaml": f"url: {number}\nlimit: 5\n"})
        shop.same()


def test_removed_namespace_leaves_no_folder_behind(shop: Workshop) -> None:
    shop.write(SERVICES)
    for round_ in range(3):
        shop.write({"configs/beta/api/base.yaml": SERVICES["configs/beta/api/base.yaml"]})
        shop.same()
        shop.write({"configs/acme/chat/staging.yaml": f"limit: {round_}\n"})
        shop.same()
        shop.write({"configs/beta/api/base.yaml": None})
        shop.same()
        shop.write({"configs/acme/chat/staging.yaml": f"limit: 1{round_}\n"})
        shop.same()


def test_name_that_is_not_utf_8_does_not_matter_where_nothing_reads_it(shop: Workshop) -> None:
    shop.write(SERVICES)
    name = os.fsencode(shop.root / "configs/acme") + b"/note-\xff.txt"
    with open(name, "wb") as file:
        file.write(b"x")
    shop.same()
    commit(shop.root)
    shop.same("HEAD")


def test_other_program_forgets_everything(shop: Workshop) -> None:
    shop.write(SERVICES)
    shop.run(shop.warm)
    repository = open_repository(State(shop.root, now=NOW))
    output, store = open_output(shop.warm, cached=True)
    seen = []
    original = repository.compile
    repository.compile = lambda target: seen.append(target) or original(target)  # type: ignore[method-assign, func-returns-value]
    compile_all(repository, EVERYTHING, output, store, identity="another", jobs=1)
    assert len(seen) == len(repository.targets)


# -- random histories -------------------------------------------------------------------------------------------------


class History:
    """Random edits of a random repository that compiles at first, and mostly later on."""

    def __init__(self, seed: int, shop: Workshop, spice: float = 0) -> None:
        self.rng = Random(seed)
        self.shop = shop
        for _ in range(20):
            self.maker = Maker(self.rng)
            self.maker.spice, self.maker.promoting, self.maker.linked = spice, 1, 0.08
            self.repo = self.maker.repo()
            self.repo.settings["leak_guard"] = self.rng.choice(["off", "warn"])
            self.write()
            if self.compiles():
                break

    def compiles(self) -> bool:
        try:
            return self.shop.run(self.shop.place / "scratch", cached=False).written
        except UsageError:
            return False

    def step(self, broken: float = 0.1) -> None:
        """One more edit; one that does not compile is taken back, but for a few."""
        for _ in range(8):
            before = replace(
                self.repo,
                documents=dict(self.repo.documents),
                compiled=set(self.repo.compiled),
                settings=dict(self.repo.settings),
            )
            self.edit()
            self.write()
            if self.compiles() or self.rng.random() < broken:
                return
            self.repo = before
        self.write()

    def write(self) -> None:
        """The whole repository as it is now; files that stay the same are not touched."""
        fresh = self.shop.place / f"fresh-{self.rng.random()}"
        fresh.mkdir()
        write_repo(self.repo, fresh, Random(0))
        wanted = {path.relative_to(fresh): path for path in fresh.rglob("*") if path.is_file()}
        for path in [path for path in self.shop.root.rglob("*") if path.is_file()]:
            name = path.relative_to(self.shop.root)
            if name.parts[0] != ".git" and name not in wanted:
                write_files(self.shop.root, {name.as_posix(): None})
        for name, path in wanted.items():
            target = self.shop.root / name
            if not target.exists() or target.read_bytes() != path.read_bytes():
                self.shop.write({name.as_posix(): path.read_bytes()}, settled=self.rng.random() < 0.7)

    def edit(self) -> None:
        rng, repo = self.rng, self.repo
        roll = rng.random()
        environments = list(repo.environments())
        name, environment = rng.choice(self.maker.namespaces), rng.choice(environments)
        if roll < 0.5 or not repo.documents:
            repo.documents[name, environment] = self.maker.document(
                environment, full=(name, environment) == ("global", "base")
            )
        elif roll < 0.65:
            repo.documents.pop(rng.choice(list(repo.documents)))
        elif roll < 0.75:
            repo.documents = {key: value for key, value in repo.documents.items() if key[0] != name}
        elif roll < 0.85:
            repo.compiled ^= {name} - {"global"}
        elif roll < 0.92:
            repo.settings["precedence"] = rng.choice(["environment", "namespace"])
        elif repo.schema:
            repo.schema_merge, repo.schema_paths = {}, set()
            repo.schema = self.maker.schema(repo, self.maker.shape, ())


def nothing_to_compile(action: Callable[[], object]) -> bool:
    try:
        action()
    except UsageError as error:
        return "nothing to" in str(error) or pytest.fail(str(error))
    return False


HISTORIES = int(os.environ.get("GCM_RANDOM_HISTORIES", "8"))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_random_history_of_a_work_tree(seed: int, shop: Workshop) -> None:
    history = History(seed, shop)
    for _ in range(8):
        shop.now = history.rng.choice([NOW, NOW, date(2026, 6, 11)])
        nothing_to_compile(shop.same)
        history.step()


@pytest.mark.parametrize("seed", range(100, 100 + HISTORIES // 2))
def test_random_history_of_revisions(seed: int, shop: Workshop) -> None:
    history = History(seed, shop)
    revisions = []
    for _ in range(6):
        revisions.append(commit(shop.root))
        nothing_to_compile(lambda: shop.same(revisions[-1]))
        history.step()
    for revision in history.rng.sample(revisions, 4):
        nothing_to_compile(lambda: shop.same(revision))  # noqa: B023 - called at once


# -- check ------------------------------------------------------------------------------------------------------------


def checked(shop: Workshop, *, remembered: bool, rev: str | None = None) -> Any:
    state = State(shop.root, rev=rev, now=shop.now)
    store = open_memory(state) if remembered else None
    try:
        found = check(open_repository(state), EVERYTHING, store=store, identity="test", jobs=1)
    except UsageError as error:
        return str(error)
    return [(item, item.affects) for item in found.diagnostics], found.targets, found.documents


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_check_with_memory_finds_what_check_without_finds(shop: Workshop, edit: dict[str, str | bytes | None]) -> None:
    shop.write(SERVICES)
    for files in (SERVICES, {}, edit, {}, {}, {name: SERVICES.get(name) for name in edit}, {}):
        shop.write(files)
        assert checked(shop, remembered=True) == checked(shop, remembered=False)
        revision = commit(shop.root)
        assert checked(shop, remembered=True, rev=revision) == checked(shop, remembered=False, rev=revision)


@pytest.mark.parametrize("seed", range(200, 200 + HISTORIES))
def test_check_with_memory_over_a_random_history(seed: int, shop: Workshop) -> None:
    history = History(seed, shop, spice=[0, 0.01, 0.05][seed % 3])
    for _ in range(8):
        shop.now = history.rng.choice([NOW, NOW, date(2026, 6, 11)])
        assert checked(shop, remembered=True) == checked(shop, remembered=False)
        history.step(broken=1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_schemas_that_only_some_processes_read(shop: Workshop, jobs: int) -> None:
    """The last service alone is bound to b.json; with two processes it is not the first one that reads it."""
    services = {f"configs/acme/s{number:02}/base.yaml": "limit: 5\n" for number in range(40)}
    bindings = "[{schema: schemas/a.json, namespaces: [acme/s0*]}, {schema: schemas/b.json, namespaces: [acme/s39]}]"
    sound = {"schemas/a.json": "{}", "schemas/b.json": "{}"}
    shop.write(services | sound | {"gitconfigmgr.yaml": f"version: 1\nschemas: {bindings}\n"})

    def codes() -> list[str]:
        state = State(shop.root, now=NOW)
        found = check(open_repository(state), EVERYTHING, (), open_memory(state), identity="test", jobs=jobs)
        return [item.code for item in found.diagnostics]

    assert codes() == []
    for text, wanted in (('{"properties": {"limit": {"type": "string"}}}', "GCM402"), ('{"type": "objct"}', "GCM401")):
        shop.write({"schemas/b.json": text})
        assert codes() == [wanted]
        assert codes() == [wanted], "nothing has changed, and it is still wrong"
        shop.write(sound)
        assert codes() == []
