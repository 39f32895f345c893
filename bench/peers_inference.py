"""Inference in the peers: `convert` writes the file that a library loads, once; `run_of` gives the function to time.

Files are named after the case and lie in a folder that is kept, so that neither the conversion's time nor its memory is measured."""
import os
import subprocess
import sys
from collections.abc import Mapping

FILES = {"onnxruntime": ".onnx", "openvino": ".onnx", "ncnn": ".ncnn.param", "mnn": ".mnn", "executorch": ".pte", "tflite": ".tflite", "litert": ".tflite"}


def network(arch, classes=1000):
    """torchvision's network with drawn weights; torchvision has no lite networks, timm has."""
    import torch
    import torchvision

    torch.manual_seed(0)
    if arch.startswith("lite"):
        import timm

        return timm.create_model(f"tf_efficientnet_{arch}", pretrained=False, num_classes=classes)
    return getattr(torchvision.models, f"efficientnet_{arch}")(weights=None, num_classes=classes)


def file_of(peer, case, folder):
    batch = 1 if peer == "ncnn" else case.batch  # ncnn has no batches: one image after the other
    return os.path.join(folder, f"{case.arch}_{batch}x{case.size}{FILES[peer]}")


def example(case):
    import torch

    return torch.randn(case.batch, 3, case.size, case.size)


def convert(peer, case, folder):
    """Writes the file of `peer` for `case`, if it is not there."""
    path = file_of(peer, case, folder)
    if not os.path.exists(path):
        makers = {".onnx": to_onnx, ".ncnn.param": to_ncnn, ".mnn": to_mnn, ".pte": to_executorch, ".tflite": to_tflite}
        makers[FILES[peer]](case, path)


def to_onnx(case, path):
    import torch

    torch.onnx.export(network(case.arch).eval(), example(case), path + ".part", dynamo=False, opset_version=17)
    os.rename(path + ".part", path)


def to_ncnn(case, path):
    import pnnx
    import torch

    name = os.path.basename(path).removesuffix(".ncnn.param")
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    pnnx.export(network(case.arch).eval(), name + ".pt", torch.randn(1, 3, case.size, case.size), fp16=False)
    os.chdir(here)


def to_mnn(case, path):
    onnx = path.removesuffix(".mnn") + ".onnx"
    if not os.path.exists(onnx):
        to_onnx(case, onnx)
    code = "import sys; from MNN.tools import mnnconvert; sys.argv[0] = 'mnnconvert'; mnnconvert.main()"
    words = ["-f", "ONNX", "--modelFile", onnx, "--MNNModel", path + ".part", "--bizCode", "vitrine"]
    subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=sys.stderr)
    os.rename(path + ".part", path)


def to_executorch(case, path):
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(network(case.arch).eval(), (example(case),))
    content = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch().buffer
    with open(path + ".part", "wb") as file:
        file.write(content)
    os.rename(path + ".part", path)


def to_tflite(case, path):
    import tensorflow as tf

    if case.arch == "lite0":
        import peers_keras

        net = peers_keras.lite0(case.size)
    else:
        net = getattr(tf.keras.applications, "EfficientNet" + case.arch.upper())(weights=None, input_shape=(case.size, case.size, 3))
    with open(path + ".part", "wb") as file:
        file.write(tf.lite.TFLiteConverter.from_keras_model(net).convert())
    os.rename(path + ".part", path)


def torch_run(case, folder):
    import torch

    x, net = example(case), network(case.arch).eval()
    torch.set_num_threads(case.threads)
    if case.peer != "eager":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if case.peer == "compile":
        import torch._inductor.config

        torch._inductor.config.freezing = True  # the documented setting for inference: weights become constants
        net = torch.compile(net)

    def run():
        with torch.inference_mode():
            return net(x)

    return run, torch.__version__


def drawn(*shape):
    import numpy as np

    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def onnxruntime_run(case, folder):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(file_of("onnxruntime", case, folder), options, providers=["CPUExecutionProvider"])
    name, x = session.get_inputs()[0].name, drawn(case.batch, 3, case.size, case.size)
    return lambda: session.run(None, {name: x}), ort.__version__


def openvino_run(case, folder):
    import openvino as ov

    core = ov.Core()
    hints = {"INFERENCE_NUM_THREADS": case.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(file_of("openvino", case, folder)), "CPU", hints).create_infer_request()
    x = drawn(case.batch, 3, case.size, case.size)
    return lambda: request.infer({0: x}), ov.__version__.split("-")[0]


def ncnn_run(case, folder):
    import ncnn as library

    path = file_of("ncnn", case, folder)
    net = library.Net()
    net.opt.num_threads = case.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    if net.load_param(path) != 0 or net.load_model(path.removesuffix(".param") + ".bin") != 0:
        raise RuntimeError(f"ncnn does not read {path}")
    x = drawn(3, case.size, case.size)

    def run():
        for _ in range(case.batch):
            with net.create_extractor() as extractor:
                extractor.input("in0", library.Mat(x))
                output = extractor.extract("out0")[1]
        return output

    return run, library.__version__


def mnn_run(case, folder):
    import MNN

    settings = {"backend": "CPU", "precision": "high", "numThread": case.threads, "power": "high", "memory": "normal"}
    manager = MNN.nn.create_runtime_manager((settings,))
    net = MNN.nn.load_module_from_file(file_of("mnn", case, folder), [], [], runtime_manager=manager)
    x = MNN.expr.const(drawn(case.batch, 3, case.size, case.size), [case.batch, 3, case.size, case.size], MNN.expr.NCHW)

    return lambda: net.forward(x).read(), MNN.version()


def executorch_run(case, folder):
    import importlib.metadata

    import torch
    from executorch.extension.pybindings import portable_lib

    torch.set_num_threads(case.threads)
    portable_lib._unsafe_reset_threadpool(case.threads)
    method = portable_lib._load_for_executorch(file_of("executorch", case, folder))
    x = (torch.from_numpy(drawn(case.batch, 3, case.size, case.size)),)
    return lambda: method.forward(x), importlib.metadata.version("executorch")


def lite_run(case, folder):
    """The interpreter of TensorFlow or of LiteRT, both with XNNPACK."""
    if case.peer == "tflite":
        import tensorflow as tf

        interpreter_type, version = tf.lite.Interpreter, tf.__version__
    else:
        import importlib.metadata

        from ai_edge_litert.interpreter import Interpreter as interpreter_type

        version = importlib.metadata.version("ai-edge-litert")
    interpreter = interpreter_type(model_path=file_of(case.peer, case, folder), num_threads=case.threads)
    where = interpreter.get_input_details()[0]["index"]
    shape = (case.batch, case.size, case.size, 3)
    interpreter.resize_tensor_input(where, shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(where, drawn(*shape))
    output = interpreter.get_output_details()[0]["index"]

    def run():
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return run, version


def check(output, case):
    """Refuses an answer that is not a logit for each class of each image: some libraries go on without a word where a network was not read."""
    import numpy as np

    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        output = output[0]
    values = np.array(output).reshape(-1)
    expected = 1000 * (1 if case.peer == "ncnn" else case.batch)
    if values.size != expected or not np.isfinite(values).all() or values.std() == 0:
        raise RuntimeError(f"{case.peer} answered {values.size} values, {expected} different and finite ones were expected")


def run_of(case, folder):
    """(function to time, version)"""
    makers = {"onnxruntime": onnxruntime_run, "openvino": openvino_run, "ncnn": ncnn_run, "mnn": mnn_run, "executorch": executorch_run,
              "tflite": lite_run, "litert": lite_run}
    return makers.get(case.peer, torch_run)(case, folder)
