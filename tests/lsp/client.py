"""A language client that speaks the real protocol to a real server process, over its standard input and output."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

TIMEOUT_S = 30.0


class Client:
    """Requests wait for their answer; notifications of the server are kept in order."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        words = [sys.executable, "-m", "hisee", "lsp", "--stdio", *options]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder,
                                         env=os.environ | {"LC_ALL": "C", **environment})
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self._version = 0
        self.notices: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.capabilities = self.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {
            "textDocument": {"completion": {"completionItem": {"snippetSupport": True}}}}})["capabilities"]
        self.notify("initialized", {})

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self._inbox.put(json.loads(stream.read(length)))

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: dict[str, Any] | None) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._inbox.get(timeout=TIMEOUT_S)
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self.notices.append(message)

    # what an editor does
    def open(self, file: Path, text: str | None = None) -> str:
        uri = file.as_uri()
        self._version += 1
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "esl", "version": self._version, "text": file.read_text() if text is None else text}})
        return uri

    def edit(self, uri: str, line: int, start: int, end: int, text: str) -> None:
        """Replace characters start..end of a line (all from 0)."""
        place = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
        self._change(uri, {"range": place, "text": text})

    def replace(self, uri: str, text: str) -> None:
        self._change(uri, {"text": text})

    def _change(self, uri: str, change: dict[str, Any]) -> None:
        self._version += 1
        self.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": self._version}, "contentChanges": [change]})

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """The first findings that the server publishes for the newest version of the document."""
        version = self._version
        while True:
            for at, notice in enumerate(self.notices):
                params = notice.get("params") or {}
                if notice.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri and params.get("version") == version:
                    del self.notices[at]
                    return list(params["diagnostics"])
            self.notices.append(self._inbox.get(timeout=TIMEOUT_S))

    def at(self, method: str, uri: str, line: int, character: int, **more: Any) -> Any:
        return self.request(f"textDocument/{method}", {
            "textDocument": {"uri": uri}, "position": {"line": line, "character": character}, **more})

    def cpu_s(self) -> float:
        """Processor time of the server so far: what does not depend on its neighbours."""
        words = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> int:
        self.request("shutdown", None)
        self.notify("exit", {})
        code = self._process.wait(TIMEOUT_S)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._reader.join(TIMEOUT_S)
        self._process.stdout.close()
        return code
