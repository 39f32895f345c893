// NCCL's functions, ncclAllGather as nccl().AllGather. Only files that are built with CUDA include this.
#pragma once

#include <nccl.h>

#include "tensor/cuda/library.h"

namespace vitrine::cuda {

struct Nccl {
  decltype(&::ncclAllGather) AllGather = nullptr;
  decltype(&::ncclAllReduce) AllReduce = nullptr;
  decltype(&::ncclCommAbort) CommAbort = nullptr;
  decltype(&::ncclCommDestroy) CommDestroy = nullptr;
  decltype(&::ncclCommInitAll) CommInitAll = nullptr;
  decltype(&::ncclGetErrorString) GetErrorString = nullptr;
  decltype(&::ncclGetVersion) GetVersion = nullptr;
};

// Loads the library at the first call.
inline const Nccl& nccl() {
  static const Nccl functions = [] {
    const SharedLibrary library("libnccl.so.2", VITRINE_NCCL);
    Nccl f;
    library.find(f.AllGather, "ncclAllGather");
    library.find(f.AllReduce, "ncclAllReduce");
    library.find(f.CommAbort, "ncclCommAbort");
    library.find(f.CommDestroy, "ncclCommDestroy");
    library.find(f.CommInitAll, "ncclCommInitAll");
    library.find(f.GetErrorString, "ncclGetErrorString");
    library.find(f.GetVersion, "ncclGetVersion");
    return f;
  }();
  return functions;
}

}  // namespace vitrine::cuda
