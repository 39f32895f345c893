#!/usr/bin/env python3
"""What scripts/gpu-check measured, as one JSON and one Markdown file.

  gpu_report.py --doctor FILE --training FILE --plans FILE LINES --out FOLDER"""
import argparse
import json
import math
import re
from pathlib import Path


def table(rows):
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body])


def case_of(line):
    return line["kind"], line["batch"], line["size"], line["precision"]


def compared(lines):
    ours = {case_of(x): x for x in lines if x["kind"] in ("train", "infer") and "peer" not in x and x.get("tier") == "run-to-run"}
    peers = {}
    for x in lines:
        if "peer" in x and "median_ms" in x:
            peers.setdefault(case_of(x), {})[x["way"]] = x["median_ms"]
    ways = sorted({way for times in peers.values() for way in times})
    rows = [["case", "Vitrine ms", "images/s", "graph nodes", "device MiB"] + [f"{w} ms" for w in ways] + ["best PyTorch / Vitrine"]]
    for case, x in ours.items():
        times = peers.get(case, {})
        best = min(times.values()) / x["median_ms"] if times else None
        rows.append([f"{case[0]} b0, {case[1]} x {case[2]}, {case[3]}", f"{x['median_ms']:.3f}", f"{x['images_per_s']:.0f}", str(x["graph_nodes"]),
                     f"{x['peak_device_mib']:.0f}"] + [f"{times[w]:.3f}" if w in times else "-" for w in ways] + [f"{best:.2f}" if best else "-"])
    return table(rows)


def depthwise(lines):
    pairs = [x for x in lines if x["kind"] == "depthwise"]
    with_library = [x for x in pairs if x.get("cudnn_us")]
    if not pairs:
        return ""
    rows = [["shape", "part", "own us", "cuDNN us", "cuDNN / own"]]
    for x in pairs:
        library = x.get("cudnn_us")
        rows.append([x["shape"], x["part"], f"{x['own_us']:.1f}", f"{library:.1f}" if library else "-", f"{library / x['own_us']:.2f}" if library else "-"])
    mean = math.exp(sum(math.log(x["cudnn_us"] / x["own_us"]) for x in with_library) / len(with_library)) if with_library else None
    return "## Depthwise convolutions\n\n" + (f"Geometric mean over {len(with_library)}: {mean:.2f}.\n\n" if mean else "") + table(rows) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--doctor", required=True)
    parser.add_argument("--training", required=True)
    parser.add_argument("--plans", required=True)
    parser.add_argument("lines")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    lines = [json.loads(x) for x in Path(args.lines).read_text().splitlines() if x.startswith("{")]
    doctor = Path(args.doctor).read_text()
    curves = [x.split() for x in re.findall(r"^curve (.*)$", Path(args.training).read_text(), re.M)]
    names = [x["device"] for x in lines if "device" in x]
    name = names[0] if names else "unknown"
    checks = [["check", "result"]] + [[f"{x['kind']} {x['name']}", x["status"] + (f", {x['passed']} cases" if "passed" in x else "")]
                                      for x in lines if x["kind"] in ("tests", "sanitizer")]
    failures = [x for x in lines if "failed" in x]
    note = "**A rehearsal on the host: these figures say nothing about a GPU.**\n\n" if name == "cuda-host" else ""
    text = f"# {name}\n\n{note}Written by `scripts/gpu-check`; nothing here is entered by hand. Medians.\n\n```\n{doctor}```\n\n"
    text += "## Checks\n\n" + table(checks) + "\n\n## Against PyTorch\n\n" + compared(lines) + "\n\n"
    text += "".join(f"PyTorch {x['way']} did not run {x['kind']} {x['batch']} x {x['size']} {x['precision']}: {x['failed']}\n\n" for x in failures)
    text += depthwise(lines)
    if curves:
        text += "\n## Training curves\n\nLoss of the same steps on the CPU and on the device, run-to-run tier.\n\n" + table([["step", "CPU", "device"]] + curves) + "\n"
    plans = [x[6:] for x in Path(args.plans).read_text().splitlines() if x.startswith("plan  ")]
    if plans:
        text += "\n## Plans of the libraries\n\nA training step of 16 x 64.\n\n```\n" + "\n".join(plans) + "\n```\n"
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{stem}.md").write_text(text)
    (out / f"{stem}.json").write_text(json.dumps({"device": name, "doctor": doctor.splitlines(), "lines": lines, "curves": curves, "plans": plans}, indent=1) + "\n")
    print(f"{out / stem}.md")


if __name__ == "__main__":
    main()
