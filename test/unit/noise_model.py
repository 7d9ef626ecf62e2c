#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints noise_vectors.h: an independent model of WireGuard's handshake.

Written from the equations of the white paper (section 5.4) and the RFCs named below, with the standard
library alone (and aead_model.py): python3 noise_model.py > noise_vectors.h
"""

import hashlib
import hmac
import struct

import aead_model

P = 2**255 - 19


def x25519(scalar, point):
    """RFC 7748, section 5."""
    k = int.from_bytes(bytes([scalar[0] & 248]) + scalar[1:31] + bytes([scalar[31] & 127 | 64]), "little")
    x1 = int.from_bytes(point, "little") % 2**255
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(private):
    return x25519(private, b"\x09" + bytes(31))


def aead(key, nonce, plain, aad):
    return b"".join(aead_model.seal(key, nonce, aad, plain))


def xaead(key, nonce, plain, aad):
    """XChaCha20-Poly1305: draft-irtf-cfrg-xchacha-03."""
    s = aead_model.rounds(aead_model.initial(key, nonce[:16]))
    return aead(struct.pack("<8I", *s[:4], *s[12:]), bytes(4) + nonce[16:], plain, aad)


def H(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def mac(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def kdf(n, chaining_key, data):
    extract = hmac.new(chaining_key, data, hashlib.blake2s).digest()
    out, last = [], b""
    for i in range(1, n + 1):
        last = hmac.new(extract, last + bytes([i]), hashlib.blake2s).digest()
        out.append(last)
    return out


def tai64n(ns):
    return struct.pack(">QI", 2**62 + 10 + ns // 10**9, ns % 10**9 // 2**24 * 2**24)


def with_macs(body, recipient, cookie=None):
    body += mac(H(b"mac1----", recipient), body)
    return body + (mac(cookie, body) if cookie else bytes(16))


def handshake(s_i, s_r, e_i, e_r, psk, index_i, index_r, wall_clock):
    S_i, S_r, E_i, E_r = map(public, (s_i, s_r, e_i, e_r))
    c = H(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
    h = H(H(c, b"WireGuard v1 zx2c4 Jason@zx2c4.com"), S_r)
    h = H(h, E_i)
    (c,) = kdf(1, c, E_i)
    c, k = kdf(2, c, x25519(e_i, S_r))
    static = aead(k, bytes(12), S_i, h)
    h = H(h, static)
    c, k = kdf(2, c, x25519(s_i, S_r))
    timestamp = aead(k, bytes(12), tai64n(wall_clock), h)
    h = H(h, timestamp)
    initiation = struct.pack("<II", 1, index_i) + E_i + static + timestamp

    h = H(h, E_r)
    (c,) = kdf(1, c, E_r)
    (c,) = kdf(1, c, x25519(e_r, E_i))
    (c,) = kdf(1, c, x25519(e_r, S_i))
    c, t, k = kdf(3, c, psk)
    h = H(h, t)
    response = struct.pack("<III", 2, index_r, index_i) + E_r + aead(k, bytes(12), b"", h)
    from_initiator, from_responder = kdf(2, c, b"")
    return initiation, response, from_initiator, from_responder


def self_test():
    """Published vectors: RFC 7748 section 5.2, RFC 8439 section 2.8.2, the XChaCha draft A.3.1."""
    unhex = bytes.fromhex
    assert x25519(
        unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
    ) == unhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    key, aad = bytes(range(0x80, 0xA0)), unhex("50515253c0c1c2c3c4c5c6c7")
    assert aead(key, unhex("070000004041424344454647"), text, aad)[-16:] == unhex(
        "1ae10b594f09e26a7e902ecbd0600691"
    )
    assert xaead(key, bytes(range(0x40, 0x58)), text, aad)[-16:] == unhex(
        "c0875924c1c7987947deafd8780acf49"
    )


def secret(name):
    return hashlib.sha256(b"tinguard " + name.encode()).digest()


def c_array(name, data):
    rows = (data[i : i + 12] for i in range(0, len(data), 12))
    body = "\n".join("\t" + " ".join("0x%02x," % b for b in row) for row in rows)
    return "static const uint8_t %s[%d] = {\n%s\n};\n" % (name, len(data), body)


def main():
    self_test()
    s_i, s_r, e_i, e_r, psk = map(
        secret, ("initiator", "responder", "ephemeral i", "ephemeral r", "preshared key")
    )
    S_i, S_r = public(s_i), public(s_r)
    index_i, index_r, wall_clock = 0x11223344, 0xA1B2C3D4, 1700000000 * 10**9 + 123456789
    initiation, response, t1, t2 = handshake(s_i, s_r, e_i, e_r, bytes(32), index_i, index_r, wall_clock)
    psk_initiation, psk_response, psk_t1, psk_t2 = handshake(
        s_i, s_r, e_i, e_r, psk, index_i, index_r, wall_clock
    )
    assert psk_initiation == initiation

    # The responder, under load, answers the initiation from 192.0.2.7 port 51820.
    cookie_secret, nonce = secret("cookie"), secret("nonce")[:24]
    source = bytes([192, 0, 2, 7]) + struct.pack(">H", 51820)
    cookie = mac(cookie_secret, source)
    signed = with_macs(initiation, S_r)
    reply = struct.pack("<II", 3, index_i) + nonce + xaead(H(b"cookie--", S_r), nonce, cookie, signed[116:132])

    print("/* SPDX-License-Identifier: BSD-3-Clause */")
    print("/* Made by noise_model.py, where the names are explained. */")
    print("/* clang-format off */")
    print("#ifndef NOISE_VECTORS_H\n#define NOISE_VECTORS_H\n\n#include <stdint.h>\n")
    print("#define VECTOR_INDEX_I 0x%08xu\n#define VECTOR_INDEX_R 0x%08xu" % (index_i, index_r))
    print("#define VECTOR_WALL_CLOCK UINT64_C(%d)\n" % wall_clock)
    for name, data in (
        ("vector_private_i", s_i),
        ("vector_private_r", s_r),
        ("vector_public_i", S_i),
        ("vector_public_r", S_r),
        ("vector_ephemeral_i", e_i),
        ("vector_ephemeral_r", e_r),
        ("vector_psk", psk),
        ("vector_initiation", signed),
        ("vector_response", with_macs(response, S_i)),
        ("vector_from_initiator", t1),
        ("vector_from_responder", t2),
        ("vector_psk_response", with_macs(psk_response, S_i)),
        ("vector_psk_from_initiator", psk_t1),
        ("vector_psk_from_responder", psk_t2),
        ("vector_cookie_secret", cookie_secret),
        ("vector_cookie_nonce", nonce),
        ("vector_cookie_source", source),
        ("vector_cookie", cookie),
        ("vector_cookie_reply", reply),
        ("vector_initiation_mac2", with_macs(initiation, S_r, cookie)),
    ):
        print(c_array(name, data))
    print("#endif")


if __name__ == "__main__":
    main()
