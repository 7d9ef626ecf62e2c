#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/experiment measured: a table, results.json, and plots, from and in a folder."""

import collections
import json
import pathlib
import re
import statistics
import sys

MODES = {"fifo": ("FIFO", "tab:red"), "dequeue": ("encrypt at dequeue", "tab:green"),
         "enqueue": ("encrypt at enqueue", "tab:blue")}  # fmt: skip
TITLES = {
    "link10": "link of 10 Mbit/s, 8 flows", "link50": "link of 50 Mbit/s, 8 flows",
    "link200": "link of 200 Mbit/s, 8 flows", "cpu": "cipher at 2x overload, 16 peers",
    "calm": "link of 50 Mbit/s, 16 peers", "flood": "the same, one peer floods",
    "rrul": "50 Mbit/s both ways, four classes", "session": "100 packets, no session yet",
}  # fmt: skip
SHAPED = {"link10": 10, "link50": 50, "link200": 200, "calm": 50, "flood": 50}
# TCP payload of a full packet, and its bytes on the wire: 1420 of IP with 52 of headers, then
# 32 of WireGuard, 28 of UDP and IPv4, 38 of Ethernet.
PAYLOAD, WIRE = 1368, 1518
SKIP = 2.0  # seconds at the beginning of a flow


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else float("nan")


def pings(path):
    """Round trip times in ms, in order; and how many were sent."""
    text = path.read_text() if path.exists() else ""
    sent = re.search(r"(\d+) packets transmitted", text)
    return [float(t) for t in re.findall(r"time=([\d.]+) ms", text)], int(sent[1]) if sent else 0


def intervals(report):
    """(second, seconds, Mbit/s) as the receiver saw it."""
    if "server_output_json" in report and not report["start"]["test_start"]["reverse"]:
        report = report["server_output_json"]
    for i in report.get("intervals", []):
        yield i["sum"]["start"], i["sum"]["seconds"], i["sum"]["bits_per_second"] / 1e6


class Run:
    """One scenario in one mode, once."""

    def __init__(self, folder):
        self.idle, _ = pings(folder / "idle.txt")
        self.probe, self.sent = pings(folder / "probe.txt")
        self.flows = {}
        for path in sorted(folder.glob("*.json")):
            if path.name == "behind.json":
                continue
            try:
                report = json.loads(path.read_text())
                self.flows[path.stem] = list(intervals(report))
            except (ValueError, KeyError):
                self.flows[path.stem] = []
        behind = folder / "behind.json"
        self.behind = json.loads(behind.read_text()) if behind.exists() else None
        log = (folder / "gw.log").read_text()
        self.sealed = sum(int(n) for n in re.findall(r"sealed (\d+)", log))
        self.wasted = int(re.search(r"wasted: (\d+)", log)[1])

    def goodput(self, name):
        counted = [(length, mbit) for start, length, mbit in self.flows[name] if start >= SKIP]
        length = sum(length for length, _ in counted)
        return sum(length * mbit for length, mbit in counted) / length if length else 0.0

    def shares(self):
        return [self.goodput(name) for name in self.flows if name != "flood"]

    def numbers(self):
        shares = self.shares()
        squares = sum(s * s for s in shares)
        return {
            "idle p99": percentile(self.idle, 99),
            "p50": percentile(self.probe, 50),
            "p99": percentile(self.probe, 99),
            "over idle": percentile(self.probe, 99) - percentile(self.idle, 99),
            "lost": 100 * (1 - len(self.probe) / self.sent) if self.sent else float("nan"),
            "Mbit/s": sum(shares),
            "Jain": sum(shares) ** 2 / len(shares) / squares if squares else float("nan"),
            "wasted": 100 * self.wasted / self.sealed if self.sealed else 0.0,
        }


def read(folder):
    """Runs by scenario and mode."""
    runs = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted(folder.glob("data/[1-9]*/*/*/gw.log")):
        run = Run(path.parent)
        runs[path.parts[-3]][path.parts[-2]].append(run)
    return runs


def medians(runs):
    """Median over the runs of each number, by scenario and mode."""
    table = {}
    for scenario, modes in runs.items():
        for mode, of in modes.items():
            numbers = [run.numbers() for run in of]
            table[scenario, mode] = {
                name: statistics.median(n[name] for n in numbers) for name in numbers[0]
            }
    return table


