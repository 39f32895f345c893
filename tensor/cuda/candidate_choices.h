// What a GPU's candidates were measured to take, kept between runs: of tensor/cuda/candidates.h, and for it alone.
#pragma once

#include <string>
#include <vector>

#include "tensor/cuda/candidates.h"

namespace vitrine::cuda {

// On the current device, a GPU: what was chosen under `name`, in this process or before; else what the trials are timed to, which is kept. While
// a graph is recorded nothing can be timed: the first of them.
Kernels kept_choice(const std::string& name, const std::vector<Candidate>& trials);

// Workspace and notes of the plans that a candidate's libraries have kept.
void add_notes_of_plans(const Candidate& candidate, TimedCandidate& timed);

}  // namespace vitrine::cuda
