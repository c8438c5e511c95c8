from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.report.dashboard.server import HOST, server


@pytest.fixture
def html(tmp_path: Path) -> Path:
    folder = tmp_path / "html"
    folder.mkdir()
    (folder / "index.html").write_text("the overview")
    (tmp_path / "secret").write_text("a secret")
    return folder


@pytest.fixture
def port(html: Path) -> Iterator[int]:
    """Of a server that runs."""
    with server(html, 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/", None),
        ("/index.html", None),
        ("/index.html?x=1", None),
        # With any port, for it may be forwarded, and without one, which means 80.
        *(("/", name) for name in ("localhost:1234", "127.0.0.1:1", "localhost", "127.0.0.1")),
    ],
)
def test_server_serves_pages_under_local_names(port: int, path: str, host: str | None) -> None:
    assert ask(port, path, host) == (200, "the overview")


def ask(port: int, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=300)
    headers = {} if host is None else {"Host": host}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, content


@pytest.mark.parametrize(
    "path",
    [
        "/missing.html",
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "//secret",
        "/\x00",
        "/x%00.html",
    ],
)
def test_server_path_outside_folder_is_not_found(port: int, path: str) -> None:
    """Whichever way it is written."""
    connection = socket.create_connection((HOST, port), timeout=300)
    with connection:
        request = f"GET {path} HTTP/1.0\r\nHost: {HOST}:{port}\r\n\r\n"
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.split()[1] in (b"404", b"400")
    assert b"a secret" not in answer


def test_server_follows_no_link_out_of_folder(html: Path, port: int) -> None:
    """Of a file, of a folder, or of the page that stands for a folder; one inside is."""
    (html / "inside.html").symlink_to("index.html")
    (html / "out.html").symlink_to(html.parent / "secret")
    (html / "folder").symlink_to(html.parent)
    (html / "more").mkdir()
    (html / "more" / "index.html").symlink_to(html.parent / "secret")
    assert ask(port, "/inside.html") == (200, "the overview")
    for path in ("/out.html", "/folder/", "/folder/secret", "/more/"):
        status, content = ask(port, path)
        assert (status, "secret" in content) == (404, False), path


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:80", "127.0.0.1.example.org:8000", "", "[::1]:8000", "0"]
)
def test_server_refuses_foreign_host_names(port: int, host: str) -> None:
    """A page elsewhere can let a name of its own point to this machine."""
    for method in ("GET", "HEAD"):
        status, content = ask(port, "/index.html", host, method)
        assert status == 403
        assert "overview" not in content


def test_server_is_read_only_and_uncached(port: int) -> None:
    """A browser asks again for what may have changed, and takes no file for another kind."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(port, "/index.html", method=method)[0] == 501
    connection = http.client.HTTPConnection(HOST, port, timeout=300)
    connection.request("GET", "/")
    headers = connection.getresponse().headers
    connection.close()
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_server_ignores_aborted_connection(
    port: int, html: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that is cut while a large file is sent is nobody's mistake."""
    (html / "large.js").write_bytes(b"x" * 10_000_000)
    with socket.create_connection((HOST, port), timeout=300) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(f"GET /large.js HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        connection.recv(10)
    assert ask(port, "/")[0] == 200
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(10)
    assert capsys.readouterr().err == ""


def test_server_binds_loopback_and_names_taken_port(html: Path) -> None:
    with server(html, 0) as running:
        assert running.socket.getsockname()[0] == "127.0.0.1"
        taken = running.server_port
        message = f"^--port {taken}: Address already in use; choose another, or 0 for any"
        with pytest.raises(UserError, match=message):
            server(html, taken)
