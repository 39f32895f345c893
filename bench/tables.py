"""docs/benchmarks.md: a section for each family of processors. A run replaces its own family's and leaves the others."""
import os
import re
import tempfile
from pathlib import Path

from cases import best_peer, ratio, share
from peer_list import PEERS

HEAD = """# Benchmarks

A section for each family of processors and the instruction set that Vitrine used; `bench/compare` writes it and leaves the others as they are:

```
bench/compare --setup build/peers     # builds Vitrine, installs the other libraries by pip, lets them convert and compile the networks
bench/compare build/peers             # measures: 25 minutes at most; exit code 1 when a bound is missed
```

Least time of one step in milliseconds, each library in a process of its own, one after the other in every round. *Ratio*: the fastest other library's
time over Vitrine's; *must*: what it has to reach. *Share of the peak*: twice the multiply-adds (six times in training) over Vitrine's time and over the
rate of multiply-adds in registers. Training is forward, cross-entropy, backward and Adam. ncnn works on one image at a time, its batches are loops.
"""


def number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def cell(outcome, key, show, restricted):
    if outcome is None:
        return ""
    if not outcome.row:
        return outcome.cell
    return f"({show(outcome.row[key])})" if restricted else show(outcome.row[key])


def grid(cases, outcomes, peers, unswitched, key, show):
    """A row for each library, a column for each case."""
    text = [row(["", *(c.title for c in cases)]), "|" + "---|" * (len(cases) + 1)]
    text += [row(["**Vitrine**", *(f"**{cell(outcomes.get((c, 'vitrine')), key, show, False)}**" for c in cases)])]
    for name in peers:
        if any(c.kind in PEERS[name].kinds for c in cases):
            text += [row([PEERS[name].title, *(cell(outcomes.get((c, name)), key, show, name in unswitched) for c in cases)])]
    return text


def verdicts(cases, outcomes, counted):
    ratios, bounds, parts = [], [], []
    for case in cases:
        value, own = ratio(case, outcomes, counted), outcomes[(case, "vitrine")].row
        ratios.append(f"{value:.2f} ({PEERS[best_peer(case, outcomes, counted)[0]].title})" if value else "")
        bounds.append(str(case.must))
        parts.append(f"{100 * share(own):.0f} %" + (f" (must {100 * case.share:.0f} %)" if case.share else "") if own else "")
    return [row(["ratio", *ratios]), row(["must", *bounds]), row(["share of the peak", *parts])]


def not_measured(outcomes, absent):
    rows = [(PEERS[name].title, "all", reason) for name, reason in absent.items()]
    rows += [(PEERS[n].title if n in PEERS else "Vitrine", c.name, o.reason) for (c, n), o in outcomes.items() if not o.row]
    if not rows:
        return []
    cells = [row([part.replace("|", "\\|") for part in r]) for r in rows]
    return ["### Not measured", "", row(["library", "case", "why"]), "|---|---|---|", *cells]


def preamble(m, counted, unswitched, version):
    rows = [o.row for o in m.outcomes.values() if o.row]
    peaks = {r["threads"]: r["peak_gflops"] for r in rows if "peak_gflops" in r}
    versions = {n: o.row["version"] for (_, n), o in m.outcomes.items() if o.row and n != "vitrine"}
    text = [f"{version}, {os.cpu_count()} processors; multiply-adds in registers: "
            + ", ".join(f"{peaks[t]:.0f} GFLOP/s on {t} thread{'s' if t > 1 else ''}" for t in sorted(peaks)) + ".",
            "Beside it: " + ", ".join(f"{PEERS[n].title} {v}" for n, v in versions.items()) + "."]
    if unswitched:
        text += ["Kept to AVX2 by their documented switches: " + (", ".join(PEERS[n].title for n in counted) or "none") + ". In brackets, and not counted: "
                 + ", ".join(PEERS[n].title for n in unswitched) + " (uses AVX-512: no switch)."]
    return text


def section(m, counted, unswitched, absent, extra):
    """The lines under a family's heading. extra: version, kernels (shares by name), photograph (lines)"""
    text = preamble(m, counted, unswitched, extra["version"])
    for kind, title in (("infer", "Inference"), ("train", "Training")):
        cases = [c for c in m.cases if c.kind == kind]
        if cases:
            text += ["", f"### {title}", "", *grid(cases, m.outcomes, m.peers, unswitched, "min_ms", number), *verdicts(cases, m.outcomes, counted)]
    text += ["", "### Memory", "", "Peak of the whole process's resident memory, MiB. Networks were converted before, in other processes.", ""]
    for kind in ("infer", "train"):
        cases = [c for c in m.cases if c.kind == kind]
        if cases:
            text += [*grid(cases, m.outcomes, m.peers, [], "peak_rss_mib", lambda v: f"{v:.0f}"), ""]
    if extra["kernels"]:
        text += ["### Kernels", "", "One thread, one image of 64 and of 224 pixels, b0 (`vitrine bench kernels`): share of the peak over all layers' shapes.", "",
                 row(["kernel", "least", "median", "most"]), "|---|---|---|---|"]
        for name, values in extra["kernels"].items():
            values = sorted(values)
            text += [row([name, *(f"{100 * v:.0f} %" for v in (values[0], values[len(values) // 2], values[-1]))])]
        text += [""]
    if extra["photograph"]:
        text += ["### A photograph, from the start of the process", "", *extra["photograph"], ""]
    return text + not_measured(m.outcomes, absent)


def with_section(document, heading, lines):
    """The document with the section under `## heading` replaced, or added at the end; all others are kept byte by byte."""
    parts = re.split(r"^(?=## )", document, flags=re.M) if document else []
    kept = [p for p in parts if p.startswith("## ")]
    new = f"## {heading}\n\n" + "\n".join(lines).strip() + "\n"
    where = [i for i, p in enumerate(kept) if p.splitlines()[0] == f"## {heading}"]
    if where:
        kept[where[0]] = new + ("\n" if where[0] + 1 < len(kept) else "")
    else:
        kept = [p.rstrip("\n") + "\n\n" if i + 1 == len(kept) else p for i, p in enumerate(kept)] + [new]
    return HEAD + "\n" + "".join(kept)


def between_markers(document, name, lines):
    """The document with what stands between <!-- name:begin --> and <!-- name:end --> replaced."""
    pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.S)
    if not pattern.search(document):
        raise SystemExit(f"compare: there are no markers <!-- {name}:begin --> and <!-- {name}:end --> to write between")
    return pattern.sub(lambda found: found.group(1) + "\n".join(lines) + "\n" + found.group(2), document, count=1)


def write(path, text):
    """All of it or nothing."""
    path = Path(path)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name + ".tmp-", encoding="utf-8", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
