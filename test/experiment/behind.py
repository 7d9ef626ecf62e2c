#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads a pcap of WireGuard messages over IPv4 and Ethernet: how far is a counter behind the newest
of its session? Prints JSON: messages, the most that one was behind, and how many were further behind
than the windows that implementations have."""

import json
import struct
import sys

WINDOWS = (1023, 8128)


def messages(path):
    """Session and counter of each data message."""
    with open(path, "rb") as f:
        f.read(24)
        while len(head := f.read(16)) == 16:
            frame = f.read(struct.unpack("<IIII", head)[2])
            message = 14 + (frame[14] & 15) * 4 + 8 if len(frame) > 14 else 0
            if len(frame) >= message + 16 and frame[message : message + 4] == b"\4\0\0\0":
                yield struct.unpack_from("<IQ", frame, message + 4)


def main():
    newest, behind = {}, []
    for session, counter in messages(sys.argv[1]):
        newest[session] = max(newest.get(session, 0), counter)
        behind.append(newest[session] - counter)
    report = {"messages": len(behind), "most": max(behind, default=0)}
    report |= {f"beyond_{w}": sum(b > w for b in behind) for w in WINDOWS}
    json.dump(report, sys.stdout)
    print()


if __name__ == "__main__":
    main()
