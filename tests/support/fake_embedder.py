#!/usr/bin/env python3
"""An OpenAI-compatible embeddings service for tests, on a free port of 127.0.0.1. It prints its address, and ends with
its standard input, so it never outlives who started it.

usage: fake_embedder.py [DIMENSION]      64 unless told
A text's vector is the sum of its words' vectors, drawn from the model's name and the word: two models agree on nothing.
The first part of the path names how it behaves: v1 = well; see BEHAVIOURS for the others.
"""

import hashlib
import http.server
import json
import math
import os
import random
import sys
import threading

DIMENSION = int(sys.argv[1]) if len(sys.argv) > 1 else 64
calls = {}  # path -> number


def embed(model, text):
    sums = [0.0] * DIMENSION
    for word in text.lower().split():
        draw = random.Random(hashlib.sha256(f"{model} {word}".encode()).digest())
        sums = [number + draw.gauss(0, 1) for number in sums]
    length = math.sqrt(sum(number * number for number in sums)) or 1
    return [number / length for number in sums]


def answer(request):
    return {"object": "list", "model": request["model"], "data": [
        {"object": "embedding", "index": index, "embedding": embed(request["model"], text)}
        for index, text in enumerate(request["input"])]}


def changed(request, change):
    good = answer(request)
    change(good["data"])
    return 200, json.dumps(good)


def fail_twice(handler, request):
    calls[handler.path] = calls.get(handler.path, 0) + 1
    return (500, "not yet") if calls[handler.path] <= 2 else (200, json.dumps(answer(request)))


def ask_for_key(handler, request):
    good = handler.headers.get("Authorization") == "Bearer secret"
    return (200, json.dumps(answer(request))) if good else (401, '{"error": "no\nkey"}')


def never(handler, request):
    threading.Event().wait()


def first_twice(data):
    data[1]["index"] = 0


# Each: (handler, request) -> (status, body).
BEHAVIOURS = {
    "v1": lambda handler, request: (200, json.dumps(answer(request))),
    "backwards": lambda handler, request: changed(request, lambda data: data.reverse()),
    "without-index": lambda handler, request: changed(request, lambda data: [entry.pop("index") for entry in data]),
    "fails-twice": fail_twice,
    "fails": lambda handler, request: (500, "out of order"),
    "busy": lambda handler, request: (429, "too many"),
    "key": ask_for_key,
    "unknown-model": lambda handler, request: (404, json.dumps({"error": f"no model {request['model']}"})),
    "moved": lambda handler, request: (302, ""),
    "garbage": lambda handler, request: (200, "<html>hello</html>"),
    "no-data": lambda handler, request: (200, '{"embeddings": []}'),
    "few": lambda handler, request: changed(request, lambda data: data.pop()),
    "first-twice": lambda handler, request: changed(request, first_twice),
    "uneven": lambda handler, request: changed(request, lambda data: data[-1]["embedding"].pop()),
    "words": lambda handler, request: changed(request, lambda data: data[0].update(embedding=["much", "text"])),
    "huge": lambda handler, request: (200, "x" * (1 << 20)),
    "never": never,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        first, *rest = self.path.strip("/").split("/")
        status, body = BEHAVIOURS[first](self, request) if rest[-1:] == ["embeddings"] else (404, "not found")
        encoded = body.encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/v1/embeddings")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
