# SPDX-License-Identifier: BSD-3-Clause
"""Numbered UDP datagrams: `send ADDRESS PORT COUNT [SIZE]`, `fan ADDRESS PORT COUNT` (each of another flow),
or `receive ADDRESS PORT`, a number a line."""

import socket
import sys


def fan(address, port, count):
    for number in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
            flow.sendto(str(number).encode(), (address, port))


def main():
    action, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if action == "fan":
        fan(address, port, int(sys.argv[4]))
        return
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if action == "send":
        size = int(sys.argv[5]) if len(sys.argv) > 5 else 0
        for number in range(int(sys.argv[4])):
            sock.sendto(str(number).ljust(size).encode(), (address, port))
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((address, port))
    while True:
        print(sock.recv(2048).decode().rstrip(), flush=True)


main()
