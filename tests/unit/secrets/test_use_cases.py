"""The use cases on a repository in memory."""

from __future__ import annotations

import json

import pytest

from gitconfigmgr.app import secret_files as app
from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.secrets.errors import FormatError, RulesError
from gitconfigmgr.secrets.keyring import NoKeyError
from gitconfigmgr.secrets.opening import located
from tests.unit.secrets.support import NOW, Person


class Repository:
    """Files in memory; `bench` is what a person with a key works on."""

    def __init__(self, *people: Person) -> None:
        self.files: dict[str, bytes] = {}
        self.rules(*people)

    def rules(self, *people: Person) -> None:
        rule = {"age": [person.name for person in people], "encrypted_regex": "^(key|token)$"}
        self.files[".sops.yaml"] = json.dumps({"creation_rules": [rule]}).encode()

    def bench(self, person: Person) -> app.Bench:
        return app.Bench(self.files.get, self.files.__setitem__, person.providers, NOW)


@pytest.fixture
def alice() -> Person:
    return Person()


@pytest.fixture
def repository(alice) -> Repository:
    made = Repository(alice)
    for name in ("a", "b"):
        made.files[f"configs/{name}.yaml"] = b"name: " + name.encode() + b"\napi:\n    key: 5\n    hosts: [x]\n"
        app.encrypt_file(made.bench(alice), f"configs/{name}.yaml")
    return made


A, B = "configs/a.yaml", "configs/b.yaml"


def test_a_value_keeps_its_type(alice, repository):
    bench = repository.bench(alice)
    assert app.set_value(bench, A, ("api", "key"), "6")
    assert app.get_value(bench, A, ("api", "key")) == 6
    assert not app.set_value(bench, A, ("api", "key"), "6")
    with pytest.raises(FormatError, match=r"configs/a\.yaml: the value was of type int"):
        app.set_value(bench, A, ("api", "key"), "six")
    app.set_value(bench, A, ("api", "token"), "0644")
    assert app.get_value(bench, A, ("api", "token")) == "0644"
    app.unset_value(bench, A, ("api", "token"))
    assert app.get_value(bench, A, ("api",)) == {"key": 6, "hosts": ["x"]}


def test_listing_needs_no_key(repository):
    listed = app.list_values(repository.bench(Person()), A)
    assert [(item.path, item.type, item.encrypted) for item in listed] == [
        (("name",), "str", False), (("api", "key"), "int", True), (("api", "hosts", 0), "str", False),
    ]  # fmt: skip


def test_editing(alice, repository):
    bench = repository.bench(alice)
    plain = app.decrypt_file(bench, A)
    assert not app.replace_plaintext(bench, A, plain)
    before = repository.files[A]
    with pytest.raises(FormatError):
        app.replace_plaintext(bench, A, b"a: [")
    assert repository.files[A] == before
    assert app.replace_plaintext(bench, A, plain.replace(b"5", b"7"))
    assert app.get_value(bench, A, ("api", "key")) == 7


def test_recipients_of_the_whole_repository(alice, repository):
    bob = Person()
    repository.rules(alice, bob)
    bench = repository.bench(alice)
    assert [bool(item.missing) for item in app.statuses(bench, [A, B])] == [True, True]
    assert app.rekey_files(bench, [A, B]) == [A, B]
    assert app.rekey_files(bench, [A, B]) == []
    assert all(item.in_order for item in app.statuses(bench, [A, B]))
    assert app.get_value(repository.bench(bob), A, ("api", "key")) == 5
    plan = app.offboard(bench, [A, B], bob.recipient)
    assert [item.path for item in plan] == [A, B]
    assert plan[0].secrets == (("api", "key"),)
    with pytest.raises(NoKeyError):
        app.get_value(repository.bench(bob), A, ("api", "key"))
    assert app.verify_files(bench, [A, B]) == {}


def test_a_failure_leaves_all_files_as_they_were(alice, repository):
    other = Person()
    strange = Repository(other)
    strange.files["x.yaml"] = b"key: 1\n"
    app.encrypt_file(strange.bench(other), "x.yaml")
    repository.files["x.yaml"] = strange.files["x.yaml"]
    before = dict(repository.files)
    with pytest.raises(NoKeyError, match=r"x\.yaml"):
        app.rotate_files(repository.bench(alice), [A, "x.yaml"])
    assert repository.files == before
    assert app.rotate_files(repository.bench(alice), [A]) == [A]


def test_verify_names_what_does_not_fit(alice, repository):
    repository.files[B] = repository.files[B].replace(b"name: b", b"name: evil")
    repository.files["c.yaml"] = b"a: 1\n"
    found = app.verify_files(repository.bench(alice), [A, B, "c.yaml"])
    assert set(found) == {B, "c.yaml"}


def test_what_is_not_there(alice, repository):
    bench = repository.bench(alice)
    with pytest.raises(UsageError, match="there is no file"):
        app.get_value(bench, "x.yaml", ("a",))
    with pytest.raises(FormatError, match="not in the file"):
        app.get_value(bench, A, ("api", "x"))
    del repository.files[".sops.yaml"]
    with pytest.raises(RulesError, match=r"there is no \.sops\.yaml"):
        app.rule_for(bench, A)


def test_the_environment_of_a_child(alice, repository):
    bench = repository.bench(alice)
    repository.files["app.env"] = b"key=s3cret\nOTHER=x\n"
    app.encrypt_file(bench, "app.env")
    assert app.environment_of(bench, "app.env") == {"key": "s3cret", "OTHER": "x"}
    with pytest.raises(GitConfigError, match="api is a map"):
        app.environment_of(bench, A)


def test_paths_as_typed(repository):
    assert located(repository.files[A], "yaml", ("api", "hosts", "0")) == ("api", "hosts", 0)
    assert located(repository.files[A], "yaml", ("api", "0", "x")) == ("api", "0", "x")
