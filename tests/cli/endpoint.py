#!/usr/bin/env python3
"""endpoint.py PORTFILE [CERTIFICATE KEY] - a small web service to be asked by gates.

Listens on a free port of the loopback interface, and writes it to PORTFILE. With a certificate it
speaks https. Ends with the process that started it.
"""

import http.server
import os
import ssl
import sys
import threading
import time

ASKED = {"limit": 0}


class Endpoint(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, body="", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self):
        if self.path == "/health":
            self.reply(200, '{"status": "ok"}', X_Content_Type_Options="nosniff",
                       Cache_Control="no-store, max-age=0")
        elif self.path == "/metrics":
            self.reply(200, '# HELP up x\nup{a="b"} 1\n')
        elif self.path == "/key":
            right = self.headers.get("Authorization") == "Bearer right"
            self.reply(200 if right else 401)
        elif self.path == "/limit":
            ASKED["limit"] += 1
            self.reply(200 if ASKED["limit"] < 5 else 429)
        elif self.path == "/slow":
            time.sleep(1)
            self.reply(200)
        elif self.path == "/moved":
            self.reply(301, Location="https://localhost/")
        else:
            self.reply(404)


def end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def main():
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
        file.write(str(server.server_port))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
