# SPDX-License-Identifier: BSD-3-Clause
"""Sends what no honest peer sends, at a gateway's port, and prints how many frames that were.

The kinds, each the same on every run:
  messages  WireGuard messages of wrong lengths, types and indices, initiations with a right mac1
  forged    messages of a recorded session with bits of every part flipped
  replayed  the messages of a recorded session again, from here and as if from their sender
  ip        IPv4 options and fragments, wrong lengths, IPv6 extension headers
  frames    runts, VLAN tags, unknown types, jumbo frames, noise
"""

import argparse
import base64
import hashlib
import random
import socket
import struct

IPV4, IPV6, VLAN, QINQ = 0x0800, 0x86DD, 0x8100, 0x88A8
UDP = 17


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Sender:
    """Knows both ends; makes frames and sends them."""

    def __init__(self, args):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind((args.dev, 0))
        self.mac = self.sock.getsockname()[4]
        self.gateway_mac = bytes.fromhex(args.gateway_mac.replace(":", ""))
        self.source4 = socket.inet_aton("192.0.2.66")
        self.gateway4 = socket.inet_aton("192.0.2.1")
        self.source6 = socket.inet_pton(socket.AF_INET6, "2001:db8::66")
        self.gateway6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
        self.random = random.Random(20)
        self.sent = 0

    def frame(self, ethertype, payload, destination=None):
        head = (destination or self.gateway_mac) + self.mac + struct.pack("!H", ethertype)
        try:
            self.sock.send(head + payload)
            self.sent += 1
        except OSError:
            pass  # the kernel here refuses some of the shortest and the longest

    def udp(self, payload, length=None, port=51820):
        return struct.pack("!4H", 4444, port, length or 8 + len(payload), 0) + payload

    def ipv4(self, payload, **given):
        options = given.get("options", b"")
        length = given.get("length", 20 + len(options) + len(payload))
        first = given.get("version", 4) << 4 | given.get("words", 5 + len(options) // 4)
        head = struct.pack("!BBHHHBBH", first, 0, length & 0xFFFF, 7, given.get("fragment", 0), 64, UDP, 0)
        head += given.get("source", self.source4) + self.gateway4
        total = checksum(head + options) ^ given.get("flip", 0)
        return head[:10] + struct.pack("!H", total) + head[12:] + options + payload

    def ipv6(self, payload, following=UDP, length=None):
        length = len(payload) if length is None else length
        head = struct.pack("!IHBB", 6 << 28, length, following, 64)
        return head + self.source6 + self.gateway6 + payload

    def udp6(self, payload):
        pseudo = self.source6 + self.gateway6 + struct.pack("!II", 8 + len(payload), UDP)
        total = checksum(pseudo + self.udp(payload)) or 0xFFFF
        return self.udp(payload)[:6] + struct.pack("!H", total) + payload

    def message(self, payload):
        self.frame(IPV4, self.ipv4(self.udp(payload)))
        self.frame(IPV6, self.ipv6(self.udp6(payload)))


def with_mac1(message, gateway_key):
    key = hashlib.blake2s(b"mac1----" + gateway_key).digest()
    return message + hashlib.blake2s(message, key=key, digest_size=16).digest() + bytes(16)


def messages(sender, args):
    noise = sender.random.randbytes
    key = base64.b64decode(args.gateway_key)
    for kind, right in ((1, 148), (2, 92), (3, 64), (4, 32)):
        for length in (0, 1, 3, 4, 8, 15, 16, 17, 31, right - 1, right, right + 1, 1400):
            sender.message((struct.pack("<I", kind) + noise(1400))[:length])
    for kind in (0, 5, 255, 0x101, 0x01000001, 0xFFFFFFFF):
        sender.message(struct.pack("<I", kind) + noise(144))
    for _ in range(8):
        sender.message(with_mac1(struct.pack("<I", 1) + noise(112), key))
        sender.message(with_mac1(struct.pack("<I", 2) + noise(56), key))
    for index in (0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF):
        for counter in (0, 1, 2**63, 2**64 - 1):
            sender.message(struct.pack("<IIQ", 4, index, counter) + noise(48))


def recorded(path):
    """(source address, message) of each WireGuard message in a capture of IPv4 and UDP."""
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + length]
        yield frame[26:30], frame[42:]
        at += 16 + length


