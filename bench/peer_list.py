"""The libraries that bench/compare measures Vitrine against: their packages, their environments and their switches."""
import os
from dataclasses import dataclass, field

# What `bench/compare --setup FOLDER` installs by pip, each row in an environment of its own: TensorFlow and PyTorch ask for packages that clash.
ENVIRONMENTS = {
    "torch": "torch torchvision timm onnx onnxscript onnxruntime openvino ncnn pnnx MNN executorch tinygrad".split(),
    "tensorflow": "tensorflow-cpu ai-edge-litert jax keras".split(),
}
ONEDNN_AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclass(frozen=True)
class Peer:
    title: str
    needs: tuple  # modules
    distributions: tuple  # packages that it takes to run it
    environment: str = "torch"
    kinds: tuple = ("infer",)
    avx2: dict | None = None  # documented variables that keep it to AVX2; None: it has none that works
    variables: dict = field(default_factory=dict)


BOTH = ("infer", "train")
PEERS = {
    "eager": Peer("PyTorch", ("torch", "torchvision", "timm"), ("torch", "torchvision"), kinds=BOTH, avx2=ONEDNN_AVX2),
    "channels_last": Peer("PyTorch channels_last", ("torch", "torchvision", "timm"), ("torch", "torchvision"), kinds=BOTH, avx2=ONEDNN_AVX2),
    "compile": Peer("torch.compile", ("torch", "torchvision", "timm"), ("torch", "torchvision"), kinds=BOTH, avx2=ONEDNN_AVX2),
    "onnxruntime": Peer("ONNX Runtime", ("onnxruntime",), ("onnxruntime",)),
    "openvino": Peer("OpenVINO", ("openvino",), ("openvino",), avx2={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "ncnn": Peer("ncnn", ("ncnn",), ("ncnn",)),
    "mnn": Peer("MNN", ("MNN",), ("MNN",)),
    "executorch": Peer("ExecuTorch (XNNPACK)", ("executorch",), ("executorch",)),
    "tflite": Peer("TensorFlow Lite", ("tensorflow",), ("tensorflow-cpu",), "tensorflow", variables={"TF_CPP_MIN_LOG_LEVEL": "3"}),
    "litert": Peer("LiteRT", ("ai_edge_litert",), ("ai-edge-litert",), "tensorflow"),
    "jax": Peer("JAX jit (Keras)", ("jax", "keras"), ("jax", "keras"), "tensorflow", ("train",), {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
                {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}),
    "tinygrad": Peer("tinygrad", ("tinygrad",), ("tinygrad",), kinds=("train",), avx2={"DEV": "CPU::x86_64,x86-64-v3"},
                     variables={"DEV": "CPU"}),
}


def environment_of(peer, threads, avx2, cache):
    """The variables under which a peer is run: its own, nothing that slows its linear algebra, and compiled kernels kept in `cache`."""
    variables = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    variables |= {"OMP_NUM_THREADS": str(threads), "NUM_CPU_THREADS": str(threads), "NPROC": str(threads)}
    kept = os.path.join(cache, "avx2" if avx2 else "own")
    os.makedirs(kept, exist_ok=True)
    variables |= {"TORCHINDUCTOR_CACHE_DIR": os.path.join(kept, "inductor"), "JAX_COMPILATION_CACHE_DIR": os.path.join(kept, "jax"),
                  "CACHEDB": os.path.join(kept, "tinygrad.db")}
    return variables | PEERS[peer].variables | ((PEERS[peer].avx2 or {}) if avx2 else {})
