#!/usr/bin/env python3
"""What scripts/gpu-check measured, as one JSON and one Markdown file.

  gpu_report.py --device cuda:0 --doctor FILE --training FILE --plans FILE --graphs FILE LINES --out FOLDER"""
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
    ours = {case_of(x): x for x in lines if x["kind"] in ("train", "infer") and "peer" not in x and x.get("tier") == "run-to-run"
            and x.get("kernels", "fastest") == "fastest"}
    peers = {}
    for x in lines:
        if "peer" in x and "median_ms" in x:
            peers.setdefault(case_of(x), {})[x["way"]] = x["median_ms"]
    ways = [w for w in ("eager", "whole graph", "reduce-overhead", "max-autotune") if any(w in times for times in peers.values())]
    rows = [["case", "Vitrine ms", "images/s", "graph nodes", "device MiB"] + [f"{w} ms" for w in ways] + ["eager / Vitrine", "best compiled / Vitrine", "best of all / Vitrine"]]
    for case, x in ours.items():
        times = peers.get(case, {})

        def ratio(of):
            known = [times[w] for w in of if w in times]
            return f"{min(known) / x['median_ms']:.2f}" if known else "-"

        rows.append([f"{case[0]} b0, {case[1]} x {case[2]}, {case[3]}", f"{x['median_ms']:.3f}", f"{x['images_per_s']:.0f}", str(x["graph_nodes"]),
                     f"{x['peak_device_mib']:.0f}"] + [f"{times[w]:.3f}" if w in times else "-" for w in ways]
                    + [ratio(["eager"]), ratio(["reduce-overhead", "max-autotune"]), ratio(ways)])
    return table(rows)


def by_kernels(lines):
    """Training steps by whose kernels computed them."""
    rows = [["case", "kernels", "ms", "graph nodes"]]
    for x in lines:
        if x["kind"] == "kernels":
            rows.append(["train b0", x["kernels"], "refused: a shape without an engine", "-"])
        elif x["kind"] == "train" and "peer" not in x and "kernels" in x and x["precision"] == "fp32" and x["tier"] == "run-to-run":
            rows.append([f"train b0, {x['batch']} x {x['size']}, fp32", x["kernels"], f"{x['median_ms']:.3f}", str(x["graph_nodes"])])
    return f"\n## By whose kernels\n\n{table(rows)}\n" if len(rows) > 1 else ""


def name_of(device, doctor):
    """What the doctor calls a device: a GPU's name."""
    found = re.search(rf"^GPU +{re.escape(device)} +(.*?), compute capability", doctor, re.M)
    return found.group(1) if found else device


def depthwise(lines):
    pairs = list({(x["shape"], x["part"]): x for x in lines if x["kind"] == "depthwise"}.values())  # the last, where measured again
    with_library = [x for x in pairs if x.get("cudnn_us")]
    if not pairs:
        return ""
    rows = [["shape", "part", "own us", "cuDNN us", "cuDNN / own"]]
    for x in pairs:
        library = x.get("cudnn_us")
        rows.append([x["shape"], x["part"], f"{x['own_us']:.1f}", f"{library:.1f}" if library else "-", f"{library / x['own_us']:.2f}" if library else "-"])
    mean = math.exp(sum(math.log(x["cudnn_us"] / x["own_us"]) for x in with_library) / len(with_library)) if with_library else None
    return "## Depthwise convolutions\n\n" + (f"Geometric mean over {len(with_library)}: {mean:.2f}.\n\n" if mean else "") + table(rows) + "\n"


def convolutions(lines):
    ways = (("own", "own_us"), ("cuBLASLt", "cublaslt_us"), ("cuDNN", "cudnn_us"))
    found = list({(x["shape"], x["part"]): x for x in lines if x["kind"] == "convolution"}.values())
    if not found:
        return ""
    rows = [["shape", "part"] + [f"{name} us" for name, _ in ways] + ["fastest"]]
    for x in found:
        had = [(x[key], name) for name, key in ways if x.get(key)]
        rows.append([x["shape"], x["part"]] + [f"{x[key]:.1f}" if x.get(key) else "-" for _, key in ways] + [min(had)[1]])
    counts = ", ".join(f"{name} {sum(row[-1] == name for row in rows[1:])}" for name, _ in ways)
    return f"\n## The other convolutions\n\nFastest: {counts} of {len(rows) - 1}.\n\n" + table(rows) + "\n"


def choices(lines):
    """What --kernels fastest chose for the forms in which training and prediction run them."""
    found = list({x["what"]: x for x in lines if x["kind"] == "choice"}.values())
    if not found:
        return ""
    counts = ", ".join(f"{name} {sum(x['chosen'] == name for x in found)}" for name in ("own", "cublaslt", "cudnn"))
    rows = [["what", "chosen", "us", "of"]] + [[x["what"].removeprefix("kernels of "), x["chosen"], f"{x['us']:.1f}", x["candidates"]] for x in found]
    return f"\n## Chosen by measurement\n\n{counts} of {len(found)}.\n\n{table(rows)}\n"


def graphs(path):
    """What doctor --kernels printed of cuDNN's graphs."""
    lines = [x.strip() for x in Path(path).read_text().splitlines()] if Path(path).exists() else []
    found = [x for x in lines if "deterministic engine" in x or x.startswith("refused:")]
    return "\n## Graphs that cuDNN runs\n\n```\n" + "\n".join(found) + "\n```\n" if found else ""


def shared_by(x):
    return f" and {x['devices'] - 1} more, --reduce {x['reduce']}" if x.get("devices", 1) > 1 else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", required=True)
    parser.add_argument("--doctor", required=True)
    parser.add_argument("--training", required=True)
    parser.add_argument("--plans", required=True)
    parser.add_argument("--graphs", required=True)
    parser.add_argument("lines")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    lines = [json.loads(x) for x in Path(args.lines).read_text().splitlines() if x.startswith("{")]
    doctor = Path(args.doctor).read_text().replace(f"{Path.cwd()}/", "")
    curves = [x.split() for x in re.findall(r"^curve (.*)$", Path(args.training).read_text(), re.M)]
    name = name_of(args.device, doctor)
    checks = [["check", "result"]] + [[f"{x['kind']} {x['name']}", x["status"] + (f", {x['passed']} cases" if "passed" in x else "")]
                                      for x in {x["name"]: x for x in lines if x["kind"] in ("tests", "sanitizer")}.values()]
    failures = list({(case_of(x), x["way"]): x for x in lines if "failed" in x}.values())
    note = "**A rehearsal on the host: these figures say nothing about a GPU.**\n\n" if name == "cuda-host" else ""
    text = f"# {name}\n\n{note}Written by `scripts/gpu-check`; nothing here is entered by hand. Medians.\n\n```\n{doctor}```\n\n"
    text += "".join(x["text"] + "\n\n" for x in lines if x["kind"] == "note")
    text += "## Checks\n\n" + table(checks) + "\n\n## Against PyTorch\n\n" + compared(lines) + "\n\n"
    text += "".join(f"PyTorch {x['way']} did not run {x['kind']} {x['batch']} x {x['size']} {x['precision']}: {x['failed']}\n\n" for x in failures)
    text += depthwise(lines) + convolutions(lines) + choices(lines) + graphs(args.graphs) + by_kernels(lines)
    text += "".join(f"\n## The paper's experiment\n\n{x['patients']} patients, {x['slices']} slices, {x['trainings']} trainings of {x['epochs']} epochs on {x['device']}{shared_by(x)}: {x['seconds']:.1f} s.\n"
                    for x in lines if x["kind"] == "experiment")
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