def print_table(table, runs):
    print("Medians. Probe: round trips in ms of a ping each 5 ms to a peer of its own; TCP goodput;")
    print("wasted: packets sealed and then dropped, in percent of all sealed.\n")
    print(f"{'scenario':9} {'mode':9} {'runs':>4} {'idle p99':>8} {'p50':>8} {'p99':>8} "
          f"{'over idle':>9} {'lost %':>7} {'Mbit/s':>8} {'Jain':>7} {'wasted %':>8}")  # fmt: skip
    for scenario in TITLES:
        for mode in MODES:
            n = table.get((scenario, mode))
            if n:
                print(f"{scenario:9} {mode:9} {len(runs[scenario][mode]):4} {n['idle p99']:8.2f} "
                      f"{n['p50']:8.2f} {n['p99']:8.2f} {n['over idle']:9.2f} {n['lost']:7.2f} "
                      f"{n['Mbit/s']:8.1f} {n['Jain']:7.4f} {n['wasted']:8.2f}")  # fmt: skip


class Goals:
    def __init__(self):
        self.records = []

    def add(self, name, value, unit, least=None, most=None):
        """Neither bound: a number to know, without a goal."""
        if value != value:
            return
        met = (least is None or value >= least) and (most is None or value <= most)
        goal = f">= {least}" if least is not None else f"<= {most}" if most is not None else "none"
        self.records.append({"name": name, "value": round(value, 4), "unit": unit, "goal": goal,
                             "met": met})  # fmt: skip


def percent(a, b):
    return 100 * a / b if b else float("nan")


def cpu_goals(goals, table):
    fifo, ours = table.get(("cpu", "fifo")), table.get(("cpu", "enqueue"))
    if fifo and ours:
        goals.add("exp_cpu_probe_p99_over_idle", ours["over idle"], "ms", most=2)
        goals.add("exp_cpu_probe_p99_over_idle_fifo_to_ours",
                  fifo["over idle"] / max(ours["over idle"], 0.01), "1", least=10)  # fmt: skip
        goals.add("exp_cpu_goodput_of_fifo", percent(ours["Mbit/s"], fifo["Mbit/s"]), "percent",
                  least=95)  # fmt: skip
        goals.add("exp_cpu_jain_16_peers", ours["Jain"], "1", least=0.99)


def link_goals(goals, table):
    for scenario in ("link10", "link50", "link200"):
        ours = table.get((scenario, "enqueue"))
        if not ours:
            continue
        judged = scenario == "link50"
        carried = SHAPED[scenario] * PAYLOAD / WIRE
        goals.add(f"exp_{scenario}_probe_p99_over_idle", ours["over idle"], "ms",
                  most=3 if judged else None)  # fmt: skip
        goals.add(f"exp_{scenario}_goodput_of_shaped_rate", percent(ours["Mbit/s"], carried),
                  "percent", least=97 if judged else None)  # fmt: skip


def of_15(runs):
    """Median goodput of the peers that are the same in both scenarios."""
    return statistics.median(sum(run.goodput(f"tcp{n}") for n in range(1, 16)) for run in runs)


def flood_goals(goals, table, runs):
    calm, flood = table.get(("calm", "enqueue")), table.get(("flood", "enqueue"))
    if calm and flood:
        goals.add("exp_flood_probe_p99_change", percent(flood["p99"], calm["p99"]) - 100, "percent",
                  most=10)  # fmt: skip
        goals.add("exp_flood_goodput_of_others",
                  percent(of_15(runs["flood"]["enqueue"]), of_15(runs["calm"]["enqueue"])),
                  "percent", least=90)  # fmt: skip
    if flood:
        goals.add("exp_flood_wasted", flood["wasted"], "percent", most=2)
    if ("flood", "fifo") in table:
        goals.add("exp_flood_wasted_fifo", table["flood", "fifo"]["wasted"], "percent")


def option_goals(goals, table):
    """Option 2 of the mail that the project comes from against its option 1."""
    for scenario in ("cpu", "link50", "link200", "flood"):
        one, two = table.get((scenario, "dequeue")), table.get((scenario, "enqueue"))
        if one and two:
            goals.add(f"exp_{scenario}_p99_enqueue_less_dequeue", two["p99"] - one["p99"], "ms")
            goals.add(f"exp_{scenario}_goodput_enqueue_of_dequeue",
                      percent(two["Mbit/s"], one["Mbit/s"]), "percent")  # fmt: skip


