"""Runs Vitrine and its peers, each in a process of its own, with a limit on each and on the whole."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cases import Outcome
from peer_list import PEERS, environment_of

ROOT = Path(__file__).resolve().parent.parent
CONTENDER = 1.3  # who needs more than this of the best peer's time is measured once: it will not be the best


def figures_of(outcome):
    return outcome if outcome.row or outcome.cell else Outcome(cell="failed", reason="it printed no figures")


def lines_of(text):
    rows = []
    for line in text.splitlines():
        if line.startswith("{"):
            rows.append(json.loads(line))
    return rows


def run_limited(command, environment, limit):
    """The row that a command prints last, or why it failed; neither for one that has none to print."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", env=environment,
                               start_new_session=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # compilers that it started as well
        out, _ = process.communicate()
        cell = f"> {limit:.0f} s" + ("" if any("started" in row for row in lines_of(out)) else " to start")
        return Outcome(cell=cell, reason=f"stopped after {limit:.0f} s")
    rows = [row for row in lines_of(out) if "min_ms" in row]
    if process.returncode == 0:
        return Outcome(row=rows[-1]) if rows else Outcome()
    said = [line.strip() for line in err.splitlines() if line.strip()]
    named = [line for line in said if "Error" in line or "error" in line]
    return Outcome(cell="failed", reason=((named or said or ["no message"])[-1])[:200])


class Measuring:
    """Rounds over cases and libraries. `outcomes` maps (case, library) to the best that is known."""

    def __init__(self, a, cases, peers, restricted):
        self.a, self.cases, self.peers, self.restricted = a, cases, peers, restricted
        self.outcomes = {}
        self.end = time.monotonic() + a.budget

    def left(self):
        return self.end - time.monotonic()

    def command(self, name, case, limit):
        common = ["--kind", case.kind, *case.options(), "--seconds", str(self.a.seconds)]
        folder = Path(self.a.folder)
        return [self.peers[name], str(ROOT / "bench/peers.py"), "--peer", name, "--folder", str(folder / "networks"), *common, "--until", str(0.8 * limit)]

    def vitrine(self, case):
        environment = dict(os.environ) | ({"VITRINE_SIMD": self.a.simd} if self.a.simd else {})
        command = [self.a.program, "bench", case.kind, *case.options(), "--seconds", str(self.a.seconds), "--json"]
        return figures_of(run_limited(command, environment, self.a.limit))

    def peer(self, name, case):
        limit = min(self.a.limit, self.left())
        if limit < 5:
            return Outcome(cell="no time left", reason=f"the {self.a.budget / 60:.0f} minutes of the whole were used up")
        environment = environment_of(name, case.threads, self.restricted, os.path.join(self.a.folder, "cache"))
        return figures_of(run_limited(self.command(name, case, limit), environment, limit))

    def note(self, number, name, case, outcome):
        known = self.outcomes.get((case, name))
        if outcome.row and self.a.raw:
            with open(self.a.raw, "a", encoding="utf-8") as raw:
                raw.write(json.dumps({"library": name, "round": number} | outcome.row) + "\n")
        if known is None or (outcome.row and (not known.row or outcome.row["min_ms"] < known.row["min_ms"])):
            self.outcomes[(case, name)] = outcome
        said = f"{outcome.row['min_ms']:.2f} ms" if outcome.row else f"{outcome.cell}: {outcome.reason}"
        print(f"compare: {self.left():.0f} s left, round {number}: {case.name}: {name}: {said}", file=sys.stderr, flush=True)

    def measured_in(self, case):
        return [name for name in self.peers if case.kind in PEERS[name].kinds]

    def contenders(self, case):
        times = {n: o.row["min_ms"] for n in self.measured_in(case) if (o := self.outcomes.get((case, n))) and o.row}
        return [n for n, t in times.items() if t <= CONTENDER * min(times.values())]

    def run(self):
        """The first round measures everybody, the others those that may be the best; what time is left goes to those that were stopped:
        what they had compiled is kept, so a second try comes further."""
        for number in range(1, self.a.rounds + 1):
            for case in self.cases:
                names = self.measured_in(case) if number == 1 else self.contenders(case)
                self.note(number, "vitrine", case, self.vitrine(case))
                for name in names:
                    self.note(number, name, case, self.peer(name, case))
                if number > 1 and self.left() < self.a.limit:
                    return
        for (case, name), outcome in list(self.outcomes.items()):
            if outcome.cell.startswith("> ") and self.left() > self.a.limit:
                self.note(self.a.rounds + 1, "vitrine", case, self.vitrine(case))
                self.note(self.a.rounds + 1, name, case, self.peer(name, case))


def kernels(program, simd):
    """Shares of the peak by kernel: one thread, one image of b0 with 64 and with 224 pixels."""
    environment = dict(os.environ) | ({"VITRINE_SIMD": simd} if simd else {})
    shares = {}
    for size in (64, 224):
        command = [program, "bench", "kernels", "--micro", "--size", str(size), "--batch", "1", "--threads", "1", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        for row in lines_of(done.stdout):
            if "share_of_peak" in row:
                shares.setdefault(row["kernel"], []).append(row["share_of_peak"])
    return shares
