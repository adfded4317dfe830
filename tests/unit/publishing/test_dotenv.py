"""What `emit_dotenv` writes is read alike by python-dotenv and by sh."""

from __future__ import annotations

import io
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitconfigmgr.release.emit.dotenv import emit_dotenv, quoted

dotenv = pytest.importorskip("dotenv")

HARD = st.text(st.sampled_from("ab \n\t'\"\\$`{}#=:-!%~*?[]();&|<>ä€\x07"), max_size=12)


def by_dotenv(text):
    return dict(dotenv.dotenv_values(stream=io.StringIO(text)))


def by_sh(path, names):
    script = '. "$1"; shift; for name; do eval "printf \'%s\\0\' \\"\\${$name-unset}\\""; done'
    done = subprocess.run(["sh", "-euc", script, "sh", str(path), *names], capture_output=True, check=True, env={})
    assert not done.stderr
    return dict(zip(names, done.stdout.decode().split("\0"), strict=False))


@settings(max_examples=60, deadline=None)
@example(["a\\", "b"])
@example(["${HOME}", "$HOME", "$(id)", "`id`", "it's", 'say "hi"', "\\'", "\\\\n", "a\\nb", "# no comment", " edge "])
@given(st.lists(HARD, min_size=1, max_size=12))
def test_both_read_what_was_meant(tmp_path_factory, values):
    document = {f"k{number}": value for number, value in enumerate(values)}
    emitted = emit_dotenv(document, None)
    lost = {path for path, _ in emitted.losses}
    wanted = {name.upper(): value for name, value in document.items() if name not in lost}
    path = tmp_path_factory.mktemp("env") / ".env"
    path.write_bytes(emitted.files[".env"])
    assert by_dotenv(path.read_text()) == wanted
    assert dict(dotenv.dotenv_values(path)) == wanted
    assert by_sh(path, list(wanted)) == wanted


@pytest.mark.parametrize("text", ["plain", "it's", "${X}", "a\\\\b", 'a"b', "a$b'c", "two\nlines"])
def test_ordinary_text_is_never_lost(text):
    assert quoted(text) is not None


@pytest.mark.parametrize("text", ["a\x00", "a\rb", "it's `x`", "ends\\", "${X}`"])
def test_what_cannot_be_said_is_a_loss(text):
    emitted = emit_dotenv({"a": {"b": text}, "c": 1}, None)
    assert emitted.files[".env"] == b"C='1'\n"
    assert [path for path, _ in emitted.losses] == ["a.b"]


def test_values_that_are_no_text_are_json():
    document = {"a": None, "b": True, "c": 1.5, "d": [1, {"x": "y"}], "e": {}, "f": []}
    assert by_dotenv(emit_dotenv(document, None).files[".env"].decode()) == {
        "A": "", "B": "true", "C": "1.5", "D_0": "1", "D_1_X": "y", "E": "{}", "F": "[]",
    }  # fmt: skip


def test_secrets_are_left_out_or_in_a_private_file():
    document = {"api": {"key": {"$secret": {"type": "string", "kind": None}}}, "n": 1}
    out = emit_dotenv(document, None)
    assert out.files[".env"] == b"N='1'\n"
    assert [path for path, _ in out.losses] == ["api.key"]
    assert not out.private
    opened = emit_dotenv(document, {("api", "key"): "s3cret"})
    assert by_dotenv(opened.files[".env"].decode()) == {"API_KEY": "s3cret", "N": "1"}
    assert opened.private == {".env"}
    assert not opened.losses


def test_two_keys_of_one_name_and_loaders_are_left_out():
    emitted = emit_dotenv({"a": {"b": 1}, "a_b": 2, "ld": {"preload": "x.so"}, "path": "/tmp"}, None)
    assert emitted.files[".env"] == b""
    assert [path for path, _ in emitted.losses] == ["a.b", "a_b", "ld.preload", "path"]
