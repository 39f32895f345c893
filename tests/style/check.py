#!/usr/bin/env python3
"""The rules of the source tree that a compiler does not know. usage: check.py RULE   (without RULE: all of them)

Each finding is one line: file:line, what is wrong, what to do. The exit code is 1 when there is a finding.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CODE = (".h", ".cpp", ".cu")
OP_FILES = ("{}.h", "{}_reference.h", "{}.cpp", "{}_cpu.cpp", "{}_cuda.cu")
SECTIONS = ["Forward", "Backward", "Shapes", "Saved", "Numerics", "Requires", "Differs", "Reference"]


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if out.returncode != 0:  # not a checkout: take what lies there
        return [os.path.relpath(os.path.join(d, f), ROOT) for d, _, fs in os.walk(ROOT) if "/build" not in d for f in fs]
    return [f for f in out.stdout.decode().split("\0") if f and os.path.exists(os.path.join(ROOT, f))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


FILES = tracked()
SOURCES = [f for f in FILES if f.endswith(CODE)]


def folder_of(path, allowed):
    parts = path.split("/")
    two = "/".join(parts[:2])
    return two if two in allowed else parts[0]


def includes():
    """Which folder may include which."""
    allowed = {}
    for line in read("tests/style/layers.txt").splitlines():
        if line and not line.startswith("#"):
            name, others = line.split(":")
            allowed[name] = set(others.split()) | {name}
    for path in SOURCES:
        if path.startswith(("tests/", "bench/", "examples/")):  # examples see the public headers alone: tests/library
            continue
        me = folder_of(path, allowed)
        if me not in allowed:
            yield path, 1, f"the folder '{me}' is not in tests/style/layers.txt; add a line that says what it may include"
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            found = re.match(r'#include "([^"]+)"', line)
            if found and folder_of(found.group(1), allowed) not in allowed[me]:
                yield path, number, f"{me} may not include {found.group(1)}; see tests/style/layers.txt"


def op_lists():
    """The names of ops, of composed blocks, and of functions of one value."""
    text = read("layers/CMakeLists.txt")
    ops, blocks = (re.search(rf"set\({lst}\s+([^)]*)\)", text).group(1).split() for lst in ("VITRINE_OPS", "VITRINE_BLOCKS"))
    unary = re.search(r"enum class Unary \{(.*?)\}", read("layers/unary.h"), re.S).group(1).replace(",", " ").split()
    return ops, blocks, unary


def siblings():
    """Every op has its six files, every block its three, and no reference is without a test."""
    ops, blocks, unary = op_lists()
    have = set(FILES)
    for room, names, patterns in (("", ops, OP_FILES), ("", unary, ("{}.h", "{}_reference.h")), ("blocks/", blocks, ("{}.h", "{}.cpp"))):
        for name in names:
            for file in [f"layers/{room}" + pattern.format(name) for pattern in patterns] + [f"tests/layers/{room}{name}_test.cpp"]:
                if file not in have:
                    yield "layers/CMakeLists.txt", 1, f"{name} lacks its sibling {file}"
    for path in FILES:
        found = re.fullmatch(r"layers/(?:\w+/)?(\w+)_reference\.h", path)
        if found and (found.group(1) not in ops + unary or path.count("/") > 1):
            yield path, 1, "a reference whose op is not in the list of layers/CMakeLists.txt"


def tests_listed():
    """A file of tests that no CMakeLists.txt compiles passes for ever. Those of ops and blocks follow from the lists of ops."""
    lists = "\n".join(read(p) for p in tracked() if p.startswith("tests/") and p.endswith("CMakeLists.txt"))
    for path in tracked():
        name = path.rsplit("/", 1)[-1]
        if not (path.startswith("tests/") and name.endswith("_test.cpp")) or path.startswith("tests/layers/"):
            continue
        if name not in lists:
            yield path, 1, "no CMakeLists.txt of tests/ names this file, so its tests do not run"


def sections():
    """An op's header starts with one line of purpose and the fixed sections in order."""
    ops, blocks, unary = op_lists()
    for path in [f"layers/{name}.h" for name in ops + unary] + [f"layers/blocks/{name}.h" for name in blocks]:
        lines = read(path).splitlines()
        if not lines[0].startswith("// ") or lines[1] != "//":
            yield path, 1, "the first line is one sentence of purpose, then a line of //"
        found = [m.group(1) for line in lines for m in [re.match(r"// ([A-Z][a-z]+) {2,}\S", line)] if m]
        if found != SECTIONS:
            yield path, 3, f"the header sections are {found}, expected {SECTIONS} in this order"


def lengths():
    """Files and functions stay short enough to be read at once."""
    for path in SOURCES:
        lines = read(path).splitlines()
        limit = 600 if path.startswith("tests/") else 400
        if len(lines) > limit:
            yield path, limit, f"the file has {len(lines)} lines, at most {limit}; split it by idea"
        if path.startswith("tests/"):
            continue
        start = None
        for number, line in enumerate(lines, 1):
            # Functions start at the margin, or one step in for members; their closing brace stands alone below them.
            if start is None and re.match(r"( {2})?\S.*\)[^;]*\{$", line) and not re.match(r"\s*(namespace|struct|class|enum|extern|if|for|while|switch)\b", line):
                start, indent = number, len(line) - len(line.lstrip())
            elif start is not None and re.match(rf" {{{indent}}}\}}", line):
                if number - start > 60:
                    yield path, start, f"the function has {number - start + 1} lines, at most 60; give its parts names"
                start = None


