#include "tensor/cuda/settings.h"

#include "base/error.h"

namespace vitrine::cuda {

Settings& settings() {
  static Settings the_settings;
  return the_settings;
}

bool keeps_bfloat16() { return settings().tier == Tier::run_to_run && settings().precision == Precision::bf16; }

std::string plan_conditions() {
  const Settings& s = settings();
  return text(text_of(s.precision), s.memory_limit > 0 ? text(" within ", s.memory_limit >> 20, " MiB") : std::string());
}

Tier tier_from_name(const std::string& name) {
  if (name == "run-to-run") return Tier::run_to_run;
  if (name == "portable") return Tier::portable;
  throw UsageError(text("--tier is '", name, "', expected run-to-run or portable"));
}

Precision precision_from_name(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "tf32") return Precision::tf32;
  if (name == "bf16") return Precision::bf16;
  throw UsageError(text("--precision is '", name, "', expected fp32, tf32 or bf16"));
}

Kernels kernels_from_name(const std::string& name) {
  for (const Kernels kernels : {Kernels::fastest, Kernels::own, Kernels::cudnn, Kernels::cublaslt}) {
    if (name == text_of(kernels)) return kernels;
  }
  throw UsageError(text("--kernels is '", name, "', expected fastest, own, cudnn or cublaslt"));
}

Reduce reduce_from_name(const std::string& name) {
  if (name == "gather") return Reduce::gather;
  if (name == "nccl") return Reduce::nccl;
  throw UsageError(text("--reduce is '", name, "', expected gather or nccl"));
}

std::string text_of(Reduce reduce) { return reduce == Reduce::gather ? "gather" : "nccl"; }

std::string text_of(Tier tier) { return tier == Tier::run_to_run ? "run-to-run" : "portable"; }

std::string text_of(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::tf32 ? "tf32" : "bf16";
}

std::string text_of(Kernels kernels) {
  switch (kernels) {
    case Kernels::fastest: return "fastest";
    case Kernels::own: return "own";
    case Kernels::cudnn: return "cudnn";
    case Kernels::cublaslt: break;
  }
  return "cublaslt";
}

}  // namespace vitrine::cuda
