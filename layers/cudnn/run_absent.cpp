// A build without CUDA has cuda-host alone.
#include "layers/cudnn/interpreter.h"
#include "layers/cudnn/run.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cuda::cudnn {

bool uses_graphs() { return settings().tier == Tier::run_to_run && settings().kernels == Kernels::cudnn; }
bool is_used() { return uses_graphs(); }

bool run(const char* op, const Description& d, const std::vector<const void*>& memory) {
  if (!is_used()) return false;
  d.check_memory(memory);
  run_or_record([d, memory] { interpret(d, memory); });
  check_launch(op);
  return true;
}

void build(const Description&) {}
std::string why_refused(const Description&) { return {}; }

std::vector<std::string> plans() { return {}; }

}  // namespace vitrine::cuda::cudnn
