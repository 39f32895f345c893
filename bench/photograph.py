#!/usr/bin/env python3
"""One photograph from the start of a process to its class, PNG in and class out: `vitrine predict` against the same in ONNX Runtime and PyTorch.

bench/compare calls it; in an environment of its peers it also runs alone:
  bench/photograph.py --classify onnxruntime --network b0_1x224.onnx --image photo.png
  bench/photograph.py --classify torch --network b0.pth --image photo.png
  bench/photograph.py --installed torch,torchvision      MiB of these packages and of those that they ask for"""
import argparse
import os
import random
import re
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve()
PACKAGES = {"onnxruntime": "onnxruntime,numpy,pillow", "torch": "torch,torchvision,pillow"}
C_LIBRARY = ("ld-linux", "libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so")


def write_png(path, width=500, height=375):
    """A drawn photograph: two gradients, a disc and a sensor's noise."""
    draw = random.Random(7)
    lines = []
    for y in range(height):
        noise = draw.randbytes(3 * width)
        line = bytearray(1 + 3 * width)
        for x in range(width):
            inside = (x - 260) ** 2 + (y - 180) ** 2 < 110**2
            for c, value in enumerate((200 - y // 3, 60 + x // 4, 190 if inside else 70)):
                line[1 + 3 * x + c] = value + noise[3 * x + c] % 9
        lines.append(bytes(line))
    chunks = b""
    for name, data in ((b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def classify_torch(network, image):
    import torch
    import torchvision
    from PIL import Image

    net = torchvision.models.efficientnet_b0(weights=None)
    net.load_state_dict(torch.load(network, weights_only=True))
    transform = torchvision.models.EfficientNet_B0_Weights.IMAGENET1K_V1.transforms()
    with torch.inference_mode():
        return int(net.eval()(transform(Image.open(image).convert("RGB")).unsqueeze(0)).argmax())


def classify_onnxruntime(network, image):
    import numpy as np
    import onnxruntime as ort
    from PIL import Image

    picture = Image.open(image).convert("RGB")
    scale = 256 / min(picture.size)
    width, height = (int(side * scale) for side in picture.size)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    picture = picture.resize((width, height), Image.BICUBIC).crop((left, top, left + 224, top + 224))
    x = (np.asarray(picture, np.float32) / 255 - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    session = ort.InferenceSession(network, providers=["CPUExecutionProvider"])
    return int(session.run(None, {session.get_inputs()[0].name: x.transpose(2, 0, 1)[None].copy()})[0].argmax())


def packages_of(names):
    """The distributions `names` and all that they ask for without extras."""
    import importlib.metadata as metadata

    from packaging.requirements import Requirement

    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # asked for on another system
        wanted = [Requirement(text) for text in found[name].requires or []]
        for w in wanted:
            extras = list(w.extras) or [""]
            if w.marker is None or w.marker.evaluate({"extra": ""}):
                waiting.append(w.name)
                waiting += extra_packages(w.name, extras)
    return found


def extra_packages(name, extras):
    """What a requirement such as cuda-toolkit[cublas] brings beside the package itself."""
    import importlib.metadata as metadata

    from packaging.requirements import Requirement

    try:
        texts = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:
        return []
    return [r.name for r in map(Requirement, texts) if r.marker and any(e and r.marker.evaluate({"extra": e}) for e in extras)]


def installed(names):
    """(MiB, MiB of CUDA's packages among them)"""
    sizes = {}
    for name, distribution in packages_of(names).items():
        paths = {os.path.realpath(f.locate()) for f in distribution.files or []}
        sizes[name] = sum(os.path.getsize(p) for p in paths if os.path.isfile(p)) / 2**20
    cuda = sum(size for name, size in sizes.items() if name.startswith(("nvidia-", "cuda-", "triton")))
    return sum(sizes.values()), cuda


def program_size(program):
    """MiB of a program and of the shared libraries that it loads, without the C library."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"=> (/\S+)", listed)
    paths = {os.path.realpath(p) for p in libraries if not os.path.basename(p).startswith(C_LIBRARY)} | {os.path.realpath(program)}
    return sum(os.path.getsize(p) for p in paths) / 2**20


def least_of(command, environment, runs):
    """(least milliseconds, peak MiB, what it printed) of whole processes"""
    times, peak, out = [], 0, ""
    for _ in range(runs):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        times.append(1e3 * (time.perf_counter() - start))
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"photograph: {' '.join(map(str, command))} failed with exit code {process.returncode}")
        peak = max(peak, used.ru_maxrss / 1024)
    return min(times), peak, out


def prepared(program, python, folder):
    """The photograph and b0 in the three forms, of the same drawn weights."""
    files = {"image": "photo.png", "torch": "b0.pth", "onnxruntime": "b0_1x224.onnx", "vitrine": "b0.safetensors"}
    files = {key: os.path.join(folder, name) for key, name in files.items()}
    peers = [python, str(HERE.parent / "peers.py")]
    steps = {"torch": [*peers, "--save-weights", files["torch"]],
             "onnxruntime": [*peers, "--convert", folder, "--peer", "onnxruntime", "--batch", "1", "--size", "224"],
             "vitrine": [program, "weights", "convert", files["torch"], "-o", files["vitrine"]]}
    if not os.path.exists(files["image"]):
        write_png(files["image"])
    for key, command in steps.items():
        if not os.path.exists(files[key]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return files


def compared(program, python, folder, environment, simd, runs=10):
    """Rows of (library, milliseconds, peak MiB, installed MiB, CUDA's MiB among them); all must name the same class."""
    files = prepared(program, python, folder)
    own = dict(os.environ) | ({"VITRINE_SIMD": simd} if simd else {})
    ms, mib, out = least_of([program, "predict", "--weights", files["vitrine"], "--images", files["image"], "--top", "1", "-o", "-"], own, runs)
    classes = {"vitrine predict": int(out.splitlines()[1].split(",")[2])}
    rows = [("`vitrine predict`", ms, mib, program_size(program), 0)]
    for name, title in (("onnxruntime", "ONNX Runtime in Python"), ("torch", "PyTorch with torchvision")):
        command = [python, str(HERE), "--classify", name, "--network", files[name], "--image", files["image"]]
        ms, mib, out = least_of(command, environment, runs)
        classes[title] = int(out)
        sizes = subprocess.run([python, str(HERE), "--installed", PACKAGES[name]], capture_output=True, text=True, check=True).stdout.split()
        rows.append((title, ms, mib, float(sizes[0]), float(sizes[1])))
    if len(set(classes.values())) != 1:
        raise RuntimeError(f"photograph: the libraries name different classes of the photograph: {classes}")
    return rows


def table(rows, heading):
    text = [f"On {heading}; `bench/compare` wrote it. A PNG of 500 × 375 pixels in, its class by b0 out, imports and reading the network included:",
            "the least of ten processes, the peak of resident memory, and what is installed for it without Python and the C library.", "",
            "| | ms | peak MiB | installed MiB |", "|---|---|---|---|"]
    for title, ms, mib, size, cuda in rows:
        apart = f" ({size - cuda:.0f} without the CUDA packages that pip brings)" if cuda > 1 else ""
        text.append(f"| {title} | {ms:.0f} | {mib:.0f} | {size:.0f}{apart} |")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classify", choices=PACKAGES)
    parser.add_argument("--network")
    parser.add_argument("--image")
    parser.add_argument("--installed")
    a = parser.parse_args()
    if a.installed:
        print(*installed(a.installed.split(",")))
    elif a.classify and a.network and a.image:
        print((classify_torch if a.classify == "torch" else classify_onnxruntime)(a.network, a.image))
    else:
        parser.error("--classify with --network and --image, or --installed")


if __name__ == "__main__":
    sys.exit(main())
