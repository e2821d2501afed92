#!/usr/bin/env python3
"""web.py PORT_FILE LOG [FILE] - a web server on a free port of this machine, for tests.

Its port goes to PORT_FILE. Each request is a line "METHOD PATH", and its body, in LOG. It answers
with 200 and FILE, if one was given; /status/NUMBER with that status; /hang after a minute.
"""

import http.server
import os
import re
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with open(sys.argv[2], "ab") as log:
            log.write(f"{self.command} {self.path}\n".encode() + body)
        if self.path.startswith("/hang"):
            time.sleep(60)
        status = re.match(r"/status/(\d+)", self.path)
        text = b"OK"
        if len(sys.argv) > 3 and os.path.exists(sys.argv[3]):
            with open(sys.argv[3], "rb") as file:
                text = file.read()
        self.send_response(int(status[1]) if status else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *args):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(f"{server.server_port}\n")
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
