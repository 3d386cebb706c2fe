"""A long answer's way to its client."""

import asyncio

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.test.requesthelper import DummyChannel

from smdr_site.wire import Flow


def test_an_answer_whose_client_has_left_ends_quietly() -> None:
    for leaves in (True, False):
        request = Request(DummyChannel(), False)
        flow = Flow(request)
        asyncio.run(flow.room())
        assert request.producer is flow
        if leaves:
            request.connectionLost(Failure(ConnectionDone()))
        flow.close()
        assert (request.producer is None) is not leaves
