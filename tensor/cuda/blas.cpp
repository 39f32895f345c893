#include "tensor/cuda/blas.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "tensor/cuda/blas_functions.h"
#include "tensor/cuda/plans.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/storage.h"

namespace vitrine::cuda {
namespace {

constexpr std::size_t kMostWorkspace = std::size_t{32} << 20;

// Bytes that an algorithm may take: within --device-memory.
std::size_t most_workspace() {
  const std::size_t limit = settings().memory_limit;
  return limit > 0 ? std::min(limit, kMostWorkspace) : kMostWorkspace;
}
constexpr int kCandidates = 24;  // that the library proposes and that are timed
constexpr int kTimedCalls = 5, kTimedRounds = 4;

void check(cublasStatus_t status, const char* call, const ProductShape& s) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(ExitCode::runtime, text("cuBLASLt: ", call, " failed for ", s.op, " [", s.M, ", ", s.K, "] x [", s.K, ", ", s.N,
                                      "] on ", current().text(), ": ", blas().GetStatusString(status)));
}

// The library's objects, destroyed when they go out of scope.
template <class Handle, auto Destroy>
struct Destroyer {
  using pointer = Handle;
  void operator()(Handle handle) const { (blas().*Destroy)(handle); }
};
using Layout = std::unique_ptr<void, Destroyer<cublasLtMatrixLayout_t, &Blas::MatrixLayoutDestroy>>;
using Operation = std::unique_ptr<void, Destroyer<cublasLtMatmulDesc_t, &Blas::MatmulDescDestroy>>;
using Preference = std::unique_ptr<void, Destroyer<cublasLtMatmulPreference_t, &Blas::MatmulPreferenceDestroy>>;

Layout layout(std::int64_t rows, std::int64_t columns, DType type, const ProductShape& s) {
  cublasLtMatrixLayout_t made = nullptr;
  const cudaDataType_t elements = type == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
  check(blas().MatrixLayoutCreate(&made, elements, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), rows),
        "cublasLtMatrixLayoutCreate", s);
  return Layout(made);
}

cublasComputeType_t compute_type(const ProductShape& s) {
  if (s.operands == DType::bf16) return CUBLAS_COMPUTE_32F;
  switch (settings().precision) {
    case Precision::tf32: return CUBLAS_COMPUTE_32F_FAST_TF32;
    case Precision::bf16: return CUBLAS_COMPUTE_32F_FAST_16BF;
    case Precision::fp32: break;
  }
  return CUBLAS_COMPUTE_32F;
}

struct Library {
  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;
};

Library& library(const ProductShape& s) {
  Library& l = of_current_gpu<Library>();
  if (l.handle != nullptr) return l;
  if (l.workspace == nullptr) l.workspace = allocate(current().index, most_workspace());
  if (l.workspace == nullptr)
    throw DeviceMemoryError(text(current().text(), " is out of memory: there is no room for cuBLASLt's workspace of ",
                                 most_workspace() >> 20, " MiB"));
  check(blas().Create(&l.handle), "cublasLtCreate", s);
  return l;
}

// cuBLASLt is column-major: y^T [N, M] = op(b)^T op(a)^T is computed, where a row-major matrix is its own transpose.
struct Plan {
  Operation operation;
  Layout left, right, result;
  cublasLtMatmulAlgo_t algorithm{};
  std::size_t workspace = 0;
  bool is_supported = false;
};

using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, bool, bool, bool, Precision, DType, DType>;

struct Plans {
  std::map<Key, Plan> of_shape;
  std::vector<std::string> lines;
};

struct Operands {
  const void *a, *b;
  const float* bias;
  void* y;
};

void set_bias(Plan& p, const ProductShape& s, const float* bias) {
  const cublasLtEpilogue_t epilogue = bias != nullptr ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  check(blas().MatmulDescSetAttribute(p.operation.get(), CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue),
        "cublasLtMatmulDescSetAttribute", s);
  if (bias == nullptr) return;
  check(blas().MatmulDescSetAttribute(p.operation.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias),
        "cublasLtMatmulDescSetAttribute", s);
}

cublasStatus_t multiply(Plan& p, const ProductShape& s, const Operands& o, const cublasLtMatmulAlgo_t& algorithm,
                        std::size_t workspace) {
  const float one = 1.0f, none = 0.0f;
  Library& d = library(s);
  return blas().Matmul(d.handle, p.operation.get(), &one, o.b, p.left.get(), o.a, p.right.get(), &none, o.y, p.result.get(),
                       o.y, p.result.get(), &algorithm, d.workspace, workspace, static_cast<cudaStream_t>(stream()));
}

std::vector<cublasLtMatmulHeuristicResult_t> proposals(const Plan& p, const ProductShape& s) {
  cublasLtMatmulPreference_t made = nullptr;
  check(blas().MatmulPreferenceCreate(&made), "cublasLtMatmulPreferenceCreate", s);
  const Preference preference(made);
  // Sums that are split over blocks are joined in a workspace, in order, or not split at all.
  const std::uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, alignment = 16;
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, const void* value, std::size_t bytes) {
    check(blas().MatmulPreferenceSetAttribute(preference.get(), name, value, bytes), "cublasLtMatmulPreferenceSetAttribute", s);
  };
  const std::size_t workspace = most_workspace();
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes);
  for (const auto name : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    set(name, &alignment, sizeof alignment);
  std::vector<cublasLtMatmulHeuristicResult_t> found(kCandidates);
  int count = 0;
  const auto status =
      blas().MatmulAlgoGetHeuristic(library(s).handle, p.operation.get(), p.left.get(), p.right.get(), p.result.get(),
                                    p.result.get(), preference.get(), kCandidates, found.data(), &count);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "cublasLtMatmulAlgoGetHeuristic", s);
  found.resize(static_cast<std::size_t>(std::clamp(count, 0, kCandidates)));
  std::erase_if(found, [](const auto& candidate) { return candidate.state != CUBLAS_STATUS_SUCCESS; });
  return found;
}

