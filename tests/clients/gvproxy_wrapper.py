"""Stands in for exec-sandbox's gvproxy-wrapper: gvproxy itself, called as the client calls that.

The client's own wrapper is another program around the same library. It takes over a socket on which the client listens
already, and answers for names by the client's zones. gvproxy makes its own socket and gets zones later, over HTTP.

Unlike the client's wrapper it leaves the guest a way to this machine's loopback, which is where a test has its servers.
"""

import argparse
import http.client
import json
import os
import pathlib
import socket
import sys
import time

# Seconds that gvproxy may take to start; the client waits for five.
_START = 5


class _Control(http.client.HTTPConnection):
    """gvproxy's endpoint for who controls it."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__("gvproxy")
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def main() -> None:
    """Becomes gvproxy, so that it is gvproxy what the client ends, and leaves a process to say when it is ready."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("gvproxy")
    parser.add_argument("-listen-fd", type=int, required=True)
    parser.add_argument("-dns-zones", type=json.loads, default=[])
    arguments = parser.parse_args()
    network = pathlib.Path(socket.socket(fileno=arguments.listen_fd).getsockname())
    control = network.with_name(network.name + ".control")
    # gvproxy cannot take over a socket. Nobody has connected to this one: QEMU starts when gvproxy is ready.
    network.unlink()
    if os.fork():
        sockets = [f"-listen-qemu=unix://{network}", f"-listen=unix://{control}"]
        os.execv(arguments.gvproxy, [arguments.gvproxy, "-ssh-port=-1", *sockets])
    end = time.monotonic() + _START
    while not (network.exists() and control.exists()):
        if time.monotonic() > end:
            sys.exit("gvproxy_wrapper: gvproxy does not start")
        time.sleep(0.01)
    for zone in arguments.dns_zones:
        connection = _Control(control)
        connection.request("POST", "/services/dns/add", json.dumps(zone))
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            sys.exit(f"gvproxy_wrapper: gvproxy does not take {zone}: {answer.read().decode()}")
    # What the client waits for.
    print("Listening on QEMU socket", flush=True)


main()
