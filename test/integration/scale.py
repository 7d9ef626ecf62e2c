# SPDX-License-Identifier: BSD-3-Clause
"""Peers by the thousand for a configuration file, and records of what was measured with them."""

import argparse
import base64
import json
import random
import statistics


def peers(args):
    """The same for the same number; the prefix of the one that is moved is another."""
    rng = random.Random(1)
    for i in range(args.number):
        key = base64.b64encode(rng.randbytes(32)).decode()
        inside = i if i != args.moved else args.number
        a, b, c = inside >> 16, inside >> 8 & 255, inside & 255
        print(f"[Peer]\nPublicKey = {key}")
        print(f"AllowedIPs = 100.{64 + a}.{b}.{c}/32, fd64::{a:x}:{b << 8 | c:x}/128")
        print(f"Endpoint = 192.0.2.{100 + i % 100}:{1024 + i % 60000}")


def record(name, value, unit, goal=None):
    met = None if goal is None else value <= goal
    goal = None if goal is None else f"<= {goal:g}"
    return {"name": name, "value": round(value, 3), "unit": unit, "goal": goal, "met": met}


def records(args):
    """Lines of "NAME VALUE" from standard input, one value a repetition, become records."""
    values = {}
    with open(args.file, encoding="ascii") as lines:
        for line in lines:
            name, value = line.split()
            values.setdefault(name, []).append(float(value))
    median = {name: statistics.median(of) for name, of in values.items()}
    # The goals are of so many.
    goal = (lambda value: value) if args.number == 100000 else (lambda value: None)
    gap, noise = median["gap_syncconf_us"], median["gap_same_load_us"]
    out = [
        record("scale_peers", args.number, "peers"),
        record("scale_load_file_s", median["load_file_s"], "s", goal(5)),
        record("scale_show_dump_s", median["show_dump_s"], "s"),
        record("scale_syncconf_one_changed_s", median["syncconf_s"], "s", goal(2)),
        record("scale_rss_per_peer", median["rss_per_peer"], "B"),
        record("scale_gap_idle_us", median["gap_idle_us"], "us"),
        record("scale_gap_same_load_us", noise, "us"),
        record("scale_gap_syncconf_us", gap, "us"),
        record("scale_gap_beyond_noise_us", max(0.0, gap - noise), "us", goal(100)),
    ]
    for r in out:
        goal = f"  goal {r['goal']}: {'met' if r['met'] else 'MISSED'}" if r["goal"] else ""
        print(f"{r['name']:32} {r['value']:12} {r['unit']}{goal}")
    if args.json:
        with open(args.json, "w", encoding="ascii") as file:
            json.dump(out, file, indent=2)
            file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("peers", help=peers.__doc__)
    sub.add_argument("number", type=int)
    sub.add_argument("--moved", type=int, default=-1)
    sub.set_defaults(run=peers)
    sub = commands.add_parser("records", help=records.__doc__)
    sub.add_argument("number", type=int)
    sub.add_argument("file")
    sub.add_argument("--json")
    sub.set_defaults(run=records)
    args = parser.parse_args()
    args.run(args)


main()