def replay_goals(goals, runs):
    for scenario, window in (("link50", 1023), ("link200", 1023), ("flood", 8128)):
        of = [run.behind for run in runs.get(scenario, {}).get("enqueue", ()) if run.behind]
        if of:
            goals.add(f"exp_{scenario}_beyond_replay_window_{window}",
                      sum(b[f"beyond_{window}"] for b in of), "packets", most=0)  # fmt: skip


def goals_of(table, runs):
    goals = Goals()
    cpu_goals(goals, table)
    link_goals(goals, table)
    flood_goals(goals, table, runs)
    option_goals(goals, table)
    replay_goals(goals, runs)
    return goals.records


def import_pyplot():
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    import matplotlib.pyplot

    return matplotlib.pyplot


def panels(plt, names, height=3.2):
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(4.2 * columns, height * lines), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    return figure, zip(names, axes.flat)


def plot_rtt(plt, runs, path):
    figure, of = panels(plt, [name for name in TITLES if name in runs])
    for name, axis in of:
        for mode, (label, colour) in MODES.items():
            for i, run in enumerate(runs[name].get(mode, ())):
                part = [(k + 1) / len(run.probe) for k in range(len(run.probe))]
                axis.plot(sorted(run.probe), part, color=colour, lw=1, label=None if i else label)
        axis.set(title=TITLES[name], xscale="log", xlim=(0.1, 3000), ylim=(0, 1), xlabel="ms")
        axis.grid(alpha=0.3)
    figure.axes[0].legend(fontsize="small", loc="lower right")
    figure.suptitle("Round trip of a sparse flow, cumulative; a line for each run")
    figure.savefig(path, dpi=100)


def plot_goodput(plt, runs, path):
    names = [name for name in ("cpu", "flood", "rrul") if name in runs]
    if not names:
        return
    figure, axes = plt.subplots(len(names), len(MODES), figsize=(12, 2.8 * len(names)),
                                sharex=True, sharey="row", squeeze=False,
                                layout="constrained")  # fmt: skip
    for row, name in zip(axes, names):
        for axis, (mode, (label, colour)) in zip(row, MODES.items()):
            for flow, series in runs[name][mode][0].flows.items() if runs[name].get(mode) else ():
                style = {"color": "black", "ls": ":"} if flow == "flood" else {"color": colour}
                axis.plot([s for s, _, _ in series], [m for _, _, m in series], lw=0.8, **style)
            axis.set_title(f"{name}: {label}", fontsize="medium")
            axis.grid(alpha=0.3)
        row[0].set_ylabel("Mbit/s")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    figure.suptitle("Goodput of each flow, first run; dotted: the flood")
    figure.savefig(path, dpi=100)


def plot_wasted(plt, table, path):
    names = [name for name in TITLES if any((name, mode) in table for mode in MODES)]
    figure, axis = plt.subplots(figsize=(9, 3.2), layout="constrained")
    for shift, (mode, (label, colour)) in zip((-0.27, 0, 0.27), MODES.items()):
        values = [table.get((name, mode), {}).get("wasted", 0) for name in names]
        axis.bar([i + shift for i in range(len(names))], values, 0.26, color=colour, label=label)
    axis.set_xticks(range(len(names)), names)
    axis.set(ylabel="%", title="Packets sealed and then dropped, of all that were sealed")
    axis.legend(fontsize="small")
    axis.grid(alpha=0.3, axis="y")
    figure.savefig(path, dpi=100)


def main():
    folder = pathlib.Path(sys.argv[1])
    runs = read(folder)
    if not runs:
        sys.exit(f"experiment: no data in {folder}")
    table = medians(runs)
    print_table(table, runs)
    records = goals_of(table, runs)
    print(f"\n{'goal':46} {'value':>10}  {'unit':8} {'goal':8}")
    for r in records:
        met = "" if r["goal"] == "none" else "met" if r["met"] else "missed"
        print(f"{r['name']:46} {r['value']:10}  {r['unit']:8} {r['goal']:8} {met}")
    (folder / "results.json").write_text(json.dumps(records, indent=1) + "\n")
    plt = import_pyplot()
    if not plt:
        print("\nno plots: they need matplotlib: sudo apt-get install python3-matplotlib")
        return
    plot_rtt(plt, runs, folder / "rtt.png")
    plot_goodput(plt, runs, folder / "goodput.png")
    plot_wasted(plt, table, folder / "wasted.png")
    print(f"\n{folder}: results.json, rtt.png, goodput.png, wasted.png")


if __name__ == "__main__":
    main()