Plan plan_of(const ProductShape& s, const Operands& o) {
  Plan p;
  cublasLtMatmulDesc_t operation = nullptr;
  check(blas().MatmulDescCreate(&operation, compute_type(s), CUDA_R_32F), "cublasLtMatmulDescCreate", s);
  p.operation.reset(operation);
  const cublasOperation_t left = s.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, right = s.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  check(blas().MatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_TRANSA, &left, sizeof left), "setting a transpose", s);
  check(blas().MatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_TRANSB, &right, sizeof right), "setting a transpose", s);
  p.left = s.b_transposed ? layout(s.K, s.N, s.operands, s) : layout(s.N, s.K, s.operands, s);
  p.right = s.a_transposed ? layout(s.M, s.K, s.operands, s) : layout(s.K, s.M, s.operands, s);
  p.result = layout(s.N, s.M, s.result, s);
  set_bias(p, s, o.bias);
  return p;
}

// True where the kept algorithm is one that the library can run; else `p` stays as it is.
bool take_kept(Plan& p, const ProductShape& s, const KeptPlan& kept) {
  cublasLtMatmulAlgo_t algorithm{};
  cublasLtMatmulHeuristicResult_t result{};
  if (kept.workspace > most_workspace() || !bytes_of(kept.choice, &algorithm, sizeof algorithm)) return false;
  const auto status = blas().MatmulAlgoCheck(library(s).handle, p.operation.get(), p.left.get(), p.right.get(), p.result.get(),
                                             p.result.get(), &algorithm, &result);
  if (status != CUBLAS_STATUS_SUCCESS || result.state != CUBLAS_STATUS_SUCCESS || result.workspaceSize > most_workspace())
    return false;
  p.algorithm = algorithm;
  p.workspace = result.workspaceSize;
  return true;
}

// The fastest of what the library proposes; its microseconds: 0 where nothing can be timed, so the first is taken. Nothing where none of
// them runs.
std::optional<double> take_fastest(Plan& p, const ProductShape& s, const Operands& o,
                                   const std::vector<cublasLtMatmulHeuristicResult_t>& found) {
  if (found.empty()) return std::nullopt;
  p.algorithm = found.front().algo;
  p.workspace = found.front().workspaceSize;
  if (is_capturing()) return 0;
  double best = 0;
  for (const auto& candidate : found) {
    if (multiply(p, s, o, candidate.algo, candidate.workspaceSize) != CUBLAS_STATUS_SUCCESS) continue;
    double ms = HUGE_VAL;  // the least of a few rounds: a choice that is kept must not be one of noise
    for (int round = 0; round < kTimedRounds; ++round) {
      ms = std::min(ms, milliseconds(current(), [&] {
                      for (int i = 0; i < kTimedCalls; ++i) multiply(p, s, o, candidate.algo, candidate.workspaceSize);
                    }));
    }
    if (best != 0 && ms >= best) continue;
    best = ms;
    p.algorithm = candidate.algo;
    p.workspace = candidate.workspaceSize;
  }
  if (best == 0) return std::nullopt;
  return best * 1000 / kTimedCalls;
}

Plan chosen_plan(const ProductShape& s, const Operands& o) {
  Plan p = plan_of(s, o);
  const std::string name = s.plan_name(o.bias != nullptr);
  std::optional<KeptPlan> kept = plan_store().find(name);
  if (!kept || !take_kept(p, s, *kept)) {
    const std::optional<KeptPlan> unusable = kept;
    const auto found = proposals(p, s);
    const std::optional<double> microseconds = take_fastest(p, s, o, found);
    if (!microseconds) return p;  // our own kernel computes this shape
    kept = {hex_of(&p.algorithm, sizeof p.algorithm), p.workspace, text("best of ", found.size()), *microseconds};
    if (*microseconds > 0) {
      const KeptPlan now = plan_store().keep(name, *kept, unusable);
      if (!(now == *kept) && take_kept(p, s, now)) kept = now;  // another process chose meanwhile
    }
  }
  p.is_supported = true;
  of_current_gpu<Plans>().lines.push_back(text(name, "  (", s.op, ")  ", kept->notes, ", algorithm ", kept->choice,
                                               ", workspace ", kept->workspace, ", ", kept->microseconds, " us"));
  return p;
}

}  // namespace

bool library_product(const ProductShape& s, const void* a, const void* b, const float* bias, void* y) {
  const bool is_wanted = settings().kernels == Kernels::fastest || settings().kernels == Kernels::cublaslt;
  if (!current().is_gpu() || settings().tier != Tier::run_to_run || !is_wanted || s.M < 1 || s.N < 1 || s.K < 1) return false;
  const Operands operands{a, b, bias, y};
  const Key key{s.M, s.N, s.K, s.a_transposed, s.b_transposed, bias != nullptr, settings().precision, s.operands, s.result};
  auto& plans = of_current_gpu<Plans>().of_shape;
  auto found = plans.find(key);
  if (found == plans.end()) found = plans.emplace(key, chosen_plan(s, operands)).first;
  Plan& p = found->second;
  if (!p.is_supported) return false;
  set_bias(p, s, bias);
  check(multiply(p, s, operands, p.algorithm, p.workspace), "cublasLtMatmul", s);
  check_launch(s.op);
  return true;
}

std::vector<std::string> product_plans() {
  return current().is_gpu() ? of_current_gpu<Plans>().lines : std::vector<std::string>{};
}

}  // namespace vitrine::cuda
