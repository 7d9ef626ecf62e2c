#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where a process has a key in its memory: raw, clamped, in base64 or in hexadecimal.

usage: secrets.py PID FILE [guarded]

FILE holds the key in base64. Exit status 0 when it is nowhere, or with `guarded' when it is somewhere, and
only in mappings that are locked (no swap) and left out of core dumps; else 1, and one line for each place.
"""
import base64
import re
import sys

CHUNK = 1 << 24
MAPPING_MAX = 1 << 32  # what is larger is the shadow of a sanitizer


def needles(path):
    text = open(path).read().strip()
    raw = base64.b64decode(text)
    clamped = bytes([raw[0] & 248]) + raw[1:31] + bytes([raw[31] & 127 | 64])
    return {"raw": raw, "clamped": clamped, "base64": text.encode()[:40], "hex": raw.hex().encode(),
            "HEX": raw.hex().upper().encode()}


def mappings(pid):
    """(start, end, name, flags) of what can be read."""
    found = None
    for line in open(f"/proc/{pid}/smaps"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
        if head:
            found = [int(head[1], 16), int(head[2], 16), head[4].strip() or "anonymous"]
            readable = head[3].startswith("r") and head[4].strip() not in ("[vvar]", "[vsyscall]")
        elif line.startswith("VmFlags:") and readable and found[1] - found[0] <= MAPPING_MAX:
            yield (*found, line.split()[1:])


def places(pid, wanted):
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, name, flags in mappings(pid):
            tail = b""
            for at in range(start, end, CHUNK):
                try:
                    memory.seek(at)
                    data = tail + memory.read(min(CHUNK, end - at))
                except OSError:
                    break
                for kind, needle in wanted.items():
                    if needle in data:
                        yield kind, name, flags, at - len(tail) + data.index(needle)
                tail = data[-64:]


def main():
    pid, path, *guarded = sys.argv[1:]
    found = guards = 0
    for kind, name, flags, at in places(pid, needles(path)):
        found += 1
        if guarded and "lo" in flags and "dd" in flags:
            guards += 1
        else:
            print(f"{kind} at {at:#x} in {name}: {' '.join(flags)}")
    return found != guards or (guarded != [] and not found)


sys.exit(main())
