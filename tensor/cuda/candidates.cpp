#include "tensor/cuda/candidates.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/cuda/candidate_choices.h"
#include "tensor/cuda/runtime.h"
#include "tensor/storage.h"

namespace vitrine::cuda {
namespace {

constexpr int kTimedCalls = 5, kTimedRounds = 4;

void time(const Candidate& candidate, TimedCandidate& timed) {
  try {
    if (!candidate.run()) return;
    double ms = HUGE_VAL;  // the least of a few rounds: a choice that is kept must not be one of noise
    const int calls = current().is_gpu() ? kTimedCalls : 1;
    for (int round = 0; round < kTimedRounds; ++round) {
      ms = std::min(ms, milliseconds(current(), [&] {
                      for (int i = 0; i < calls; ++i) candidate.run();
                    }));
    }
    timed.microseconds = ms * 1000 / calls;
  } catch (const DeviceMemoryError&) {  // it stays without a time
  }
}

}  // namespace

Candidate own_candidate(const std::function<void()>& run) {
  return {Kernels::own,
          [run] {
            run();
            return true;
          },
          {}};
}

std::vector<TimedCandidate> time_candidates(const std::vector<Candidate>& candidates) {
  std::vector<TimedCandidate> all;
  for (const Candidate& candidate : candidates) {
    TimedCandidate timed{.kernels = candidate.kernels};
    time(candidate, timed);
    if (timed.microseconds) add_notes_of_plans(candidate, timed);
    all.push_back(std::move(timed));
  }
  return all;
}

Kernels choice_of(const std::string& what, const std::vector<Candidate>& trials) {
  const Settings& s = settings();
  if (s.tier == Tier::portable) return Kernels::own;
  if (s.kernels != Kernels::fastest) return s.kernels;
  if (!current().is_gpu() || trials.size() == 1) return trials.front().kernels;
  return kept_choice(text("kernels of ", what, " ", plan_conditions()), trials);
}

void run_candidates(Kernels chosen, const std::string& what, const std::vector<Candidate>& candidates) {
  for (const Candidate& c : candidates) {
    if (c.kernels == chosen && c.run()) return;
  }
  const bool is_free = settings().kernels == Kernels::fastest && settings().tier == Tier::run_to_run;
  for (const Candidate& c : candidates) {
    if (c.kernels != chosen && (is_free || c.kernels == Kernels::own) && c.run()) return;
  }
  throw InternalError(text("no kernel computes ", what));
}

void run_candidates(const std::string& what, const std::vector<Candidate>& candidates) {
  run_candidates(choice_of(what, candidates), what, candidates);
}

}  // namespace vitrine::cuda
