"""Values by the names of environment variables: one rule for every command and every destination."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitconfigmgr.model.names import KeyPath

# what makes a program load code, or read its settings elsewhere: a value has no business there
LOADERS = re.compile(r"(LD_|DYLD_|GIT_).*|PATH|IFS|ENV|BASH_ENV|SHELLOPTS|PYTHON(PATH|HOME|STARTUP)|PERL5(LIB|OPT)|"
                     r"RUBY(LIB|OPT)|NODE_OPTIONS|JAVA_TOOL_OPTIONS|CLASSPATH")  # fmt: skip
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


def variable_name(path: KeyPath) -> str:
    """`api.key` is API_KEY. Two paths may have one name."""
    name = "_".join(_NOT_IN_NAMES.sub("_", str(part)) for part in path).upper()
    return f"_{name}" if name[:1].isdigit() else name
