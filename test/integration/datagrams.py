# SPDX-License-Identifier: BSD-3-Clause
"""Numbered UDP datagrams: `send ADDRESS PORT COUNT`, or `receive ADDRESS PORT`, a number a line."""

import socket
import sys


def main():
    action, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if action == "send":
        for number in range(int(sys.argv[4])):
            sock.sendto(str(number).encode(), (address, port))
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((address, port))
    while True:
        print(sock.recv(2048).decode(), flush=True)


main()
