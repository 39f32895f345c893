// Steps made again and compared with what was recorded of them: every hash of the chain, every record of the trace.
#pragma once

#include <cstdint>
#include <filesystem>

#include "audit/re_execution.h"

namespace vitrine::audit {

struct Recheck {
  std::int64_t steps = 0;
  std::uint64_t records = 0;
};
// Steps first .. last, both included. Error (exit code 1) naming the first step and what of it is another; a folder that does not hold
// together is found by verify_folder.
Recheck recheck(ReExecution& run, const std::filesystem::path& folder, std::int64_t first, std::int64_t last);

}  // namespace vitrine::audit
