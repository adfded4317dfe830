"""What the secret commands share: their options, the file that an argument names, and who is asked."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.errors import GitConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.app.select import Selection, State
    from gitconfigmgr.pipeline import Repository

base = click.option("--base", metavar="REV", help="Take the allowed key services from this revision; default: HEAD.")
environment = click.option(
    "-e", "--env", "environment", metavar="ENV", help="The environment, where a namespace is named instead of a file."
)
name = click.option("--name", metavar="FILE", help="The path that standard input (-) stands for.")
all_files = click.option("--all", "everything", is_flag=True, help="All encrypted files of the repository.")


@contextmanager
def withheld() -> Iterator[None]:
    """Errors that nobody expected keep their texts to themselves: they may quote a value, and the report of a bug shows them."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("gitconfigmgr"):
            raise
        hint = "install it: pip install 'gitconfigmgr[secrets]'"
        raise UsageError(f"{error.name} is needed and not installed", hint) from None
    except (click.ClickException, click.Abort, click.exceptions.Exit, GitConfigError, OSError):
        raise
    except Exception as error:
        at: BaseException | None = error
        while at is not None:
            if not isinstance(at, GitConfigError):
                at.args = ("<withheld>",)
            at = at.__cause__ or at.__context__
        raise


class Session:
    """One run of a command, below one folder. `confirm`: who types a passphrase types it twice."""

    def __init__(self, ctx: click.Context, base: str | None = None, *, confirm: bool = False) -> None:
        self.folder = Path(ctx.find_root().obj)
        self._base = base
        self._confirm = confirm
        self._benches: dict[Path, tuple[Bench, Path]] = {}

    def bench(self, folder: Path | None = None) -> tuple[Bench, Path]:
        """The files around a folder, and the folder that their paths begin at."""
        from gitconfigmgr.wiring.secrets import open_bench

        at = (folder or self.folder).resolve()
        at = next((place for place in (at, *at.parents) if place.is_dir()), at)  # a new file may have a new folder
        if at not in self._benches:
            self._benches[at] = open_bench(at, self._base, asker(confirm=self._confirm))
        return self._benches[at]

    def file(self, path: str) -> tuple[Bench, str]:
        """The files around a file, and its path among them."""
        place = (self.folder / path).absolute()
        bench, root = self.bench(place.parent)
        return bench, (place.parent.resolve() / place.name).relative_to(root).as_posix()

    def files(self, paths: Sequence[str]) -> tuple[Bench, list[str]]:
        """As `file`, for several files of one repository."""
        found = [self.file(path) for path in paths]
        places = [self.bench((self.folder / path).absolute().parent)[1] for path in paths]
        if len(set(places)) > 1:
            raise UsageError(
                f"{paths[0]} and {paths[1]} lie in different repositories", "name them one after the other"
            )
        return found[0][0], [path for _, path in found]

    def target(self, what: str, environment: str | None) -> tuple[Bench, str]:
        """The file that is named, or the layer file of a namespace in an environment."""
        if environment is None:
            return self.file(what)
        from gitconfigmgr.app.secrets.targets import layer_file

        repository, bench, prefix = self.repository()
        return bench, prefix + layer_file(repository, what, environment)

    def repository(self) -> tuple[Repository, Bench, str]:
        """The config repository, the files around it, and where among them it lies."""
        from gitconfigmgr.app.select import State, find_root
        from gitconfigmgr.wiring.trees import open_repository

        root = find_root(self.folder)
        bench, top = self.bench(root)
        inside = root.relative_to(top).as_posix()
        return open_repository(State(self.folder)), bench, "" if inside == "." else f"{inside}/"

    def protected(self) -> dict[str, bool]:
        """Whether the environment of a layer file is protected; nothing outside a config repository."""
        from gitconfigmgr.app.select import find_root
        from gitconfigmgr.model.names import BASE

        try:
            find_root(self.folder)
        except UsageError:
            return {}
        repository, _, prefix = self.repository()
        environments = repository.settings.environments
        return {
            f"{prefix}{path}": environments[name].protected
            for documents in repository.layout.documents.values()
            for name, path in documents.items()
            if name != BASE
        }

    def encrypted(self, paths: Sequence[str], *, everything: bool) -> tuple[Bench, list[str]]:
        """The encrypted files that are named, or all of the repository."""
        if everything == bool(paths):
            raise click.UsageError("Name files, or all of them with --all.")
        if paths:
            return self.files(paths)
        from gitconfigmgr.app.secrets.overview import encrypted_files

        bench, _ = self.bench()
        return bench, list(encrypted_files(bench))


def look_inside(
    state: State, repository: Repository, checked: Checked, selection: Selection, paths: Sequence[str],
    jobs: int | None, *, base: str | None, before: Repository | None,
) -> Checked:  # fmt: skip
    """The check with what is inside the secrets of its targets; of a change, key services are those of its base."""
    from gitconfigmgr.app.secrets import inside
    from gitconfigmgr.wiring.secrets import open_key_providers

    with withheld():
        providers = open_key_providers(state.folder, base, asker())
        return inside.look_inside(repository, checked, selection, paths, providers, jobs, before)


def asker(*, confirm: bool = False) -> Callable[[str], str] | None:
    """What asks a person without showing the answer; None where nobody can be asked."""
    if not sys.stderr.isatty():
        return None

    def ask(text: str) -> str:
        return str(click.prompt(text.rstrip(": "), hide_input=True, confirmation_prompt=confirm, err=True))

    return ask


def read_input() -> bytes:
    """Standard input."""
    return sys.stdin.buffer.read()


def write_output(data: bytes) -> None:
    """Bytes to standard output as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def typed_value(prompt: str) -> str:
    """A value from standard input without its last line end, or from a hidden prompt."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))
    try:
        text = read_input().decode()
    except UnicodeDecodeError:
        raise UsageError("the value is not UTF-8", "encrypt the whole file as it is: `secret encrypt FILE`") from None
    return text.removesuffix("\n").removesuffix("\r")


def stdin_name(given: str | None) -> str:
    """The path that standard input stands for."""
    if given is None:
        raise click.UsageError("Name the file that standard input stands for by --name: its rule and format hold.")
    return given


def safe(text: str) -> str:
    """Text of a file, such as a key or a path: what could steer a terminal is shown as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def value_text(value: Any) -> str:
    """A plaintext value as it is, a map or list as YAML."""
    from gitconfigmgr.model.values import scalar_text

    if isinstance(value, dict | list):
        import yaml

        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).rstrip("\n")
    return scalar_text(value)
