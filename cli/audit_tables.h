// What `vitrine audit replay|step|diff|bisect` print.
#pragma once

#include <string>
#include <vector>

#include "audit/bisect.h"
#include "audit/re_execution.h"
#include "base/json.h"

namespace vitrine::cli {

// One tensor of a step made again.
struct ReplayRow {
  audit::NamedRecord now;
  bool was_recorded = false, is_same = false;
};
struct ReplayTable {
  std::vector<ReplayRow> rows;
  std::size_t recorded = 0, different = 0, above = 0;
  std::string line;  // what of the chain's line is another; empty: nothing
};
ReplayTable replay_table(const audit::StepRecords& then, const audit::StepRecords& now, const std::string& op);
void print_replay(const ReplayTable& table);
std::string replay_json(const ReplayTable& table);

void print_diff(const audit::StepRecords& a, const audit::StepRecords& b, bool json);
void print_parting(const audit::Parting& parting);
Json parting_json(const audit::Parting& parting);

// Op by op, as JSON or in the terminal; `wait`: for Enter between them.
std::string step_json(const audit::StepLine& line, const audit::StepRecords& step);
void walk_through(const audit::StepLine& line, const audit::StepRecords& step, bool wait);

}  // namespace vitrine::cli
