// cuBLASLt's functions, cublasLtMatmul as blas().Matmul. Only files that are built with CUDA include this.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include "base/error.h"
#include "tensor/cuda/library.h"

namespace vitrine::cuda {

struct Blas {
  decltype(&::cublasLtCreate) Create = nullptr;
  decltype(&::cublasLtGetStatusString) GetStatusString = nullptr;
  decltype(&::cublasLtGetVersion) GetVersion = nullptr;
  decltype(&::cublasLtMatmul) Matmul = nullptr;
  decltype(&::cublasLtMatmulAlgoCheck) MatmulAlgoCheck = nullptr;
  decltype(&::cublasLtMatmulAlgoGetHeuristic) MatmulAlgoGetHeuristic = nullptr;
  decltype(&::cublasLtMatmulDescCreate) MatmulDescCreate = nullptr;
  decltype(&::cublasLtMatmulDescDestroy) MatmulDescDestroy = nullptr;
  decltype(&::cublasLtMatmulDescSetAttribute) MatmulDescSetAttribute = nullptr;
  decltype(&::cublasLtMatmulPreferenceCreate) MatmulPreferenceCreate = nullptr;
  decltype(&::cublasLtMatmulPreferenceDestroy) MatmulPreferenceDestroy = nullptr;
  decltype(&::cublasLtMatmulPreferenceSetAttribute) MatmulPreferenceSetAttribute = nullptr;
  decltype(&::cublasLtMatrixLayoutCreate) MatrixLayoutCreate = nullptr;
  decltype(&::cublasLtMatrixLayoutDestroy) MatrixLayoutDestroy = nullptr;
};

// Loads the library at the first call.
inline const Blas& blas() {
  static const Blas functions = [] {
    const SharedLibrary library(text("libcublasLt.so.", CUDART_VERSION / 1000), VITRINE_CUBLASLT);
    Blas f;
    library.find(f.Create, "cublasLtCreate");
    library.find(f.GetStatusString, "cublasLtGetStatusString");
    library.find(f.GetVersion, "cublasLtGetVersion");
    library.find(f.Matmul, "cublasLtMatmul");
    library.find(f.MatmulAlgoCheck, "cublasLtMatmulAlgoCheck");
    library.find(f.MatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic");
    library.find(f.MatmulDescCreate, "cublasLtMatmulDescCreate");
    library.find(f.MatmulDescDestroy, "cublasLtMatmulDescDestroy");
    library.find(f.MatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute");
    library.find(f.MatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate");
    library.find(f.MatmulPreferenceDestroy, "cublasLtMatmulPreferenceDestroy");
    library.find(f.MatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute");
    library.find(f.MatrixLayoutCreate, "cublasLtMatrixLayoutCreate");
    library.find(f.MatrixLayoutDestroy, "cublasLtMatrixLayoutDestroy");
    return f;
  }();
  return functions;
}

}  // namespace vitrine::cuda
