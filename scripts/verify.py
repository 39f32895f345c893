#!/usr/bin/env python3
"""Checks the audit of a run without Vitrine: place, manifest, chain, trace and lineage (docs/audit-format.md).
  scripts/verify.py RUN                 or RUN/audit/fold_0, or a study
Standard library only. Exit code 0: everything holds; 3: the first thing that does not, in one sentence."""
import hashlib, json, os, struct, sys

TABLE = list(range(256))
for _ in range(8): TABLE = [(entry >> 1) ^ (0x82F63B78 if entry & 1 else 0) for entry in TABLE]
HASHES = ["images", "targets", "logits", "gradients", "weights", "buffers", "moments"]

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data: crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF

def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20): digest.update(piece)
    return digest.hexdigest()

def refuse(sentence):
    sys.exit(print(f"verify: {sentence}", file=sys.stderr) or 3)

def blocks(path, seal, listed):
    """(step, number of blocks, bytes, seal) after each block of the trace. A manifest covers all bytes: CRCs are not compared again."""
    data, at, number = open(path, "rb").read(), 8, 0
    while at < len(data):
        len(data) - at >= 68 or refuse(f"{path}: ends within block {number}, at byte {at}")
        magic, _kind, found, step, _count, size = struct.unpack_from("<4sIQQII", data, at)
        body, tail = data[at:at + 32 + size], data[at + 32 + size:at + 68 + size]
        if magic != b"VTRB" or found != number or len(tail) < 36 or not (listed or struct.unpack("<I", tail[:4])[0] == crc32c(body)):
            refuse(f"{path}: block {number} at byte {at} is damaged")
        seal = hashlib.sha256(bytes.fromhex(seal) + body).hexdigest()
        tail[4:].hex() == seal or refuse(f"{path}: block {number} at byte {at} does not follow the one before")
        at, number = at + 68 + size, number + 1
        yield step, number, at, seal

def check_place(folder, whole, identity, listed):
    """It lies where its run.json says, in the run whose options it names, and the fold's tables are those that fold.json names."""
    run = os.path.dirname(os.path.dirname(whole))
    fold = os.path.join(run, f"fold_{identity['fold']}")
    if os.path.basename(whole) != os.path.basename(fold) + ("_refit" if identity["part"] == "whole" else ""):
        refuse(f"{folder}: its run.json is that of {os.path.basename(fold)}; audits were swapped, copied or renamed")
    config, last = os.path.join(run, "config.json"), os.path.join(fold, "fold.json")
    if os.path.exists(config) and hashlib.sha256(open(config, "rb").read() + b"fold %d" % identity["fold"]).hexdigest() != identity["key"]:
        refuse(f"{folder}: is the audit of a training with other options or data than {config} names")
    done = json.load(open(last)) if os.path.exists(last) else {"key": identity["key"], "files": {}}
    if done["key"] != identity["key"] or not listed and done["files"]:
        refuse(f"{folder}: its fold is finished, by another training or with a MANIFEST.json that is not here any more")
    for name, told in done["files"].items():
        sha256_of(os.path.join(fold, name)) == told or refuse(f"{os.path.join(fold, name)}: is not the file that fold.json names")

def check_fold(folder):
    whole, path = os.path.abspath(folder), lambda *names: os.path.join(os.path.abspath(folder), *names)
    identity, listed = json.load(open(path("run.json"))), os.path.exists(path("MANIFEST.json"))
    repr(identity["format"]) == "1" or refuse(f"{path('run.json')}: is not of format 1")
    if os.path.basename(os.path.dirname(whole)) == "audit" and "part" in identity: check_place(folder, whole, identity, listed)
    if listed:
        files = json.load(open(path("MANIFEST.json")))["files"]
        for entry in files:
            place = path(entry["path"])
            if not os.path.exists(place) or os.path.getsize(place) != entry["bytes"] or sha256_of(place) != entry["sha256"]:
                refuse(f"{place}: is missing or not the file that the manifest names")
        for name in sorted(set(os.listdir(folder)) - {entry["path"] for entry in files} - {"MANIFEST.json"}):
            refuse(f"{path(name)}: is not in the manifest")
    lines = open(path("steps.jsonl"), "rb").read().splitlines(keepends=True)  # first: of a run that goes on the others have more
    open(path("trace.vtr"), "rb").read(8) == b"VTRACE01" or refuse(f"{path('trace.vtr')}: is no trace of format 01")
    prev = sha256_of(path("run.json"))
    head, trace, lineage = (0, 8, prev), blocks(path("trace.vtr"), prev, listed), open(path("lineage.jsonl"), "rb")
    pending = next(lineage, None)
    for number, line in enumerate(lines):
        where = f"{path('steps.jsonl')}: step {number} (line {number + 1})"
        body, told = line[:-73], line[-67:-3].decode()
        if not line.endswith(b'"}\n') or line[-73:-67] != b',"h":"' or hashlib.sha256(body).hexdigest() != told:
            refuse(f"{where} was not finished or is not what it was when its hash was taken")
        follows, prev, step = body.endswith(f'"prev":"{prev}"'.encode()), told, json.loads(line)
        if not follows or step["step"] != number or any(len(step[name]) != 32 for name in HASHES): refuse(f"{where} breaks the chain")
        while head[0] < step["blocks"]:
            head = (next(trace, None) or refuse(f"{path('trace.vtr')}: ends before step {number}"))[1:]
        mine = hashlib.sha256()
        while pending is not None and pending.startswith(b'{"step":%d,' % number):
            mine.update(pending)
            pending = next(lineage, None)
        if head != (step["blocks"], step["bytes"], step["trace"]) or mine.hexdigest() != step["lineage"]:
            refuse(f"{where} does not fit the trace or the lines of the lineage")
    if listed and (pending is not None or next(trace, None) is not None):
        refuse(f"{folder}: trace or lineage goes on behind the chain's last step; a line of the chain is missing")
    print(f"{folder}: {len(lines)} steps, {head[0]} blocks hold{'' if listed else ', not finished'}; head {prev}")

given = folder = sys.argv[1] if len(sys.argv) == 2 and not sys.argv[1].startswith("-") else sys.exit(__doc__)
try:
    study = os.path.join(given, "runs")
    for run in [os.path.join(study, name) for name in sorted(os.listdir(study)) if os.path.isdir(os.path.join(study, name))] if os.path.isdir(study) else [given]:
        audits = sorted(n for n in os.listdir(os.path.join(run, "audit")) if n.startswith("fold_")) if os.path.isdir(os.path.join(run, "audit")) else []
        for name in (name for name in os.listdir(run) if (audits or run != given) and os.path.exists(os.path.join(run, name, "fold.json"))):
            name in audits or refuse(f"{os.path.join(run, name)}: is finished and has no audit")
        for folder in [os.path.join(run, "audit", name) for name in audits] or [run] * (run == given): check_fold(folder)
except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
    refuse(f"{folder}: a file is missing or not of the format: {error}")
