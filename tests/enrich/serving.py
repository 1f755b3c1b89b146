"""Services on the loopback interface for lookups to ask: REST in JSON, and TAP over SQLite."""

import json
import socket
import sqlite3
import threading
from contextlib import contextmanager, suppress
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from astropy.io.votable import from_table, parse
from astropy.io.votable.tree import Info
from astropy.table import Table

_CAPABILITIES = """<?xml version="1.0"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0">
  <capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
    <language><name>ADQL</name><version>2.0</version></language>
    <outputFormat><mime>application/x-votable+xml</mime></outputFormat>
    {methods}
  </capability>
</vosi:capabilities>"""
REFUSAL = (
    '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
    '<INFO name="QUERY_STATUS" value="ERROR">{}</INFO></RESOURCE></VOTABLE>'
)
_INLINE = '<uploadMethod ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-inline"/>'


class Server(ThreadingHTTPServer):
    """One that a test starts, stops, and tells how to behave; where it is not up, its port refuses connections.

    ``asked`` is what it was asked. ``answer``, where it is set, is ``(code, headers, body)`` of every answer; where
    ``held`` is cleared, it lets people wait.
    """

    daemon_threads = True

    def __init__(self, is_up=True):
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server_bind()
        if is_up:
            self.server_activate()
        self.objects, self.database = {}, None
        self.asked, self.answer, self.token = [], None, None
        self.takes_uploads, self.most = True, 2000
        self.held = threading.Event()
        self.held.set()
        self._open = set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.held.set()
            self.shutdown()
            thread.join()
            self.server_close()
            for connection in list(self._open):  # which threads of their own would go on to answer
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request, client_address):
        """Note the connection, which stays open from one request to the next."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        """It is closed."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        """A client that went away is none."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        where = urlsplit(self.path)
        if where.path == "/tap/capabilities":
            methods = _INLINE if self.server.takes_uploads else ""
            return self._send(200, _CAPABILITIES.format(methods=methods).encode(), "text/xml")
        if self._misbehaves(self.path):
            return None
        found = self.server.objects.get(unquote(where.path.removeprefix("/objects/")))
        if found is None:
            return self._send(404, b"{}")
        return self._send(200, json.dumps(found).encode())

    def do_POST(self):
        form, files = self._form()
        if self._misbehaves(form["QUERY"]):
            return None
        try:
            table, is_cut = self._query(form["QUERY"], files, int(form["MAXREC"]))
        except sqlite3.Error as error:
            return self._send(400, REFUSAL.format(error).encode(), "application/x-votable+xml")
        file = from_table(table)
        file.resources[0].type = "results"
        status = "OVERFLOW" if is_cut else "OK"
        file.resources[0].infos.append(Info(name="QUERY_STATUS", value=status))
        out = BytesIO()
        file.to_xml(out)
        return self._send(200, out.getvalue(), "application/x-votable+xml")

    def _misbehaves(self, asked):
        server = self.server
        server.asked.append(asked)
        server.held.wait(60)
        if server.token is not None and self.headers.get("Authorization") != f"Bearer {server.token}":
            self._send(401, b"who are you?")
            return True
        if server.answer is not None:
            code, headers, body = server.answer
            self._send(code, body, headers.pop("Content-Type", "text/html"), headers)
            return True
        return False

    def _form(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "multipart" not in self.headers["Content-Type"]:
            return {name: values[0] for name, values in parse_qs(body.decode()).items()}, {}
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message: Message = BytesParser(policy=HTTP).parsebytes(head + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        files = {
            name: part.get_payload(decode=True)
            for name, part in parts.items()
            if part.get_filename() is not None
        }
        return {n: p.get_payload(decode=True).decode() for n, p in parts.items() if n not in files}, files

    def _query(self, query, files, wanted):
        with sqlite3.connect(self.server.database) as connection:
            connection.execute("ATTACH ':memory:' AS TAP_UPLOAD")
            for name, body in files.items():
                table = parse(BytesIO(body)).get_first_table().to_table()
                connection.execute(f"CREATE TABLE TAP_UPLOAD.{name} ({', '.join(table.colnames)})")
                marks = ", ".join("?" for _ in table.colnames)
                rows = [tuple(value.item() for value in row) for row in table.iterrows()]
                connection.executemany(f"INSERT INTO TAP_UPLOAD.{name} VALUES ({marks})", rows)
            cursor = connection.execute(query)
            names = [one[0] for one in cursor.description]
            rows = cursor.fetchmany(min(self.server.most, wanted))
            is_cut = cursor.fetchone() is not None
        connection.close()
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        return Table([_column(values) for values in columns], names=names), is_cut

    def _send(self, code, body, kind="application/json", headers=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _column(values):
    known = [value for value in values if value is not None]
    is_text = any(isinstance(value, str) for value in known)
    fill = "" if is_text else 0
    filled = [fill if value is None else value for value in values]
    kind = "U40" if is_text else np.int64 if all(isinstance(v, int) for v in known) else np.float64
    return np.ma.array(np.array(filled, dtype=kind), mask=[value is None for value in values])
