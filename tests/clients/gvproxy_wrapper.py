"""Replace exec-sandbox's gvproxy-wrapper with gvproxy, under the same command line.

The client's wrapper is another program with the same library. It takes over the client's listening socket, resolves the
names that the client allows, and forwards ports. gvproxy creates its socket, and accepts zones and ports later, over
HTTP.

Unlike the client's wrapper, gvproxy lets the guest reach this machine's loopback, where tests have their servers.
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
    """A connection to gvproxy's control socket."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__("gvproxy")
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _post(control: pathlib.Path, path: str, request: object) -> None:
    connection = _Control(control)
    connection.request("POST", path, json.dumps(request))
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        sys.exit(f"gvproxy_wrapper: gvproxy does not take {request}: {answer.read().decode()}")


def main() -> None:
    """Become gvproxy, so that the client ends gvproxy; a child process reports when gvproxy is ready."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("gvproxy")
    parser.add_argument("-listen-fd", type=int, required=True)
    # exec-sandbox 0.8.0 passes zones; 0.22.0 passes patterns of allowed names.
    parser.add_argument("-dns-zones", type=json.loads, default=[])
    parser.add_argument("-outbound-allow", type=json.loads, default=[])
    parser.add_argument("-block-outbound", action="store_true")
    parser.add_argument("-port-forward", type=json.loads, default={})
    arguments = parser.parse_args()
    if arguments.outbound_allow or arguments.block_outbound:
        # This zone resolves no name: names that a test allows do not exist, and gvproxy's names take precedence.
        arguments.dns_zones.append({"name": "", "defaultIP": "0.0.0.0"})
    network = pathlib.Path(socket.socket(fileno=arguments.listen_fd).getsockname())
    control = network.with_name(network.name + ".control")
    # gvproxy cannot take over a socket. This one has no connections: QEMU starts when gvproxy is ready.
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
        _post(control, "/services/dns/add", zone)
    for local, remote in arguments.port_forward.items():
        _post(control, "/services/forwarder/expose", {"local": local, "remote": remote})
    # The client waits for this line.
    print("Listening on QEMU socket", flush=True)


main()
