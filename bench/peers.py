#!/usr/bin/env python3
"""Times one EfficientNet case in one peer library, and prints one JSON line. bench/compare calls it; it also runs alone:

  bench/peers.py --list                              the peers whose packages this interpreter has
  bench/peers.py --peer onnxruntime --kind infer --arch b0 --batch 1 --size 224 --threads 1
  bench/peers.py --save-weights b0.pth --arch b0     torchvision's network with random weights

peers: eager, channels_last, compile (PyTorch), onnxruntime, openvino, ncnn, tflite (with XNNPACK)
packages (PyPI): torch torchvision onnx onnxruntime openvino ncnn pnnx; tensorflow-cpu, perhaps in an environment of its own."""
import argparse
import contextlib
import importlib.util
import json
import os
import resource
import sys
import tempfile
import time

NEEDS = {
    "eager": ("torch", "torchvision"),
    "channels_last": ("torch", "torchvision"),
    "compile": ("torch", "torchvision"),
    "onnxruntime": ("torch", "torchvision", "onnx", "onnxruntime"),
    "openvino": ("torch", "torchvision", "onnx", "openvino"),
    "ncnn": ("torch", "torchvision", "ncnn", "pnnx"),
    "tflite": ("tensorflow",),
}
TRAINING = ("eager", "channels_last", "compile")


def available(peer):
    return all(importlib.util.find_spec(package) is not None for package in NEEDS[peer])


def network(arch):
    import torchvision

    return getattr(torchvision.models, f"efficientnet_{arch}")(weights=None)


def torch_inference(a, folder):
    import torch

    x = torch.randn(a.batch, 3, a.size, a.size)
    net = network(a.arch).eval()
    if a.peer != "eager":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if a.peer == "compile":
        net = torch.compile(net)

    def run():
        with torch.inference_mode():
            net(x)

    return run, torch.__version__


def torch_training(a, folder):
    import torch

    net = network(a.arch).train()
    net.classifier[1] = torch.nn.Linear(net.classifier[1].in_features, 2)
    x, y = torch.randn(a.batch, 3, a.size, a.size), torch.randint(0, 2, (a.batch,))
    if a.peer != "eager":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), 1e-4, foreach=True)
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(net) if a.peer == "compile" else net

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss_of(forward(x), y).backward()
        optimizer.step()

    return run, torch.__version__


def exported(a, folder):
    import torch

    path = os.path.join(folder, "net.onnx")
    x = torch.randn(a.batch, 3, a.size, a.size)
    torch.onnx.export(network(a.arch).eval(), x, path, dynamo=False, opset_version=17)
    return path, x.numpy()


def onnxruntime(a, folder):
    import onnxruntime as ort

    path, x = exported(a, folder)
    options = ort.SessionOptions()
    options.intra_op_num_threads = a.threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x}), ort.__version__


def openvino(a, folder):
    import openvino as ov

    path, x = exported(a, folder)
    core = ov.Core()
    hints = {"INFERENCE_NUM_THREADS": a.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(path), "CPU", hints).create_infer_request()
    return lambda: request.infer({0: x}), ov.__version__


def ncnn(a, folder):
    """One image at a time: ncnn has no batches."""
    import ncnn as library
    import numpy as np
    import pnnx
    import torch

    here = os.getcwd()
    os.chdir(folder)
    pnnx.export(network(a.arch).eval(), "net.pt", torch.randn(1, 3, a.size, a.size), fp16=False)
    os.chdir(here)
    net = library.Net()
    net.opt.num_threads = a.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(os.path.join(folder, "net.ncnn.param"))
    net.load_model(os.path.join(folder, "net.ncnn.bin"))
    x = np.random.randn(3, a.size, a.size).astype(np.float32)

    def run():
        for _ in range(a.batch):
            with net.create_extractor() as extractor:
                extractor.input("in0", library.Mat(x))
                extractor.extract("out0")

    return run, library.__version__


def tflite(a, folder):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    shape = (a.size, a.size, 3)
    net = getattr(tf.keras.applications, "EfficientNet" + a.arch.upper())(weights=None, input_shape=shape)
    content = tf.lite.TFLiteConverter.from_keras_model(net).convert()
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=a.threads)
    where = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(where, (a.batch,) + shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(where, np.random.rand(a.batch, *shape).astype(np.float32))
    return interpreter.invoke, tf.__version__


def measured(run, seconds):
    """Three rounds to warm up, then 60 repetitions or as many as fit into `seconds`, at least five: as `vitrine bench`."""
    for _ in range(3):
        run()
    times, end = [], time.monotonic() + seconds
    while len(times) < 5 or (len(times) < 60 and time.monotonic() < end):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    return {"median_ms": times[len(times) // 2], "min_ms": times[0], "repetitions": len(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--save-weights")
    parser.add_argument("--peer", choices=NEEDS)
    parser.add_argument("--kind", choices=("infer", "train"), default="infer")
    parser.add_argument("--arch", default="b0")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6)
    a = parser.parse_args()
    if a.list:
        print(" ".join(peer for peer in NEEDS if available(peer)))
        return
    if a.save_weights:
        import torch

        torch.manual_seed(0)
        torch.save(network(a.arch).state_dict(), a.save_weights)
        return
    if not a.peer:
        parser.error("--peer is missing; --list names those that are installed")
    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    if "torch" in NEEDS[a.peer]:
        import torch

        torch.set_num_threads(a.threads)
        torch.manual_seed(0)
    prepare = {"onnxruntime": onnxruntime, "openvino": openvino, "ncnn": ncnn, "tflite": tflite}.get(a.peer, torch_inference)
    if a.kind == "train":
        if a.peer not in TRAINING:
            parser.error(f"{a.peer} does not train")
        prepare = torch_training
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(sys.stderr):
            run, version = prepare(a, folder)
            result = measured(run, a.seconds * (2 if a.kind == "train" else 1))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    case = {key: getattr(a, key) for key in ("peer", "kind", "arch", "batch", "size", "threads")}
    print(json.dumps(case | {"version": version.split("+")[0], "peak_rss_mib": memory} | result), flush=True)


if __name__ == "__main__":
    main()
