"""A server of the dashboard, for browsers on this machine only."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import unquote

from perceptron.errors import UserError

HOST = "127.0.0.1"


class _Pages(SimpleHTTPRequestHandler):
    """Files of one folder, without those that a link in it leads to elsewhere.

    A request with another host name is refused: otherwise a page elsewhere could read these files
    under its own name, pointed at this machine.
    """

    def send_head(self) -> Any:
        host = (self.headers.get("Host") or "").partition(":")[0]  # port 80 is not part of it
        if host not in (HOST, "localhost"):
            self.send_error(403, "served to this machine only")
            return None
        # No file's name contains a null character, and looking for one raises.
        if "\0" in unquote(self.path) or not self._is_inside():
            self.send_error(404)
            return None
        return super().send_head()

    def _is_inside(self) -> bool:
        """Return whether the requested file, or a folder's index, is in the served folder."""
        path, folder = Path(self.translate_path(self.path)), Path(self.directory).resolve()
        meant = (path, path / "index.html", path / "index.htm")
        return all(file.resolve().is_relative_to(folder) for file in meant)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # the file may be replaced at any moment
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as its base has it
        pass


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        # The base class would ask a name server for this machine's name, and wait for the answer.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # the browser left the page
            super().handle_error(request, client_address)


def server(html: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the folder on the loopback address.

    Raises `UserError` if the port is taken.
    """
    try:
        return _Server((HOST, port), partial(_Pages, directory=str(html)))
    except OSError as error:
        raise UserError(
            f"--port {port}: {error.strerror or error}; choose another, or 0 for any free one"
        ) from None


def serve(html: Path, port: int, say: Callable[[str], object]) -> None:
    """Serve until ctrl-C."""
    with server(html, port) as running:
        say(f"serving http://{HOST}:{running.server_port}/ to this machine only; ctrl-C ends it")
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            say("ended")
