// Steps made again and compared with what was recorded of them: every hash of the chain, every record of the trace.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "audit/re_execution.h"

namespace vitrine::audit {

// What of a step made again is another than its line says: "its loss is 0.2, recorded was 0.3"; empty: nothing. Gradients and moments are compared where
// both hashed the same of them.
std::string line_difference(const StepLine& then, const StepLine& now);

struct Recheck {
  std::int64_t steps = 0;
  std::uint64_t records = 0;
};
// Steps first .. last, both included. Error (exit code 1) naming the first step and what of it is another; a folder that does not hold
// together is found by verify_folder.
Recheck recheck(ReExecution& run, const std::filesystem::path& folder, std::int64_t first, std::int64_t last);

}  // namespace vitrine::audit
