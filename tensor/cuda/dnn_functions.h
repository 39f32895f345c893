// cuDNN's functions, cudnnCreate as dnn().Create. Only files that are built with CUDA include this.
#pragma once

#include <cudnn.h>

#include "base/error.h"
#include "tensor/cuda/library.h"

namespace vitrine::cuda {

struct Dnn {
  decltype(&::cudnnBackendCreateDescriptor) BackendCreateDescriptor = nullptr;
  decltype(&::cudnnBackendDestroyDescriptor) BackendDestroyDescriptor = nullptr;
  decltype(&::cudnnBackendExecute) BackendExecute = nullptr;
  decltype(&::cudnnBackendFinalize) BackendFinalize = nullptr;
  decltype(&::cudnnBackendGetAttribute) BackendGetAttribute = nullptr;
  decltype(&::cudnnBackendSetAttribute) BackendSetAttribute = nullptr;
  decltype(&::cudnnCreate) Create = nullptr;
  decltype(&::cudnnGetErrorString) GetErrorString = nullptr;
  decltype(&::cudnnGetVersion) GetVersion = nullptr;
  decltype(&::cudnnSetStream) SetStream = nullptr;
};

// Loads the library at the first call.
inline const Dnn& dnn() {
  static const Dnn functions = [] {
    const SharedLibrary library("libcudnn.so.9", VITRINE_CUDNN);
    Dnn f;
    library.find(f.BackendCreateDescriptor, "cudnnBackendCreateDescriptor");
    library.find(f.BackendDestroyDescriptor, "cudnnBackendDestroyDescriptor");
    library.find(f.BackendExecute, "cudnnBackendExecute");
    library.find(f.BackendFinalize, "cudnnBackendFinalize");
    library.find(f.BackendGetAttribute, "cudnnBackendGetAttribute");
    library.find(f.BackendSetAttribute, "cudnnBackendSetAttribute");
    library.find(f.Create, "cudnnCreate");
    library.find(f.GetErrorString, "cudnnGetErrorString");
    library.find(f.GetVersion, "cudnnGetVersion");
    library.find(f.SetStream, "cudnnSetStream");
    if (const std::size_t version = f.GetVersion(); version < 90000)  // 9.1.2 is 90102, 8.9.7 was 8907
      throw Error(
          ExitCode::runtime,
          text("cuDNN ", version / 1000, ".", version % 1000 / 100, ".", version % 100,
               " is too old: its graphs are used from version 9 on; install cuDNN 9, or choose --kernels own or cublaslt"));
    return f;
  }();
  return functions;
}

}  // namespace vitrine::cuda
