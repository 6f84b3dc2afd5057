"""A server of one file on this machine, which can behave as badly as those out there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves one file under `/NAME`; everything else is 404.

    Attributes:
        content: Of the file.
        break_after: The connection ends after so many bytes of the file.
        can_skip: Whether it takes ranges.
        etag: Sent with the file; a request for the rest of another one gets all.
        answers: Codes to answer with, one a request, before it serves the file.
        content_type: What it says the file is.
        ranges: What was asked for, one entry a request.
    """

    daemon_threads = True
    content: bytes
    name: str
    break_after: int | None = None
    can_skip: bool = True
    etag: str | None = None
    content_type: str = "application/octet-stream"
    answers: list[int]
    ranges: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{self.name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server, content = self.server, self.server.content
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.answers or self.path != f"/{server.name}":
            self.send_error(server.answers.pop(0) if server.answers else 404)
            return
        is_same = self.headers.get("If-Range") in (None, server.etag)
        start = int(asked[len("bytes=") : -1]) if asked and server.can_skip and is_same else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            whole = f"{start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", f"bytes {whole}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", server.content_type)
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(content[start : server.break_after or len(content)])


@contextmanager
def serve(content: bytes, name: str) -> Iterator[Server]:
    """Serve a file until the block ends."""
    server = Server(("127.0.0.1", 0), Handler)
    server.content, server.name = content, name
    server.answers, server.ranges = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
