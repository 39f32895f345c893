#include "layers/cudnn/run.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.h"
#include "layers/cudnn/interpreter.h"
#include "layers/cudnn/operations.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/plans.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cuda::cudnn {
namespace {

constexpr int kTimedCalls = 5, kTimedRounds = 4;

struct Plans {
  std::map<std::string, std::optional<Plan>> of_name;
  std::vector<std::string> lines;
};

struct Fastest {
  std::size_t index;
  double microseconds;  // 0 where nothing can be timed, so the first is taken
};

// Nothing where no plan runs.
std::optional<Fastest> fastest_of(const std::vector<Plan>& found, const std::vector<std::int64_t>& ids,
                                  const std::vector<const void*>& memory) {
  if (is_capturing() && !found.empty()) return Fastest{0, 0};
  std::optional<Fastest> best;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (try_run(found[i], ids, memory) != CUDNN_STATUS_SUCCESS) continue;
    double ms = HUGE_VAL;  // the least of a few rounds: a choice that is kept must not be one of noise
    for (int round = 0; round < kTimedRounds; ++round) {
      ms = std::min(ms, milliseconds(current(), [&] {
                      for (int call = 0; call < kTimedCalls; ++call) run(found[i], ids, memory);
                    }));
    }
    if (!best || ms * 1000 / kTimedCalls < best->microseconds) best = {i, ms * 1000 / kTimedCalls};
  }
  return best;
}

// The fastest deterministic plan, as it was chosen the first time; none where cuDNN has no engine.
std::optional<Plan> chosen(const std::string& name, const Description& d, const std::vector<const void*>& memory) {
  std::vector<std::string>& lines = of_current_gpu<Plans>().lines;
  const std::vector<Descriptor> operations = operations_of(d);
  std::optional<KeptPlan> kept = plan_store().find(name);
  std::optional<Plan> plan = kept ? plan_of(operations, d.has_products(), kept->choice) : std::nullopt;
  if (!plan) {
    std::vector<Plan> found = plans_of(operations, d.has_products());
    const std::optional<Fastest> best = fastest_of(found, ids_of(d), memory);
    if (!best) {
      lines.push_back(text(name, "  no deterministic engine"));
      return std::nullopt;
    }
    plan = std::move(found[best->index]);
    const std::optional<KeptPlan> unusable = kept;
    kept = {plan->choice, static_cast<std::uint64_t>(plan->workspace), text("best of ", found.size()), best->microseconds};
    if (best->microseconds > 0) {
      const KeptPlan now = plan_store().keep(name, *kept, unusable);
      std::optional<Plan> theirs = now == *kept ? std::nullopt : plan_of(operations, d.has_products(), now.choice);
      if (theirs) {  // another process chose meanwhile
        plan = std::move(theirs);
        kept = now;
      }
    }
  }
  lines.push_back(
      text(name, "  ", kept->choice, ", ", kept->notes, ", workspace ", kept->workspace, ", ", kept->microseconds, " us"));
  return plan;
}

bool run_on_gpu(const Description& d, const std::vector<const void*>& memory) {
  const std::string name = d.plan_name();
  auto& all = of_current_gpu<Plans>().of_name;
  auto plan = all.find(name);
  if (plan == all.end()) plan = all.emplace(name, chosen(name, d, memory)).first;
  if (plan->second) {
    run(*plan->second, ids_of(d), memory);
    return true;
  }
  if (!uses_graphs()) return false;
  throw Error(ExitCode::runtime,
              text("cuDNN has no engine for ", name, " on ", current().text(), ": ", why_refused(d),
                   "; choose --kernels fastest, which takes another kernel there, or --precision tf32 or bf16"));
}

}  // namespace

bool uses_graphs() { return settings().tier == Tier::run_to_run && settings().kernels == Kernels::cudnn; }

bool is_used() {
  const bool is_default = settings().tier == Tier::run_to_run && settings().kernels == Kernels::fastest;
  return uses_graphs() || (is_default && current().is_gpu());
}

bool run(const char* op, const Description& d, const std::vector<const void*>& memory) {
  if (!is_used()) return false;
  d.check_memory(memory);
  if (!current().is_gpu()) {
    run_or_record([d, memory] { interpret(d, memory); });
  } else if (!run_on_gpu(d, memory)) {
    return false;
  }
  check_launch(op);
  return true;
}

std::string why_refused(const Description& d) {
  return current().is_gpu() ? why_refused(operations_of(d), d.has_products()) : std::string();
}

void build(const Description& description) { operations_of(description); }

std::vector<std::string> plans() { return current().is_gpu() ? of_current_gpu<Plans>().lines : std::vector<std::string>{}; }

}  // namespace vitrine::cuda::cudnn