def flags():
    """No flag that changes arithmetic, no build for one machine only."""
    bad = re.compile(r"-Ofast|-ffast-math|-funsafe-math|-fassociative-math|use_fast_math|-march=native")
    for path in FILES:
        if path.endswith((".md", "check.py")) or path.startswith(("docs/", "tests/golden/")):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if bad.search(line):
                yield path, number, "a compiler flag that changes arithmetic or ties the build to one machine"


def macros():
    """Function-like macros live in tests only; random numbers come from tensor/philox.h only."""
    for path in SOURCES:
        for number, line in enumerate(read(path).splitlines(), 1):
            if re.match(r"\s*#\s*define\s+\w+\(", line) and not path.startswith("tests/"):
                yield path, number, "a function-like macro; write a function"
            if re.match(r"\s*#include <(random|regex)>", line):
                yield path, number, "draws come from tensor/philox.h, patterns from explicit tables"


def nulls():
    """A Json becomes an object or an array where it is made: nlohmann-json, out of memory while a null turns into one, destroys what is not there."""
    for path in SOURCES:
        for number, line in enumerate(read(path).splitlines(), 1):
            if re.match(r"\s*(static )?Json \w+(;|\{\};)", line):
                yield path, number, "a Json that begins as null; begin with Json::object() or Json::array()"


def device_lambdas():
    """A device lambda in a header stands in a template: nvcc numbers them by file, and an inline function that two files share would
    call through the other file's number."""
    for path in SOURCES:
        if not path.endswith(".h"):
            continue
        template = heading = False
        for number, line in enumerate(read(path).splitlines(), 1):
            if re.match(r"[a-z]", line):  # at the margin: a template's heading, or what a heading belongs to
                template, heading = heading, line.startswith("template")
            if re.search(r"\] VITRINE_HD\(", line) and not (template or heading):
                yield path, number, "a device lambda in a function that is no template; define the function in a .cu file"


def words():
    """No marks of unfinished work, no paths of one machine."""
    mark = re.compile(r"\b(TODO|FIXME|XXX|HACK|placeholder|not implemented)\b", re.I)
    home = re.compile(r"(^|[^\w.])/(home|root|work|farm)/")
    for path in FILES:
        if not path.endswith(CODE + (".py", ".sh", ".txt", ".cmake", ".md")) or path.endswith("check.py") or path in ("LICENSE", "nn/efficientnet/imagenet_classes.txt") or path.startswith("tests/golden/"):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if mark.search(line):
                yield path, number, "a mark of unfinished work; finish it or leave it out"
            if home.search(line):
                yield path, number, "an absolute path of one machine"


# Words that were given up because they had two meanings (docs/design.md, section 12), and where they may stand for what they say in plain English.
RETIRED = {
    r"\bcpu::": "kernels::",
    r"\bFusedNorm\b": "NormOnLoad",
    r"\bFusedShape\b": "MBConvShape",
    r"\bFusedGradient\b": "WeightGradientTarget",
    r"\bboth::|_both\b|/both\.h": "host_device",
    r"\bSeriesPlan\b|\bStepPlan\b": "SeriesProtocol, StepDraws",
    r"\b[Ww]ide (tensor|x|z1|part)": "expanded",
    r"\bfold_of\b|efficientnet/fold\.h": "bn_folding",
    r"\bfused_(gate|mbconv|norm|pointwise|depthwise)(_c[pu][ud]a?)?\.(h|cpp|cu)\b": "the block's name first: mbconv_fused.h",
    r"layers/mode\.h": "layers/pass.h",
}


def retired():
    """No word that was given up for another."""
    for path in FILES:
        if not path.endswith(CODE + (".py", ".md")) or path.endswith("check.py") or path in ("docs/design.md", "CHANGELOG.md"):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            for word, better in RETIRED.items():
                if re.search(word, line):
                    yield path, number, f"the word '{re.search(word, line).group(0)}' was given up: {better}"


def formatting():
    """clang-format has nothing to change."""
    from concurrent.futures import ThreadPoolExecutor
    try:
        version = subprocess.run(["clang-format", "--version"], capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        version = ""
    if "version 14." not in version:  # other versions break some lines elsewhere
        print("clang-format 14 is not installed; formatting was not checked")
        sys.exit(77)

    def off(path):
        out = subprocess.run(["clang-format", "--dry-run", "--Werror", path], cwd=ROOT, capture_output=True)
        return path if out.returncode != 0 else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in filter(None, pool.map(off, SOURCES)):
            yield path, 1, "the formatting differs; run scripts/format"


RULES = {f.__name__: f for f in (includes, siblings, tests_listed, sections, lengths, flags, macros, nulls, device_lambdas, words, retired, formatting)}


def main():
    names = sys.argv[1:] or list(RULES)
    count = 0
    for name in names:
        for path, line, what in RULES[name]():
            print(f"{path}:{line}: {what}")
            count += 1
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
