// Running a description on the current device: by cuDNN on a GPU, by the interpreter on cuda-host.
//
// Of the engines that cuDNN proposes, those that its notes call nondeterministic are left out, and the fastest of the rest, timed once, is kept.
#pragma once

#include <string>
#include <vector>

#include "layers/cudnn/description.h"

namespace vitrine::cuda::cudnn {

// --kernels cudnn: every op that has a graph runs it.
bool uses_graphs();
// Whether `run` does anything: in the run-to-run tier, under --kernels cudnn on every CUDA device, under --kernels fastest on a GPU.
bool is_used();

// `memory`: of the tensors that are not virtual, in their order; `op` names the launch. False, and nothing done, unless is_used(), and where
// cuDNN has no deterministic engine; for the latter, under uses_graphs(), an Error with the graph and what to do.
bool run(const char* op, const Description& description, const std::vector<const void*>& memory);

// Builds a description's operations as far as that goes without a device; Error when cuDNN refuses one. Nothing in a build without CUDA.
void build(const Description& description);

// Why cuDNN does not run a description on the current device; empty where it does. On cuda-host the interpreter runs all of them.
std::string why_refused(const Description& description);

// What was chosen so far, a line for every description: name, engine, notes, workspace, microseconds.
std::vector<std::string> plans();

}  // namespace vitrine::cuda::cudnn
