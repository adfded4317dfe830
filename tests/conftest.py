"""What every test runs under: no settings of the machine or of its user reach git, libgit2 or the program."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import hypothesis

# libgit2 reads HOME once, when it is loaded: it is set before anything can import it
_HOME = tempfile.mkdtemp(prefix="gitconfigmgr-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for name in [
    name
    for name in os.environ
    if name.startswith(("GIT_", "XDG_", "GITHUB_", "GITLAB_", "GITCONFIGMGR_", "SOPS_", "VAULT_", "BAO_", "AWS_"))
]:
    del os.environ[name]

os.environ.update(
    HOME=_HOME,
    XDG_CACHE_HOME=f"{_HOME}/.cache",
    XDG_CONFIG_HOME=f"{_HOME}/.config",
    GIT_CONFIG_NOSYSTEM="1",
    GIT_CONFIG_COUNT="2",
    GIT_CONFIG_KEY_0="init.defaultBranch",
    GIT_CONFIG_VALUE_0="main",
    GIT_CONFIG_KEY_1="protocol.file.allow",
    GIT_CONFIG_VALUE_1="always",
    GIT_AUTHOR_NAME="Author",
    GIT_AUTHOR_EMAIL="author@example.org",
    GIT_AUTHOR_DATE="2026-01-02T03:04:05Z",
    GIT_COMMITTER_NAME="Committer",
    GIT_COMMITTER_EMAIL="committer@example.org",
    GIT_COMMITTER_DATE="2026-01-02T03:04:05Z",
    GIT_TERMINAL_PROMPT="0",
    GRPC_ENABLE_FORK_SUPPORT="0",  # as in adapters/keys/google.py: a fake server is gRPC too
    COLUMNS="120",
    LC_ALL="C.UTF-8",
    NO_COLOR="1",
    TZ="UTC",
)
if os.environ.get("CI"):
    os.environ["GCM_CI"] = "1"  # tests that need the network are not skipped there
for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "CI"):
    os.environ.pop(name, None)

# a busy machine is no finding: what is slow shows in benchmarks
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")
