"""What Kubernetes and systemd ask of a running agent."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.edge.conftest import Edge, edge, start

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["edge", "start"]


def probe(edge: Edge, *arguments: str) -> int:
    command = [sys.executable, "-m", "gitconfigmgr", "agent", "status", "-f", str(edge.folder / "agent.toml")]
    done = subprocess.run([*command, *arguments], capture_output=True, timeout=120, check=False)
    if "--probe" in arguments:
        assert (done.stdout, done.stderr) == (b"", b"")
    return done.returncode


def test_probes(edge: Edge, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    edge.settings()
    assert probe(edge, "--probe", "live") == 1
    process = start()
    assert probe(edge, "--probe", "live", "--wait", "60") == 0
    assert probe(edge, "--probe", "ready") == 1, "nothing was published"
    edge.publish(1)
    process.send_signal(signal.SIGHUP)
    assert probe(edge, "--probe", "ready", "--wait", "60") == 0
    process.kill()
    process.wait()
    edge.address = "file:///nowhere"
    start(stale_after=0.001)
    assert probe(edge, "--probe", "ready", "--wait", "60") == 0, "what is on disk is served"
    assert probe(edge) == 1, "and it is stale"
