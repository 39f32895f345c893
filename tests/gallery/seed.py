#!/usr/bin/env python3
"""Makes copies of sources with the faults of faults.json in them, switched by tests/gallery/seeded_fault.h.

  seed.py ROOT OUT     writes the copies below OUT, where they have changed; prints the files to compile, one a line
  seed.py ROOT         checks only that every fault has its place in the sources

A fault's `find` occurs exactly once in its `file`; `replace` stands for it, where seeded_fault(N) is 1 while the fault is switched on. A header
is seen by the copies alone: `units` names the files to compile that have the fault by it."""
import json
import os
import sys

INCLUDE = '#include "tests/gallery/seeded_fault.h"\n'


def faults_of(root):
    with open(os.path.join(root, "tests/gallery/faults.json"), encoding="utf-8") as file:
        faults = json.load(file)
    if [fault["number"] for fault in faults] != list(range(1, len(faults) + 1)):
        sys.exit("faults.json: the numbers are not 1, 2, ... in order")
    if len({fault["id"] for fault in faults}) != len(faults):
        sys.exit("faults.json: an id occurs twice")
    return faults


def seeded(text, name, faults):
    """The text with all its faults; exits where one has no place or two overlap."""
    places = []
    for fault in faults:
        if text.count(fault["find"]) != 1:
            sys.exit(f"{name}: the text of {fault['id']} occurs {text.count(fault['find'])} times, 1 was expected: the source has changed; "
                     "say anew what the fault replaces")
        if "seeded_fault(N)" not in fault["replace"]:
            sys.exit(f"{fault['id']}: its replacement has no seeded_fault(N): it could not be switched off")
        begin = text.index(fault["find"])
        places.append((begin, begin + len(fault["find"]), fault))
    places.sort(key=lambda place: place[0])
    out, at = [], 0
    for begin, end, fault in places:
        if begin < at:
            sys.exit(f"{name}: {fault['id']} and the fault before it overlap")
        out += [text[at:begin], fault["replace"].replace("seeded_fault(N)", f"seeded_fault({fault['number']})")]
        at = end
    return INCLUDE + "".join(out) + text[at:]


def main():
    root = sys.argv[1]
    faults = faults_of(root)
    compiled = set()
    for name in sorted({fault["file"] for fault in faults}):
        mine = [fault for fault in faults if fault["file"] == name]
        with open(os.path.join(root, name), encoding="utf-8") as file:
            text = seeded(file.read(), name, mine)
        for fault in mine:
            compiled.update(fault.get("units", []))
        if name.endswith(".cpp"):
            compiled.add(name)
        if len(sys.argv) < 3:
            continue
        path = os.path.join(sys.argv[2], name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    print("\n".join(sorted(compiled)))


if __name__ == "__main__":
    main()
