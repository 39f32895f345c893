#!/usr/bin/env python3
"""The inner loops of the micro-kernels keep their vectors in registers: fails when one of them is kept on the stack.

  hot_loops.py BUILD_FOLDER          reads the object files of the kernels with objdump

A compiler that leaves one loop over an array of accumulators not unrolled keeps the array on the stack, and the kernel then runs at
less than half its speed with all results right: only the instructions show it. A hot loop is an innermost loop with at least eight
packed float32 multiply-adds and no division: loops that divide are activations, whose time is not in their loads."""
import re
import subprocess
import sys
from pathlib import Path

KERNELS = ("blocks/mbconv_folded_cpu", "blocks/mbconv_fused_pointwise_cpu", "blocks/mbconv_fused_depthwise_cpu", "blocks/mbconv_fused_depthwise_gradient_cpu", "conv2d_cpu", "linear_cpu")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
JUMP = re.compile(r"^j[a-z]+$")
MULTIPLY_ADD = re.compile(r"^vfn?m(add|sub)\d+ps$")
STACK = re.compile(r"\(%rsp[,)]|-0x[0-9a-f]+\(%rbp\)")
VECTOR = re.compile(r"%[yz]mm")
LEAST = 8


def functions(object_file):
    """name -> [(address, mnemonic, operands)]"""
    command = ["objdump", "-d", "--no-show-raw-insn", "-C", str(object_file)]
    name, body = None, []
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        start = FUNCTION.match(line)
        if start:
            if name:
                yield name, body
            name, body = start.group(1), []
            continue
        found = LINE.match(line)
        if found and name:
            body.append((int(found.group(1), 16), found.group(2), found.group(3)))
    if name:
        yield name, body


def innermost_loops(body):
    index = {address: i for i, (address, _, _) in enumerate(body)}
    loops = []
    for i, (address, mnemonic, operands) in enumerate(body):
        if JUMP.match(mnemonic):
            target = int(operands.split()[0], 16) if re.match(r"^[0-9a-f]+\b", operands) else -1
            if target in index and target < address:
                loops.append((index[target], i))
    return [(a, b) for a, b in loops if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in loops)]


def check(folder):
    failures, hot = [], 0
    for isa in ("avx512", "avx2"):
        for kernel in KERNELS:
            files = list(Path(folder).glob(f"layers/CMakeFiles/vitrine_layers_{isa}.dir/{kernel}.cpp.o"))
            if not files:
                failures.append(f"{kernel} for {isa}: no object file below {folder}")
                continue
            for name, body in functions(files[0]):
                for first, last in innermost_loops(body):
                    loop = body[first : last + 1]
                    mnemonics = [mnemonic for _, mnemonic, _ in loop]
                    if sum(1 for m in mnemonics if MULTIPLY_ADD.match(m)) < LEAST or "vdivps" in mnemonics:
                        continue
                    hot += 1
                    spills = [f"{mnemonic} {operands}" for _, mnemonic, operands in loop if STACK.search(operands) and VECTOR.search(operands)]
                    if spills:
                        failures.append(f"{kernel} for {isa}: {name[:100]}: {len(spills)} times, first {spills[0]}")
    return hot, failures


def main():
    hot, failures = check(sys.argv[1])
    for failure in failures:
        print(failure)
    print(f"{hot} hot loops, {len(failures)} of them keep vectors on the stack")
    if hot < 20:
        print("fewer than 20 hot loops were found: the search does not fit these object files any more")
    raise SystemExit(1 if failures or hot < 20 else 0)


if __name__ == "__main__":
    main()
