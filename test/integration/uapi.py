# SPDX-License-Identifier: BSD-3-Clause
"""Sends standard input to a UAPI socket as it is and prints what comes back until the end."""

import socket
import sys


def main():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(5)
    sock.connect(sys.argv[1])
    sock.sendall(sys.stdin.buffer.read())
    sock.shutdown(socket.SHUT_WR)
    while data := sock.recv(65536):
        sys.stdout.write(data.decode())


main()
