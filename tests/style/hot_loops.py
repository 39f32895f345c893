#!/usr/bin/env python3
"""The inner loops of the micro-kernels keep their vectors in registers: fails when one of them is kept on the stack.

  hot_loops.py BUILD_FOLDER [--list]   reads the object files of the kernels with objdump, those of x86-64 or of 64-bit ARM;
                                       --list: what every hot loop consists of, most multiply-adds first

A compiler that leaves one loop over an array of accumulators not unrolled keeps the array on the stack, and the kernel then runs at
less than half its speed with all results right: only the instructions show it. A hot loop is an innermost loop with at least eight
packed float32 multiply-adds and no division: loops that divide are activations, whose time is not in their loads."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

KERNELS = ("blocks/mbconv_folded_cpu", "blocks/mbconv_fused_pointwise_cpu", "blocks/mbconv_fused_depthwise_cpu", "blocks/mbconv_fused_depthwise_gradient_cpu", "conv2d_cpu", "linear_cpu")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
LEAST = 8


class X86:
    sets, objdump = ("avx512", "avx2"), "objdump"
    jump = re.compile(r"^j[a-z]+$")
    multiply_add = re.compile(r"^vfn?m(add|sub)\d+ps ")
    division = re.compile(r"^vdivps ")
    stack = re.compile(r"\(%rsp[,)]|-0x[0-9a-f]+\(%rbp\)")
    vector = re.compile(r"%[yz]mm")
    load = re.compile(r"^v?mov[a-z0-9]* .*\),%|^vbroadcastss .*\),%")
    store = re.compile(r"^v?mov[a-z0-9]* .*,[^,]*\)$")


class Arm:
    # Compiled to NEON; the other sets' objects are copies of it that no processor chooses.
    sets, objdump = ("scalar",), shutil.which("aarch64-linux-gnu-objdump") or "objdump"
    jump = re.compile(r"^(b|b\.[a-z]+|cbn?z|tbn?z)$")
    multiply_add = re.compile(r"^fml[as] v\d+\.4s")
    division = re.compile(r"^fdiv v")
    stack = re.compile(r"\[(sp|x29)[,\]]")
    vector = re.compile(r"\bq\d+|\bv\d+\.")
    load = re.compile(r"^ld")
    store = re.compile(r"^st")


def machine_of(object_file):
    if object_file is None:
        return X86
    with open(object_file, "rb") as f:
        return Arm if f.read(20)[18] == 0xB7 else X86  # e_machine: EM_AARCH64


def functions(machine, object_file):
    """name -> [(address, mnemonic, operands)]"""
    command = [machine.objdump, "-d", "--no-show-raw-insn", "-C", str(object_file)]
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


def target_of(operands):
    """The address at the end of a jump's operands, before the <name>; -1: none."""
    found = re.search(r"(?:^|,\s*)([0-9a-f]+)(?:\s+<.*)?$", operands)
    return int(found.group(1), 16) if found else -1


def innermost_loops(machine, body):
    index = {address: i for i, (address, _, _) in enumerate(body)}
    loops = []
    for i, (address, mnemonic, operands) in enumerate(body):
        if machine.jump.match(mnemonic):
            target = target_of(operands)
            if target in index and target < address:
                loops.append((index[target], i))
    return [(a, b) for a, b in loops if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in loops)]


def hot_loops(machine, object_file):
    """(name of the function, instructions as "mnemonic operands")"""
    for name, body in functions(machine, object_file):
        for first, last in innermost_loops(machine, body):
            loop = [f"{mnemonic} {operands}" for _, mnemonic, operands in body[first : last + 1]]
            multiply_adds = sum(1 for i in loop if machine.multiply_add.match(i))
            if multiply_adds >= LEAST and not any(machine.division.match(i) for i in loop):
                yield name, loop


def check(folder):
    failures, hot = [], []
    objects = Path(folder) / "layers/CMakeFiles"
    machine = machine_of(next(objects.glob("vitrine_layers_*.dir/linear_cpu.cpp.o"), None))
    for isa in machine.sets:
        for kernel in KERNELS:
            file = objects / f"vitrine_layers_{isa}.dir/{kernel}.cpp.o"
            if not file.exists():
                failures.append(f"{kernel} for {isa}: no object file below {folder}")
                continue
            for name, loop in hot_loops(machine, file):
                hot.append((machine, kernel, isa, name, loop))
                spills = [i for i in loop if machine.stack.search(i) and machine.vector.search(i)]
                if spills:
                    failures.append(f"{kernel} for {isa}: {name[:100]}: {len(spills)} times, first {spills[0]}")
    return hot, failures


def show(hot):
    print(f"{'FMA':>5}{'loads':>7}{'stores':>7}{'all':>5}  function")
    rows = set()
    for machine, kernel, isa, name, loop in hot:
        kinds = [sum(1 for i in loop if kind.match(i)) for kind in (machine.multiply_add, machine.load, machine.store)]
        rows.add((*kinds, len(loop), f"{isa} {kernel}: {name[:110]}"))
    for row in sorted(rows, reverse=True):
        print("{:5}{:7}{:7}{:5}  {}".format(*row))


def main():
    hot, failures = check(sys.argv[1])
    if "--list" in sys.argv:
        show(hot)
    for failure in failures:
        print(failure)
    print(f"{len(hot)} hot loops, {len(failures)} of them keep vectors on the stack")
    if len(hot) < 20:
        print("fewer than 20 hot loops were found: the search does not fit these object files any more")
    raise SystemExit(1 if failures or len(hot) < 20 else 0)


if __name__ == "__main__":
    main()
