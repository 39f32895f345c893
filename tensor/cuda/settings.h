// How the CUDA back end computes; one setting for the process, set before the first op.
#pragma once

#include <cstddef>
#include <string>

namespace vitrine::cuda {

// portable: own kernels only, in the order of the CPU's sums: every result has the CPU's bits.
// run-to-run: libraries' kernels where they are faster, sums in an order that suits a GPU (fixed as well: a run repeats its bits).
enum class Tier { run_to_run, portable };
// Of the products in the run-to-run tier: float32 operands, TF32 (10 bits of mantissa) or bf16 (7 bits); sums are float32 in all of them.
enum class Precision { fp32, tf32, bf16 };
// Whose kernels the run-to-run tier takes. fastest: for every shape what was measured to be (candidates.h). own: ours alone. cudnn: every
// convolution, product, swish and squeeze-excitation as graphs of cuDNN, ours for the rest; on cuda-host an interpreter of the same graphs.
// cublaslt: its products, ours for the rest. The portable tier means own.
enum class Kernels { fastest, own, cudnn, cublaslt };

// How devices that train together add their gradients. gather: every device gets all gradients and adds them in rank order, so the order of
// each sum is fixed. nccl: an all-reduce for each bucket of gradients while the backward pass runs; the order is NCCL's.
enum class Reduce { gather, nccl };

struct Settings {
  Tier tier = Tier::run_to_run;
  Precision precision = Precision::fp32;
  Kernels kernels = Kernels::fastest;
  std::size_t memory_limit = 0;  // bytes that tensors may take of a device; 0: all
  Reduce reduce = Reduce::gather;
};
Settings& settings();
// Whether a training step on a CUDA device keeps its images in bfloat16: in the run-to-run tier with --precision bf16.
bool keeps_bfloat16();
// The part of a kept plan's name (plans.h) that is the settings': the precision, and --device-memory, under which other plans may fit.
std::string plan_conditions();

// UsageError naming the option.
Tier tier_from_name(const std::string& name);
Precision precision_from_name(const std::string& name);
Kernels kernels_from_name(const std::string& name);
Reduce reduce_from_name(const std::string& name);
std::string text_of(Tier tier);
std::string text_of(Precision precision);
std::string text_of(Kernels kernels);
std::string text_of(Reduce reduce);

}  // namespace vitrine::cuda
