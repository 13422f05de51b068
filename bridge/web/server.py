"""The service on a real socket in a thread of this process: for the demonstration and tests."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from bridge.errors import StoreError

_START = 30.0


class ServiceNotStarted(StoreError):
    """The service did not start within {seconds:.0f} s."""

    hint = "The log above says why."


class BackgroundService:
    """Serves an application until ``stop``; usable as a context manager.

    ``port`` 0 takes a free one; `url` tells which.
    """

    def __init__(self, app: FastAPI, *, host: str = "127.0.0.1", port: int = 0) -> None:
        config = uvicorn.Config(app, host=host, port=port, log_level="warning", server_header=False)
        self._socket = config.bind_socket()
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="service"
        )

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Serve, and return when requests are answered.

        Raises:
            ServiceNotStarted: a part of it did not come up.
        """
        self._thread.start()
        deadline = time.monotonic() + _START
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self._server.should_exit = True
                raise ServiceNotStarted(seconds=_START)
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Let running requests end, stop the engine, close the socket."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()
