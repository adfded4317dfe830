"""Rollback, restore and promote on real repositories: what they commit, what they leave alone, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.app.change import Change, judge
from gitconfigmgr.app.diff import state_of
from gitconfigmgr.app.promote import promote, promote_layer
from gitconfigmgr.app.restore import restore
from gitconfigmgr.app.rollback import rollback
from gitconfigmgr.app.select import State
from gitconfigmgr.app.steering import NoWayError
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.documents import snapshot
from gitconfigmgr.model.names import Target
from gitconfigmgr.source.overlay_tree import EditedTree
from gitconfigmgr.wiring.trees import open_chronicle, open_repository
from tests.unit.repositories import SECRET, commit, git, write_files

if TYPE_CHECKING:
    from pathlib import Path


OPEN = {
    "gitconfigmgr.yaml": "version: 1\nleak_guard: 'off'\nenvironments:\n  development: {}\n  staging: {extends: development}\n"
    "  production: {extends: staging}\n"
}
FOLDER = "configs/acme/chat"
UNCHANGED = Change({}, "")
STAGING, PRODUCTION = Target("acme/chat", "staging"), Target("acme/chat", "production")


class World:
    """A repository whose commits are made of files, and what a change would make of its targets."""

    def __init__(self, root: Path, settings: dict[str, str]) -> None:
        self.root = root
        write_files(root, settings)

    def commit(self, **files: str | None) -> None:
        write_files(self.root, {f"{FOLDER}/{name}.yaml": text for name, text in files.items()})
        commit(self.root)

    def back(self, target: Target, number: int) -> Change:
        state = State(self.root, "HEAD")
        repository = open_repository(state)
        reopen = lambda tree: open_repository(state, tree)  # noqa: E731 - as short as that
        return rollback(repository, reopen, open_chronicle(state), target, number).change

    def promote(self, *keys: str, first: str = "staging", second: str = "production") -> Change:
        state = State(self.root, "HEAD")
        repository = open_repository(state)
        return promote(repository, lambda tree: open_repository(state, tree), "acme/chat", keys, (first, second))

    def promote_layer(
        self, *keys: str, first: str = "staging", second: str = "production", others: bool = False
    ) -> Change:
        state = State(self.root, "HEAD")
        repository, reopen = open_repository(state), lambda tree: open_repository(state, tree)
        return promote_layer(repository, reopen, "acme/chat", keys, (first, second), others=others)

    def restore(self, namespace: str, *, others: bool = False) -> Change:
        state = State(self.root, "HEAD")
        repository, reopen = open_repository(state), lambda tree: open_repository(state, tree)
        return restore(repository, reopen, open_chronicle(state), namespace, others=others)

    def after(self, change: Change) -> dict[str, Any]:
        """The documents of acme/chat with the change, by environment."""
        state = State(self.root, "HEAD")
        repository = open_repository(state, EditedTree(open_repository(state).tree, change.files))
        documents = {}
        for target in repository.targets:
            root = state_of(repository, target).root
            assert root is not None
            documents[str(target)] = snapshot(root)
        return documents

    def texts(self, change: Change) -> dict[str, str | None]:
        return {
            path.removeprefix(f"{FOLDER}/"): None if data is None else data.decode()
            for path, data in change.files.items()
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, OPEN)


def test_the_smallest_edit_in_the_file_of_the_environment(world: World) -> None:
    world.commit(
        base="# all\napi: {timeout: 30} # s\n", production="# here\napi:\n  timeout: 60 # slow\n  retries: 2\n"
    )
    world.commit(production="# here\napi:\n  timeout: 90 # slow\n  retries: 2\n")
    assert world.texts(world.back(PRODUCTION, 1)) == {
        "production.yaml": "# here\napi:\n  timeout: 60 # slow\n  retries: 2\n"
    }


def test_an_override_that_was_not_there_goes(world: World) -> None:
    world.commit(base="api: {timeout: 30}\n", production="other: 1\n")
    world.commit(production="other: 1\napi: {timeout: 90}\n")
    assert world.texts(world.back(PRODUCTION, 1)) == {"production.yaml": "other: 1\n"}


def test_a_change_of_a_shared_layer_is_undone_for_one_environment_only(world: World) -> None:
    world.commit(base="a: 1\nb: {c: [1, 2], d: x}\n")
    world.commit(base="a: 2\nb: {c: [1, 3], e: z}\n")
    change = world.back(PRODUCTION, 1)
    assert set(change.files) == {f"{FOLDER}/production.yaml"}
    new, old = {"a": 2, "b": {"c": [1, 3], "e": "z"}}, {"a": 1, "b": {"c": [1, 2], "d": "x"}}
    assert world.after(change) == {
        "acme/chat in development": new, "acme/chat in staging": new, "acme/chat in production": old,
    }  # fmt: skip


def test_what_follows_by_references_is_not_written_down(world: World) -> None:
    world.commit(base="host: a\nurl: http://${host}/\nall: {at: '${url}v1'}\nfar: ${acme/web:w}\n")
    write_files(world.root, {"configs/acme/web/base.yaml": "w: 1\n"})
    world.commit()
    world.commit(base="host: b\nurl: http://${host}/\nall: {at: '${url}v1'}\nfar: ${acme/web:w}\n")
    write_files(world.root, {"configs/acme/web/base.yaml": "w: 2\n"})
    world.commit()
    assert world.texts(world.back(PRODUCTION, 2)) == {"production.yaml": "host: a\nfar: 1\n"}


def test_what_no_lower_layer_knows_any_more_is_marked_as_meant(tmp_path: Path) -> None:
    settings = OPEN["gitconfigmgr.yaml"].replace("extends: staging", "extends: staging, protected: true")
    world = World(tmp_path, {"gitconfigmgr.yaml": settings})
    world.commit(base="a: 1\ntext: |\n  one\n  two\nlimits: {day: 1, hour: 2}\nlist: [x]\n")
    world.commit(base="a: 1\nodd: 1\n", production="a: 2\n")
    change = world.back(PRODUCTION, 1)
    text = world.texts(change)["production.yaml"] or ""
    assert text.count("$new: true") == 3
    assert world.after(change)["acme/chat in production"] == {
        "a": 1, "limits": {"day": 1, "hour": 2}, "list": ["x"], "text": "one\ntwo\n",
    }  # fmt: skip
    state = State(world.root, "HEAD")
    before = open_repository(state)
    assert judge(before, open_repository(state, EditedTree(before.tree, change.files)), change).findings == []


def test_environments_that_extend_this_one_keep_their_values(world: World) -> None:
    world.commit(base="a: 1\n", staging="b: 1\n")
    world.commit(staging="b: 2\nc: 3\n")
    change = world.back(STAGING, 1)
    assert set(change.files) == {f"{FOLDER}/staging.yaml", f"{FOLDER}/production.yaml"}
    assert world.after(change) == {
        "acme/chat in development": {"a": 1},
        "acme/chat in staging": {"a": 1, "b": 1},
        "acme/chat in production": {"a": 1, "b": 2, "c": 3},
    }
    assert change.notes == [f"keeps other environments as they are by {FOLDER}/production.yaml"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("v: [1, 2]\n", "v: {$append: [3]}\n"),
        ("v: {$append: [9]}\n", "v: {$replace: {a: 1}}\n"),
        ("v: {$delete: true}\n", "x: 1\n"),
        ("x: 1\n", "v: {$delete: true}\n"),
        ('s: "$${a} $$x"\n"$$k": {"a.b/c~": 1, "": null}\n', "s: ${t}\nt: 1\n"),
        ("v: {$replace: {a: 1}}\n", "v: {$replace: text}\n"),
        ("m: {deep: {er: {v: 1}}}\n", "m: 1\n"),
        ("s: |\n  two\n  lines\n", "s: one\n"),
    ],
)
def test_directives_and_odd_values(world: World, first: str, second: str) -> None:
    world.commit(base="v: [0]\nk: keep\n", production=first)
    wanted = world.after(UNCHANGED)["acme/chat in production"]
    world.commit(production=second)
    assert world.after(UNCHANGED)["acme/chat in production"] != wanted
    found = world.after(world.back(PRODUCTION, 1))
    assert found["acme/chat in production"] == wanted
    assert found["acme/chat in staging"] == {"v": [0], "k": "keep"}


def test_a_schema_that_appends_lists(world: World) -> None:
    write_files(world.root, {
        "gitconfigmgr.yaml": OPEN["gitconfigmgr.yaml"] + "schemas: [{schema: schemas/s.json}]\n",
        "schemas/s.json": '{"properties": {"l": {"x-gcm-merge": "append"}, "m": {"x-gcm-merge": {"by": "name"}}}}',
    })  # fmt: skip
    world.commit(base="l: [1]\nm: [{name: a, v: 1}]\n", production="l: [2]\nm: [{name: b, v: 1}]\n")
    world.commit(production="l: [3]\nm: [{name: a, v: 2}]\n")
    found = world.after(world.back(PRODUCTION, 1))["acme/chat in production"]
    assert found == {"l": [1, 2], "m": [{"name": "a", "v": 1}, {"name": "b", "v": 1}]}


def test_secrets_come_back_with_their_file(world: World) -> None:
    sealed = "key: {}\nsops: {{mac: x, version: 3.9.0, age: []}}\n"
    world.commit(base="a: 1\n", production=sealed.format(SECRET))
    world.commit(production=sealed.format(SECRET.replace("data:cXE=", "data:enp6")))
    assert world.texts(world.back(PRODUCTION, 1)) == {"production.yaml": sealed.format(SECRET)}


def test_a_target_that_does_not_compile_gets_its_files_back(world: World) -> None:
    world.commit(base="a: 1\n", production="b: 1\n")
    world.commit(production="b: [\n")
    assert world.texts(world.back(PRODUCTION, 1)) == {"production.yaml": "b: 1\n"}


def test_what_refers_to_the_target_is_not_changed_in_silence(world: World) -> None:
    write_files(world.root, {"configs/acme/web/base.yaml": "seen: ${acme/chat:a}\n"})
    world.commit(base="a: 1\n", production="a: 2\n")
    world.commit(production="a: 3\n")
    with pytest.raises(UsageError, match="the edit would change acme/web in production too"):
        world.back(PRODUCTION, 1)


def test_what_cannot_be_gone_back_to(world: World) -> None:
    world.commit(base="a: 1\n")
    world.commit(base="a: [\n")
    world.commit(base="a: 2\n")
    world.commit(base=None)
    world.commit(base="a: 3\n")
    for number, why in ((2, "does not compile"), (4, "is its removal"), (6, "has no version 6")):
        with pytest.raises(UsageError, match=why):
            world.back(PRODUCTION, number)
    assert not world.back(PRODUCTION, 5).files
    world.commit(base=None)
    with pytest.raises(UsageError, match="is not there"):
        world.back(PRODUCTION, 1)


def test_promoted_values_and_what_stays(world: World) -> None:
    world.commit(
        base="a: 1\nb: 1\nl: [1]\n", staging="a: 2\nb: 2\nl: {$append: [2]}\n", production="a: 9\nb: 9\nonly: 1\n"
    )
    assert world.after(world.promote("a", "l"))["acme/chat in production"] == {"a": 2, "b": 9, "l": [1, 2], "only": 1}
    assert world.after(world.promote())["acme/chat in production"] == {"a": 2, "b": 2, "l": [1, 2]}
    assert world.texts(world.promote("a")) == {"production.yaml": "a: 2\nb: 9\nonly: 1\n"} or world.texts(
        world.promote("a")
    ) == {"production.yaml": "b: 9\nonly: 1\n"}
    assert world.after(world.promote("only"))["acme/chat in production"] == {"a": 9, "b": 9, "l": [1, 2]}
    with pytest.raises(UsageError, match="neither environment has a key nothing"):
        world.promote("nothing")


def test_a_guarded_environment_gets_promoted_values_of_its_own(tmp_path: Path) -> None:
    settings = (
        OPEN["gitconfigmgr.yaml"]
        .replace("leak_guard: 'off'\n", "")
        .replace("extends: staging", "extends: staging, protected: true")
    )
    world = World(tmp_path, {"gitconfigmgr.yaml": settings})
    world.commit(base="a: 1\n", staging="a: 2\n", production="a: 3\n")
    assert world.texts(world.promote("a")) == {"production.yaml": "a: 2\n"}


def test_secrets_stay_in_their_environment(world: World) -> None:
    sealed = "key: {}\nsops: {{mac: x, version: 3.9.0, age: []}}\n"
    world.commit(base="a: 1\n", development="a: 2\n", staging=sealed.format(SECRET), production="a: 3\n")
    change = world.promote(first="development")
    assert change.notes == ["left as it is: key, which holds a secret in one of them"]
    with pytest.raises(UsageError, match="key holds a secret"):
        world.promote("key")


def test_a_layer_is_promoted_as_it_is_written(world: World) -> None:
    world.commit(base="a: 1\nl: [1]\n", staging="a: ${l.0}\nl: {$append: [2]} # more\n", production="# mine\na: 9\n")
    change = world.promote_layer("a")
    assert world.texts(change) == {"production.yaml": "# mine\na: ${l.0}\n"}
    assert change.notes == []


def test_a_promoted_layer_is_proven_to_change_no_other_target(world: World) -> None:
    """Not what refers to it, unless that is allowed; and environments that extend it keep their documents."""
    world.commit(base="a: 1\nb: ${a}\n", development="a: 2\n", staging="c: 3\n")
    change = world.promote_layer("a", first="development", second="staging")
    assert world.texts(change) == {"staging.yaml": "c: 3\na: 2\n"}  # nothing differs: all extend development
    world.commit(development="a: 3\n", staging="a: 2\n")
    change = world.promote_layer("a", first="development", second="staging")
    assert world.texts(change) == {"staging.yaml": "a: 3\n", "production.yaml": "a: 2\n"}
    assert change.notes == [
        "changes b too, by references to what is promoted",
        f"keeps other environments as they are by {FOLDER}/production.yaml",
    ]
    found = world.after(change)
    assert found["acme/chat in staging"] == {"a": 3, "b": 3}
    assert found["acme/chat in production"] == {"a": 2, "b": 2}
    write_files(world.root, {"configs/acme/web/base.yaml": "seen: ${acme/chat:a}\n"})
    world.commit()
    with pytest.raises(NoWayError, match="the edit would change acme/web in staging too"):
        world.promote_layer("a", first="development", second="staging")
    assert world.promote_layer("a", first="development", second="staging", others=True).files == change.files


def test_a_layer_that_breaks_the_target_is_not_promoted(world: World) -> None:
    world.commit(base="l: 1\n", staging="m: ${none}\n", production="m: 1\n")
    with pytest.raises(NoWayError, match="acme/chat in production would have no document: "):
        world.promote_layer("m")


def test_a_deleted_namespace_comes_back(world: World) -> None:
    write_files(world.root, {"configs/acme/chat/web/base.yaml": "w: 1\n", "configs/acme/base.yaml": "org: 1\n"})
    world.commit(base="# kept\na: 1\n")
    git(world.root, "rm", "-rq", "configs/acme/chat")
    write_files(world.root, {"configs/acme/base.yaml": "org: 2\n", "configs/acme/x/base.yaml": "x: 1\n"})
    commit(world.root)
    change = world.restore("acme/chat")
    assert world.texts(change) == {"base.yaml": "# kept\na: 1\n", "web/base.yaml": "w: 1\n"}
    assert change.notes == [
        f"acme/chat/web in {name} is not as it was: layers above it have changed since"
        for name in ("development", "staging", "production")
    ]
    with pytest.raises(UsageError, match="acme/x is there"):
        world.restore("acme/x")
    with pytest.raises(UsageError, match="no commit of this branch has configs/acme/never"):
        world.restore("acme/never")


def test_what_a_restored_namespace_does_to_others(world: World) -> None:
    """It may heal what cannot do without it; it changes what can do without it only where that is allowed."""
    world.commit(base="a: 1\n")
    write_files(world.root, {"configs/acme/web/base.yaml": "seen: ${acme/chat:a}\n"})
    world.commit()
    git(world.root, "rm", "-rq", FOLDER)
    world.commit()
    assert world.texts(world.restore("acme/chat")) == {"base.yaml": "a: 1\n"}
    write_files(world.root, {"configs/acme/web/base.yaml": "seen: ${acme/chat:a:-none}\n"})
    world.commit()
    with pytest.raises(UsageError, match="bringing acme/chat back would change acme/web in development too"):
        world.restore("acme/chat")
    assert world.texts(world.restore("acme/chat", others=True)) == {"base.yaml": "a: 1\n"}
