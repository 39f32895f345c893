// The ways to compute one thing on a CUDA device: our kernels, cuBLASLt's, cuDNN's; and which of them is taken.
//
// Under --kernels fastest on a GPU each candidate is timed once for a shape and precision, and the choice is kept (plans.h), so a run's bits
// repeat. On cuda-host nothing is timed: the first that has the shape runs, as while a graph is recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tensor/cuda/settings.h"

namespace vitrine::cuda {

struct Candidate {
  Kernels kernels;                 // own, cublaslt or cudnn
  std::function<bool()> run;       // false, and nothing done, where it has nothing for the shape
  std::vector<std::string> plans;  // what its libraries keep their own choices under: its workspace and notes
};

// Our own kernels, which have every shape.
Candidate own_candidate(const std::function<void()>& run);

// What one candidate was measured to take.
struct TimedCandidate {
  Kernels kernels = Kernels::own;
  std::optional<double> microseconds{};  // none: it has nothing for the shape, or there was no memory for it
  std::uint64_t workspace = 0;           // bytes of a library's plans
  std::string notes{};
};

// Least of a few rounds each, on the current device. Candidates may run any number of times: what they write must not be what they read.
std::vector<TimedCandidate> time_candidates(const std::vector<Candidate>& candidates);

// Whose kernels are to compute `what`, which names the shape: what the settings say; under fastest on a GPU what was fastest. `trials`
// write where nothing is kept. The one asked for may turn out to have nothing for the shape: run_candidates goes on to the next then.
Kernels choice_of(const std::string& what, const std::vector<Candidate>& trials);

// Runs the one that is chosen, else the first that has the shape. InternalError where none has.
void run_candidates(const std::string& what, const std::vector<Candidate>& candidates);
void run_candidates(Kernels chosen, const std::string& what, const std::vector<Candidate>& candidates);

// What was chosen so far on the current device, and what each candidate took; and a line for each.
struct Choice {
  std::string what, kernels;
  double microseconds;
  std::string candidates;
};
std::vector<Choice> choices();
std::vector<std::string> candidate_plans();

}  // namespace vitrine::cuda
