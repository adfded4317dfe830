"""One service of each kind for the whole run of a process."""

from __future__ import annotations

import pytest

from tests.conformance.keys.services import SERVICES


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    started = {}

    def start(name):
        if name not in started:
            started[name] = SERVICES[name](tmp_path_factory.mktemp(name))
        return started[name]

    yield start
    for service in started.values():
        service.close()


@pytest.fixture
def service(running, request):
    return running(request.param)
