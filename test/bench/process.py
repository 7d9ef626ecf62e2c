# SPDX-License-Identifier: BSD-3-Clause
"""For scripts/bench-process: packets to send, and rates by telemetry.

process.py pcap FILE MAC SIZE            UDP, 256 flows to 10.20.0.0/16; SIZE of the IP packet or imix
process.py rates SECONDS PREFIX PORT...  packets per second sent on ports, the best of ten slices and
                                         their median: a line each
"""

import json
import os
import socket
import statistics
import struct
import sys
import time

IMIX = (64, 576, 64, 64, 576, 64, 1420, 64, 576, 64, 576, 64)
PACKETS = 768
FLOWS = 256
SLICES = 10


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def packet(flow, size):
    """From 10.10.0.x to 10.20.x.1, as many bytes as the IP packet shall have."""
    addresses = bytes((10, 10, 0, 2 + flow % 200, 10, 20, flow % 200, 1))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0, 64, 17, 0) + addresses
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 1000 + flow, 9, size - 20, 0)
    return ip + udp + bytes(size - 28)


def write_pcap(path, mac, size):
    sizes = IMIX if size == "imix" else (int(size),)
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes((2, 0, 0, 0, 0, 9)) + b"\x08\x00"
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i in range(PACKETS):
            frame = ethernet + packet(i * 7919 % FLOWS, sizes[i % len(sizes)])
            f.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


class Telemetry:
    def __init__(self, prefix):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2")
        self.room = json.loads(self.socket.recv(1024))["max_output_len"]

    def sent(self, port):
        self.socket.send(f"/ethdev/stats,{port}".encode())
        stats = json.loads(self.socket.recv(self.room))["/ethdev/stats"]
        return stats["opackets"], time.monotonic()


def rates(seconds, places):
    connections = {prefix: Telemetry(prefix) for prefix, _ in places}
    seen = {place: [] for place in places}
    for i in range(SLICES + 1):
        for place in places:
            seen[place].append(connections[place[0]].sent(place[1]))
        if i < SLICES:
            time.sleep(seconds / SLICES)
    for s in seen.values():
        pps = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in zip(s, s[1:])]
        print(max(pps), statistics.median(pps))


def main():
    what, *args = sys.argv[1:]
    if what == "pcap":
        write_pcap(*args)
    elif what == "rates":
        seconds, *rest = args
        rates(float(seconds), list(zip(rest[::2], rest[1::2])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    os.umask(0o077)
    main()
