#!/usr/bin/env python3
"""Times one EfficientNet case in one peer library, and prints one JSON line. bench/compare calls it; it also runs alone:

  bench/peers.py --list                              the peers whose packages this interpreter has
  bench/peers.py --convert FOLDER --peer mnn ...     only writes the file that the library loads
  bench/peers.py --peer mnn --folder FOLDER --kind infer --arch b0 --batch 1 --size 224 --threads 1
  bench/peers.py --save-weights b0.pth --arch b0     torchvision's network with drawn weights

bench/peer_list.py says which peers there are and what they need; `bench/compare --setup FOLDER` installs them. The line 'started' comes once
the first run is through: all that a library does before its first result, imports and compilation included, lies before it."""
import argparse
import contextlib
import importlib.util
import json
import os
import resource
import sys
import tempfile
import time

import peers_inference
import peers_training
from peer_list import PEERS


def available(peer):
    return all(importlib.util.find_spec(module) is not None for module in PEERS[peer].needs)


def measured(run, seconds, until):
    """Three rounds to warm up, then 60 repetitions or as many as fit into `seconds`, at least five: as `vitrine bench`. A run so slow
    that this would go on past `until` stops there, with one repetition at least."""
    for _ in range(2):
        if time.monotonic() < until:
            run()
    times, end = [], time.monotonic() + seconds
    while not times or (time.monotonic() < until and (len(times) < 5 or (len(times) < 60 and time.monotonic() < end))):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    return {"median_ms": times[len(times) // 2], "min_ms": times[0], "repetitions": len(times)}


def keep_to(threads):
    """Libraries that ask the system how many processors there are find `threads`."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def timed(a):
    begun = time.monotonic()
    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    keep_to(a.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = a.folder or scratch
        with contextlib.redirect_stdout(sys.stderr):
            if a.kind == "infer" and a.peer in peers_inference.FILES:
                peers_inference.convert(a.peer, a, folder)
            run, version = peers_training.step_of(a) if a.kind == "train" else peers_inference.run_of(a, folder)
            output = run()
            if a.kind == "infer":
                peers_inference.check(output, a)
        print(json.dumps({"started": time.monotonic() - begun}), flush=True)
        with contextlib.redirect_stdout(sys.stderr):
            result = measured(run, a.seconds * (2 if a.kind == "train" else 1), begun + a.until)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    case = {key: getattr(a, key) for key in ("peer", "kind", "arch", "batch", "size", "threads")}
    return case | {"version": version.split("+")[0], "peak_rss_mib": memory} | result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--convert", metavar="FOLDER")
    parser.add_argument("--save-weights", metavar="FILE")
    parser.add_argument("--folder", help="where converted networks lie; without it they are made anew")
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--kind", choices=("infer", "train"), default="infer")
    parser.add_argument("--arch", default="b0")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6, help="to measure for, twice that in training")
    parser.add_argument("--until", type=float, default=1e9, help="seconds from the start after which no repetition begins")
    a = parser.parse_args()
    if a.list:
        print(" ".join(peer for peer in PEERS if available(peer)))
        return
    if a.save_weights:
        import torch

        torch.save(peers_inference.network(a.arch).state_dict(), a.save_weights)
        return
    if not a.peer:
        parser.error("--peer is missing; --list names those that are installed")
    if a.kind not in PEERS[a.peer].kinds:
        parser.error(f"{a.peer} is not measured in '{a.kind}'")
    if a.convert:
        if a.peer in peers_inference.FILES:
            os.makedirs(a.convert, exist_ok=True)
            peers_inference.convert(a.peer, a, os.path.abspath(a.convert))
        return
    print(json.dumps(timed(a)), flush=True)


if __name__ == "__main__":
    main()
