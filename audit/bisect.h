// Where two runs part, and whether rounding can be the reason.
//
// First the chains are compared line by line: what differs first says in which half of the step to look. Then the records of that step, op by op: the
// first whose inputs have equal hashes and whose output has not is where the runs part. Its bound decides: where both values lie within it, each is
// a legal rounding of the exact one; where one does not, it is a violation, whichever the other run has.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/re_execution.h"

namespace vitrine::audit {

enum class Cause { none, options, data, draws, weights, forward, backward, optimiser, buffers };
std::string_view cause_name(Cause cause);

enum class Verdict { equal, legal_rounding, violation, other_inputs, undecided };
std::string_view verdict_name(Verdict verdict);

struct Parting {
  Cause cause = Cause::none;
  Verdict verdict = Verdict::equal;
  std::int64_t steps = 0;            // that both have and that were compared
  std::int64_t step = -1;            // the first that differs
  std::string what;                  // of its line: "images", "logits"
  std::vector<std::string> options;  // "lr: 0.001, 0.002": what the runs were given differently
  std::optional<NamedRecord> a, b;   // of the op where they part
  std::string because;               // one sentence
};

// Both: RUN/audit/fold_0, verified first: DataError of what does not hold. `remake` gives the records of a step that a trace does not hold in full; null: none are made again.
using RemakeStep = std::function<std::optional<StepRecords>(const std::filesystem::path& folder, std::int64_t step)>;
Parting bisect(const std::filesystem::path& a, const std::filesystem::path& b, const RemakeStep& remake);

// The first record of both, in order, with equal inputs and another output; its place in each.
std::optional<std::pair<NamedRecord, NamedRecord>> first_parting(const StepRecords& a, const StepRecords& b);

}  // namespace vitrine::audit
