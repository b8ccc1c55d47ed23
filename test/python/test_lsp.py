"""The language server speaks LSP and knows the vmcu dialect: it reports broken rules and answers hovers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

URI = "file:///model.mlir"
TEXT = """func.func @f(%x: !vmcu.sequence<4x8xi8>) -> vector<1x4xi8> {
  %c0 = arith.constant 0 : index
  %row = vmcu.segment_load %x[%c0, %c0] stride 0 : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return %row : vector<1x4xi8>
}
"""
SECONDS = 60  # more than a loaded machine needs; a hanging server must not hang the tests


class Client:
    """Messages with a Content-Length header over the server's standard input and output."""

    def __init__(self, process: subprocess.Popen[bytes]):
        self.process, self.number = process, 0

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                length = int(value)
        assert length, "the server closed its output"
        return json.loads(self.process.stdout.read(length))

    def request(self, method: str, params: Any) -> Any:
        self.number += 1
        self.send(method, params, self.number)
        while (answer := self.receive()).get("id") != self.number:
            pass
        return answer["result"]

    def notification(self, method: str) -> Any:
        while (message := self.receive()).get("method") != method:
            pass
        return message["params"]


@pytest.fixture
def client() -> Iterator[Client]:
    command = [sys.executable, "-c", "import sys; from vmcu.tools import lsp; sys.exit(lsp())"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    made = Client(process)
    made.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    made.send("initialized", {})
    yield made
    made.request("shutdown", None)
    made.send("exit", None)
    assert process.wait(SECONDS) == 0
    watchdog.cancel()


def open_document(client: Client, text: str) -> list[dict[str, Any]]:
    document = {"uri": URI, "languageId": "mlir", "version": 1, "text": text}
    client.send("textDocument/didOpen", {"textDocument": document})
    return client.notification("textDocument/publishDiagnostics")["diagnostics"]


def test_broken_rule_is_reported_where_it_stands(client: Client) -> None:
    (diagnostic,) = open_document(client, TEXT)
    assert "'vmcu.segment_load' op has stride 0, expected 1 or more" in diagnostic["message"]
    assert diagnostic["range"]["start"]["line"] == 2


def test_hover_and_definition_know_our_ops(client: Client) -> None:
    assert open_document(client, TEXT.replace("stride 0 ", "")) == []
    on_op = {"textDocument": {"uri": URI}, "position": {"line": 2, "character": 12}}
    assert "vmcu.segment_load" in client.request("textDocument/hover", on_op)["contents"]["value"]
    on_use = {"textDocument": {"uri": URI}, "position": {"line": 3, "character": 11}}
    (found,) = client.request("textDocument/definition", on_use)
    assert found["range"]["start"] == {"line": 2, "character": 2}
