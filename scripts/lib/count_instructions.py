"""Counts the instructions of 64-bit ARM programs under qemu-user; for scripts/check-neon --count.

  count_instructions.py PROGRAM [--functions]       --functions: what each function of a case has of its instructions

PROGRAM is linked statically, calls begin_counting() and end_counting() around each case, and prints one line a case: name, multiply-adds,
elements, and the part of a function's name that alone is counted. qemu writes every block of instructions when it translates it and a line
whenever it executes it (-d in_asm,exec,nochain): executions times the block's instructions are exact counts, the same in every run. Loads and stores are
counted by their registers: a pair is two. ld1r: loads that fill all lanes, which take a slot of the arithmetic units on many processors.
stack: loads and stores of vectors kept on the stack."""
import collections
import re
import subprocess
import sys

EMULATOR = ["qemu-aarch64-static", "-d", "in_asm,exec,nochain"]
INSTRUCTION = re.compile(rb"^(0x[0-9a-f]+):\s+[0-9a-f]{8}\s+(\S+)\s*(.*)$")
MULTIPLY_ADD = re.compile(rb"^fn?m(la|ls|add|sub)$")
REGISTER = re.compile(rb"\b[bhsdqvwx]\d+|\b[wx]zr")
VECTOR = re.compile(rb"\b(q\d+|v\d+\.)")
KINDS = ("instructions", "FMA", "loads", "ld1r", "stores", "stack")


class Trace:
    """What a log says: the instructions of every block, and for every case how often each block ran."""

    def __init__(self, log):
        self.blocks = {}  # address of the first instruction -> [(mnemonic, operands)]
        self.cases = []  # {line of the log: executions}
        counts, last, block = None, None, None
        for line in log:
            if line.startswith(b"Trace "):
                if line.endswith(b" end_counting\n"):
                    counts = None
                elif line.endswith(b" begin_counting\n"):
                    counts = collections.defaultdict(int)
                    self.cases.append(counts)
                elif counts is not None:
                    counts[line] += 1
                    last = line
            elif line.startswith(b"IN:"):
                block = []
            elif line.startswith(b"0x") and block is not None:
                found = INSTRUCTION.match(line)
                if not block:
                    address = int(found.group(1), 16)
                block.append((found.group(2), found.group(3)))
            elif line == b"\n" and block:
                if self.blocks.setdefault(address, block) != block:
                    raise SystemExit(f"two translations of the block at {address:#x} differ: its executions cannot be told apart")
                block = None
            elif line.startswith(b"Stopped execution") and counts is not None and last:
                counts[last] -= 1

    def functions(self, case):
        """name -> Counter of KINDS"""
        result = collections.defaultdict(collections.Counter)
        for line, executions in self.cases[case].items():
            place, _, name = line.partition(b"] ")
            kinds = kinds_of(self.blocks[int(place.split(b"/")[1], 16)])
            for kind, number in kinds.items():
                result[name.strip().decode()][kind] += number * executions
        return result


def kinds_of(block):
    kinds = collections.Counter(instructions=len(block))
    for mnemonic, operands in block:
        kinds["FMA"] += bool(MULTIPLY_ADD.match(mnemonic))
        kinds["ld1r"] += mnemonic == b"ld1r"
        if mnemonic[:2] in (b"ld", b"st"):
            registers = len(REGISTER.findall(operands.partition(b"[")[0]))
            kinds["loads" if mnemonic.startswith(b"ld") else "stores"] += registers
            kinds["stack"] += registers if b"[sp" in operands and VECTOR.search(operands) else 0
    return kinds


def readable(names):
    return subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()


def main():
    program = sys.argv[1]
    with subprocess.Popen([*EMULATOR, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        trace = Trace(run.stderr)
        cases = [line.split("\t") for line in run.stdout.read().decode().splitlines()]
    if run.returncode != 0 or len(cases) != len(trace.cases) or not cases:
        raise SystemExit(f"{program} ended with {run.returncode}; {len(trace.cases)} cases were counted and {len(cases)} printed")
    print(f"{'each for four multiply-adds, or four elements (*)':<52}" + "".join(f"{kind:>14}" for kind in KINDS))
    for case, (name, multiply_adds, elements, only) in enumerate(cases):
        work = float(multiply_adds) or float(elements)
        functions = {f: kinds for f, kinds in trace.functions(case).items() if only in f}
        total = sum(functions.values(), collections.Counter())
        title = name + (" *" if multiply_adds == "0" else "")
        print(f"{title:<52}" + "".join(f"{4 * total[kind] / work:14.3f}" for kind in KINDS))
        if "--functions" in sys.argv:
            first = sorted(functions, key=lambda f: -functions[f]["instructions"])[:6]
            for f, shown in zip(first, readable(first)):
                print(f"    {shown[-90:]:<92}{4 * functions[f]['instructions'] / work:14.3f}")


if __name__ == "__main__":
    main()
