"""What an activation leaves outside the agent: files, rendered templates, one command and one signal."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.adapters.edge.volume import File, Volume
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from gitconfigmgr.agent.settings import AgentSettings, Template
    from gitconfigmgr.sync.reading import Board

_SECONDS = 30


class Outputs:
    """Nothing of it where the settings name none."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._volume = Volume(settings.files) if settings.files else None
        if settings.signal and not hasattr(signal, f"SIG{settings.signal}"):
            raise UsageError(f"there is no signal {settings.signal}", "such as HUP or USR1")

    def stage(self, board: Board) -> None:
        """Render everything. Raises OutsideError: one template that fails keeps all files as they are."""
        if self._volume is None:
            return
        settings = self._settings
        mode, owner = int(settings.files_mode, 8), settings.files_owner
        files = {f"{name}.json": File(orjson.dumps(item.opened), mode, owner) for name, item in board.documents.items()}
        for template in settings.templates:
            files[template.to] = File(_rendered(template, board), int(template.mode, 8), template.owner)
        self._volume.stage(files)

    def flip(self) -> None:
        """Make what was staged what readers see."""
        if self._volume is not None:
            self._volume.flip()

    def discard(self) -> None:
        """Take back what was staged."""
        if self._volume is not None:
            self._volume.discard()

    def notify(self) -> None:
        """One command and one signal, after everything is in use. A failure is logged, and tried at the next change."""
        from gitconfigmgr.agent.engine import log

        settings = self._settings
        try:
            if settings.command:
                subprocess.run(settings.command, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)  # noqa: S603 - the operator's
            if settings.signal and settings.pid_file:
                number = int(settings.pid_file.read_text(encoding="ascii"))
                os.kill(number, getattr(signal, f"SIG{settings.signal}"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            log("error", f"not notified: {type(error).__name__}: {error}")


def _rendered(template: Template, board: Board) -> bytes:
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    documents = {name: item.opened for name, item in board.documents.items()}
    try:
        text = template.source.read_text(encoding="utf-8")
        return environment.from_string(text).render(config=documents, release=board.release).encode()
    except OSError as error:
        raise OutsideError(f"{template.source}: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 - a template can raise anything
        kind = type(error).__name__  # not its message: that may quote a value
        raise OutsideError(f"{template.source}: {kind} at line {getattr(error, 'lineno', '?')}") from None
