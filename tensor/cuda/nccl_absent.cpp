// tensor/cuda/communicator.h in a build without CUDA.
#include "base/error.h"
#include "tensor/cuda/communicator.h"

namespace vitrine::cuda {

std::vector<std::unique_ptr<Communicator>> nccl_communicators(const std::vector<Device>&) {
  throw InternalError("NCCL was asked for in a build without CUDA");
}

}  // namespace vitrine::cuda
