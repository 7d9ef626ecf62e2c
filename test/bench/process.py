# SPDX-License-Identifier: BSD-3-Clause
"""For scripts/bench-process: packets to send, and rates by telemetry.

process.py pcap FILE MAC SIZE            UDP, 768 flows to 10.20.0.0/16; SIZE of the IP packet or imix
process.py rates SECONDS PREFIX PORT...  packets per second sent on ports, the best of ten slices and
                                         their median: a line each
process.py pair                          the lcores of A and of B, for one worker each
process.py scaling [--quick]             a line for each number of crypto lcores: the number, A's lcores,
                                         those of its RX, crypto and TX, B's lcores, those of its TX
process.py starved SECONDS PREFIX LCORE...  the greatest part of its polls in which one found nothing
process.py share N RATE ONE STARVED,STARVED [SUFFIX]
                                         a record: the rate of N crypto lcores over N times that of one,
                                         and how starved one and N were
"""

import json
import os
import socket
import statistics
import struct
import sys
import time

IMIX = (64, 576, 64, 64, 576, 64, 1420, 64, 576, 64, 576, 64)
# A flow is one crypto lcore's: so many that twelve of these have about as much to do.
PACKETS = FLOWS = 768
SLICES = 10
CRYPTO_MAX = 12
CRYPTO_PER_SOURCE = 3  # net_pcap and RX on one lcore keep so many crypto lcores busy
STARVED = 0.1
SHARE_GOAL = 0.9


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

    def polls(self, lcore):
        """Of one lcore: how many, and how many found nothing. Answers come by the page."""
        start, parts = 0, 1
        while start < parts:
            self.socket.send(f"/tinguard/lcores,{start}".encode())
            page = json.loads(self.socket.recv(self.room))["/tinguard/lcores"]
            parts = page.pop("parts")
            if f"lcore{lcore}" in page:
                return page[f"lcore{lcore}"]["polls"], page[f"lcore{lcore}"]["empty_polls"]
            start += len(page)
        sys.exit(f"no lcore {lcore}")


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


def numbers(text):
    """ "0,8-9" are 0, 8 and 9."""
    ranges = [part.split("-") for part in text.split(",")]
    return [n for r in ranges for n in range(int(r[0]), int(r[-1]) + 1)]


def siblings(cpu):
    try:
        with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as f:
            return numbers(f.read())
    except OSError:
        return [cpu]


def by_core(cpus, siblings_of):
    """One CPU of each core, then the other hyperthreads; and how many cores there are."""
    first, rest, seen = [], [], set()
    for cpu in sorted(cpus):
        (rest if cpu in seen else first).append(cpu)
        seen.update(siblings_of(cpu))
    return first + rest, len(first)


def lcores(cpus):
    """For EAL: lcore 0, control, on the first CPU, then a worker on each other."""
    return ",".join(f"{i}@{cpu}" for i, cpu in enumerate(cpus))


def pair(cpus):
    return lcores([cpus[0]] * 2), lcores([cpus[0], cpus[len(cpus) > 1]])


def scaling(cpus, quick):
    """
    A core each for what A does, and no hyperthread beside it. A's control has next to nothing to do,
    and B, after the handshake, neither: these share the first core. Memif wants as many TX queues
    of B as A has RX queues.
    """
    maps = []
    for n in range(1, CRYPTO_MAX + 1):
        sources = -(-n // CRYPTO_PER_SOURCE)
        if 2 + sources + n > len(cpus):
            break
        workers = [str(i) for i in range(1, 2 + sources + n)]
        tx, rx, crypto = workers[:1], workers[1 : 1 + sources], workers[1 + sources :]
        a, b = lcores(cpus[: 2 + sources + n]), lcores([cpus[0]] * (1 + sources))
        stages = map(",".join, (rx, crypto, tx))
        maps.append((str(n), a, *stages, b, ",".join(workers[:sources])))
    return [maps[0], maps[-1]] if quick and len(maps) > 1 else maps


def starved(seconds, prefix, names):
    a = Telemetry(prefix)
    before = [a.polls(name) for name in names]
    time.sleep(seconds)
    after = [a.polls(name) for name in names]
    return max((y[1] - x[1]) / max(y[0] - x[0], 1) for x, y in zip(before, after))


def share(n, rate, one, part_starved, suffix=""):
    """No goal for what the source limits."""
    ratio = rate / n / one
    limited = part_starved > STARVED
    return {
        "name": f"process_share_of_{n}_crypto_lcores{suffix}",
        "value": round(ratio, 4),
        "unit": "of N times one" + (", limited by the source" if limited else ""),
        "ratio": round(ratio, 4),
        "goal": None if limited else f"ratio >= {SHARE_GOAL}",
        "met": None if limited else ratio >= SHARE_GOAL,
    }


def main():
    what, *args = sys.argv[1:] or [""]
    cpus, cores = by_core(os.sched_getaffinity(0), siblings)
    if what == "pcap":
        write_pcap(*args)
    elif what == "pair":
        print(*pair(cpus))
    elif what == "scaling":
        for line in scaling(cpus[:cores], "--quick" in args):
            print(*line)
    elif what == "starved":
        print(starved(float(args[0]), args[1], args[2:]))
    elif what == "share":
        starved_most = max(map(float, args[3].split(",")))
        record = share(int(args[0]), float(args[1]), float(args[2]), starved_most, *args[4:])
        print(json.dumps(record))
        print(f"{record['name'][8:]:40} {record['ratio']:8.3f} {record['unit']}", file=sys.stderr)
    elif what == "rates":
        seconds, *rest = args
        rates(float(seconds), list(zip(rest[::2], rest[1::2])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    os.umask(0o077)
    main()
