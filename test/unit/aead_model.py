#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Slow, plain model of RFC 8439. Checks itself against the RFC's vectors, then prints those in test_aead.c."""

import struct

MASK = 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & MASK
        v = s[z] ^ s[x]
        s[z] = ((v << n) | (v >> (32 - n))) & MASK


def initial(key, last16):
    return struct.unpack("<16I", b"expand 32-byte k" + key + last16)


def rounds(start):
    s = list(start)
    for _ in range(10):
        for i in range(4):
            quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


def block(key, count, nonce):
    start = initial(key, struct.pack("<I", count) + nonce)
    return struct.pack("<16I", *((x + y) & MASK for x, y in zip(start, rounds(start))))


def chacha20(key, count, nonce, text):
    stream = b"".join(block(key, count + i, nonce) for i in range((len(text) + 63) // 64))
    return bytes(x ^ y for x, y in zip(text, stream))


def poly1305(key, msg):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(msg), 16):
        acc = (acc + int.from_bytes(msg[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((acc + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def seal(key, nonce, aad, text):
    c = chacha20(key, 1, nonce, text)
    padded = b"".join(x + bytes(-len(x) % 16) for x in (aad, c))
    return c, poly1305(block(key, 0, nonce)[:32], padded + struct.pack("<QQ", len(aad), len(c)))


SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
DRAFTS = (
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, "
    "or obsoleted by other documents at any time. It is inappropriate to use Internet-Drafts as reference "
    "material or to cite them other than as /\u201cwork in progress./\u201d"
).encode()


def check_rfc():
    h = bytes.fromhex
    # 2.3.2
    assert block(bytes(range(32)), 1, h("000000090000004a00000000")) == h(
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )
    # 2.5.2
    key = h("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    assert poly1305(key, b"Cryptographic Forum Research Group") == h("a8061dc1305136c6c22b8baf0c0127a9")
    # 2.8.2
    c, tag = seal(bytes(range(0x80, 0xA0)), h("070000004041424344454647"), h("50515253c0c1c2c3c4c5c6c7"), SUNSCREEN)
    assert c[:16] == h("d31a8d34648e60db7b86afbc53ef7ec2") and tag == h("1ae10b594f09e26a7e902ecbd0600691")
    # A.5
    key = h("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0")
    c, tag = seal(key, h("000000000102030405060708"), h("f33388860000000000004e91"), DRAFTS)
    assert c[:16] == h("64a0861575861af460f062c79be643bd") and tag == h("eead9d67890cbb22392336fea1851f38")


def pattern(seed, n):
    return bytes((seed + 7 * i) & 255 for i in range(n))


def vector(n, counter, seed):
    _, tag = seal(pattern(seed, 32), bytes(4) + struct.pack("<Q", counter), b"", pattern(seed + 1, n))
    return f'\t{{{n}, {counter:#x}, {seed}, "{tag.hex()}"}},'


def main():
    check_rfc()
    counters = (0, 1, 0xFF, 0x0102030405060708, 0xFFFFFFFF, 0x100000000, 2**64 - 2**13 - 2)
    lengths = (0, 1, 15, 16, 17, 48, 63, 64, 65, 112, 127, 128, 191, 192, 256, 257, 320, 511, 512, 513)
    lengths += (768, 1008, 1024, 1040, 1424, 1472, 2048, 8944, 9000)
    for i, n in enumerate(lengths):
        print(vector(n, counters[i % len(counters)], 10 + i))


if __name__ == "__main__":
    main()
