// The functions of cuBLASLt, cuDNN and NCCL that the program calls, for a device that is not there (tests/stand_in/device.h).
#include <cublasLt.h>
#include <cudnn.h>
#include <nccl.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "tests/stand_in/device.h"

using namespace vitrine::stand_in;

namespace {

constexpr std::uint64_t kMark = 7;  // in the first word of every algorithm that is proposed

struct Layout {
  std::uint64_t rows, columns;
  std::int64_t leading;
  std::size_t bytes;  // of an element
};

struct Descriptor {
  std::map<int, std::vector<char>> attributes;
};

template <class T>
T made() {
  return static_cast<T>(std::calloc(1, 8));
}

std::size_t size_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    case CUDNN_TYPE_BOOLEAN: return 1;
    default: return 4;
  }
}

// What the program promised of a matrix, and cuBLASLt would read or write.
void check_matrix(const void* memory, cublasLtMatrixLayout_t layout, const char* which) {
  const auto* const l = reinterpret_cast<const Layout*>(layout);
  const auto leading = static_cast<std::uint64_t>(l->leading);
  if (leading < l->rows) broken("the leading dimension holds a column", which);
  if (reinterpret_cast<std::uintptr_t>(memory) % 16 != 0) broken("a matrix starts at a multiple of 16 bytes", which);
  if (!holds(memory, ((l->columns - 1) * leading + l->rows) * l->bytes)) broken("a matrix lies on the device", which);
}

}  // namespace

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = made<cublasLtHandle_t>();
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasLtGetStatusString(cublasStatus_t) { return "a status"; }
std::size_t cublasLtGetVersion() { return 130000; }
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t, const void*, const void* a, cublasLtMatrixLayout_t of_a,
                              const void* b, cublasLtMatrixLayout_t of_b, const void*, const void*, cublasLtMatrixLayout_t,
                              void* d, cublasLtMatrixLayout_t of_d, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t bytes, cudaStream_t stream) {
  check_matrix(a, of_a, "cublasLtMatmul, a");
  check_matrix(b, of_b, "cublasLtMatmul, b");
  check_matrix(d, of_d, "cublasLtMatmul, d");
  if (algorithm->data[0] != kMark) broken("an algorithm was proposed or checked", "cublasLtMatmul");
  if (bytes > 0 && !holds(workspace, bytes)) broken("a workspace lies on the device", "cublasLtMatmul");
  enqueue(stream, "cublasLtMatmul");
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t* algorithm,
                                       cublasLtMatmulHeuristicResult_t* result) {
  *result = {};
  result->algo = *algorithm;
  result->workspaceSize = 4096;
  return algorithm->data[0] == kMark ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int most, cublasLtMatmulHeuristicResult_t* results,
                                              int* count) {
  *count = std::min(most, 3);
  for (int i = 0; i < *count; ++i) {
    results[i] = {};
    results[i].algo.data[0] = kMark;
    results[i].algo.data[1] = static_cast<std::uint64_t>(i);
    results[i].workspaceSize = 4096;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* made_one, cublasComputeType_t, cudaDataType_t) {
  *made_one = made<cublasLtMatmulDesc_t>();
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t one) {
  std::free(one);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t, cublasLtMatmulDescAttributes_t, const void*, std::size_t) {
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* made_one) {
  *made_one = made<cublasLtMatmulPreference_t>();
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t one) {
  std::free(one);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t,
                                                    const void*, std::size_t) {
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{rows, columns, leading, type == CUDA_R_16BF ? 2u : 4u});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete reinterpret_cast<Layout*>(layout);
  return CUBLAS_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t, cudnnBackendDescriptor_t* descriptor) {
  *descriptor = reinterpret_cast<cudnnBackendDescriptor_t>(new Descriptor);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete reinterpret_cast<Descriptor*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t) { return CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
  const auto* const first = static_cast<const char*>(values);
  reinterpret_cast<Descriptor*>(descriptor)
      ->attributes[name]
      .assign(first, first + static_cast<std::size_t>(count) * size_of(type));
  return CUDNN_STATUS_SUCCESS;
}
// Two engines without notes, each with a workspace of 1,024 bytes.
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t,
                                       std::int64_t most, std::int64_t* count, void* values) {
  const std::pair<cudnnBackendAttributeName_t, std::int64_t> numbers[] = {{CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1024},
                                                                          {CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 5}};
  *count = name == CUDNN_ATTR_ENGINEHEUR_RESULTS      ? std::min<std::int64_t>(most, 2)
           : name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE ? 0
                                                      : 1;
  for (const auto& [attribute, value] : numbers) {
    if (name == attribute) std::memcpy(values, &value, sizeof value);
  }
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t, cudnnBackendDescriptor_t pack) {
  const std::vector<char>& memory = reinterpret_cast<Descriptor*>(pack)->attributes[CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS];
  for (std::size_t i = 0; i < memory.size(); i += sizeof(void*)) {
    void* tensor = nullptr;
    std::memcpy(&tensor, &memory[i], sizeof tensor);
    if (!holds(tensor, sizeof(float))) broken("a tensor lies on the device", "cudnnBackendExecute");
    if (reinterpret_cast<std::uintptr_t>(tensor) % 16 != 0)
      broken("a tensor starts at a multiple of 16 bytes", "cudnnBackendExecute");
  }
  void* stream = nullptr;
  std::memcpy(&stream, handle, sizeof stream);
  enqueue(stream, "cudnnBackendExecute");
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = made<cudnnHandle_t>();
  return CUDNN_STATUS_SUCCESS;
}
const char* cudnnGetErrorString(cudnnStatus_t) { return "a status"; }
std::size_t cudnnGetVersion() {
  const char* const other = std::getenv("STAND_IN_CUDNN");
  return other != nullptr ? static_cast<std::size_t>(std::atol(other)) : CUDNN_VERSION;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  std::memcpy(static_cast<void*>(handle), &stream, sizeof stream);
  return CUDNN_STATUS_SUCCESS;
}

ncclResult_t ncclAllGather(const void* from, void* to, std::size_t bytes, ncclDataType_t, ncclComm_t communicator,
                           cudaStream_t stream) {
  int ranks = 0;
  std::memcpy(&ranks, communicator, sizeof ranks);
  if (!holds(from, bytes) || !holds(to, bytes * static_cast<std::size_t>(ranks)))
    broken("what is gathered lies on the device, with room for all ranks", "ncclAllGather");
  enqueue(stream, "ncclAllGather");
  return ncclSuccess;
}
ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t, ncclRedOp_t, ncclComm_t,
                           cudaStream_t stream) {
  if (!holds(from, count * sizeof(float)) || !holds(to, count * sizeof(float)))
    broken("what is added lies on the device", "ncclAllReduce");
  enqueue(stream, "ncclAllReduce");
  add_beside(count * sizeof(float));
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t) { return ncclSuccess; }
ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
  std::free(communicator);
  return ncclSuccess;
}
ncclResult_t ncclCommInitAll(ncclComm_t* communicators, int count, const int*) {
  for (int i = 0; i < count; ++i) {
    communicators[i] = made<ncclComm_t>();
    std::memcpy(static_cast<void*>(communicators[i]), &count, sizeof count);
  }
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t) { return "a result"; }
ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

}  // extern "C"