def forged(sender, args):
    for source, message in recorded(args.pcap):
        newer = message[:8] + struct.pack("<Q", 1000) + message[16:] if message[0] == 4 else message
        for base in (message, newer):
            for at in {0, 4, 8, 15, 16, len(base) // 2, len(base) - 1}:
                flipped = bytearray(base)
                flipped[at] ^= 0x10
                sender.message(bytes(flipped))
                sender.frame(IPV4, sender.ipv4(sender.udp(bytes(flipped)), source=source))
            sender.message(base[: len(base) - 16])
            sender.message(base + bytes(16))


def replayed(sender, args):
    for _ in range(3):
        for source, message in recorded(args.pcap):
            sender.message(message)
            sender.frame(IPV4, sender.ipv4(sender.udp(message), source=source))


def ip(sender, _):
    data = struct.pack("<IIQ", 4, 9, 9) + bytes(48)
    good = sender.udp(data)
    for size in (4, 8, 40):
        sender.frame(IPV4, sender.ipv4(good, options=b"\1" * size))
    for given in (
        {"version": 0}, {"version": 5}, {"version": 15}, {"words": 0}, {"words": 4}, {"words": 15},
        {"length": 0}, {"length": 19}, {"length": 20}, {"length": 27}, {"length": 65535}, {"flip": 1},
        {"fragment": 0x2000}, {"fragment": 0x2001}, {"fragment": 0x0001}, {"fragment": 0x1FFF},
        {"source": bytes(4)}, {"source": b"\x7f\0\0\1"}, {"source": b"\xe0\0\0\1"}, {"source": b"\xff" * 4},
        {"source": sender.gateway4},
    ):  # fmt: skip
        sender.frame(IPV4, sender.ipv4(good, **given))
    for length in (1, 7, 9, 40, 65535):
        sender.frame(IPV4, sender.ipv4(sender.udp(data, length)))
        sender.frame(IPV6, sender.ipv6(sender.udp(data, length)))
    for cut in range(0, 64, 3):
        sender.frame(IPV4, sender.ipv4(good)[:cut])
        sender.frame(IPV6, sender.ipv6(good)[:cut])
    for length in (0, 1, 8, 2000, 65535):
        sender.frame(IPV6, sender.ipv6(good, length=length))
    extensions(sender, good)


def extensions(sender, good):
    hop, routing, fragment, none, options, unknown = 0, 43, 44, 59, 60, 253
    for kind in (hop, routing, fragment, 51, none, options, 135, unknown):
        for inner in (UDP, kind, none):
            body = struct.pack("!BB", inner, 0) + b"\1\4\0\0\0\0"
            sender.frame(IPV6, sender.ipv6(body + good, following=kind))
            sender.frame(IPV6, sender.ipv6(body[:4], following=kind))
            sender.frame(IPV6, sender.ipv6(bytes((inner, 255)) + body[2:] + good, following=kind))
    for count in (8, 64, 150):
        chain = (bytes((options, 0)) + b"\1\4\0\0\0\0") * count
        sender.frame(IPV6, sender.ipv6(chain + good, following=options))
    for offset in (0x0001, 0x0008, 0x0009, 0xFFF9):
        body = struct.pack("!BBHI", UDP, 0, offset, 1)
        sender.frame(IPV6, sender.ipv6(body + good, following=fragment))


def frames(sender, _):
    good = sender.ipv4(sender.udp(bytes(64)))
    for length in (0, 1, 2, 20, 45, 46):
        sender.frame(IPV4, good[:length])
    for tag in (VLAN, QINQ):
        sender.frame(tag, struct.pack("!HH", 5, IPV4) + good)
        sender.frame(tag, struct.pack("!HHHH", 5, VLAN, 6, IPV4) + good)
        sender.frame(tag, b"\0")
        sender.frame(tag, struct.pack("!HH", 5, tag) * 10)
    for ethertype in (0, 46, 0x0806, 0x8035, 0x8847, 0x88CC, 0xFFFF):
        sender.frame(ethertype, sender.random.randbytes(60))
    for destination in (b"\xff" * 6, b"\1\0\x5e\0\0\1", b"\2\2\2\2\2\2", bytes(6)):
        sender.frame(IPV4, good, destination)
    for size in (1501, 1600, 2000, 2100, 4000, 8900):
        sender.frame(IPV4, sender.ipv4(sender.udp(bytes(size))))
        sender.frame(IPV4, sender.ipv4(sender.udp(struct.pack("<IIQ", 4, 1, 1) + bytes(size))))
    for _ in range(2000):
        ethertype = sender.random.choice((IPV4, IPV6))
        first = b"\x45" if ethertype == IPV4 else b"\x60"
        noise = first + sender.random.randbytes(sender.random.randrange(1500))
        sender.frame(ethertype, noise)


def main():
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    kinds = {kind.__name__: kind for kind in (messages, forged, replayed, ip, frames)}
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--dev", required=True)
    parser.add_argument("--gateway-mac", required=True)
    parser.add_argument("--gateway-key", required=True)
    parser.add_argument("--pcap")
    args = parser.parse_args()
    sender = Sender(args)
    kinds[args.kind](sender, args)
    print(sender.sent)


main()
