// A build without CUDA has no GPU, times nothing and keeps nothing.
#include "tensor/cuda/candidate_choices.h"

namespace vitrine::cuda {

Kernels kept_choice(const std::string&, const std::vector<Candidate>& trials) { return trials.front().kernels; }
void add_notes_of_plans(const Candidate&, TimedCandidate&) {}
std::vector<Choice> choices() { return {}; }
std::vector<std::string> candidate_plans() { return {}; }

}  // namespace vitrine::cuda
