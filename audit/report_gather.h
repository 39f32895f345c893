// The parts of fold_report (audit/report_data.h): what takes records, and what takes lines of lineage.jsonl.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "audit/report_data.h"
#include "audit/trace_file.h"

namespace vitrine::audit {

class RecordGatherer {
 public:
  explicit RecordGatherer(FoldReport& report) : report_(report) {}
  void take(const OpRecord& record, const TraceReader& trace);
  void finish();  // puts rows into their order

 private:
  void take_rho(const OpRecord& r, const std::string& node);
  void take_worst(const OpRecord& r, const TraceReader& trace);
  void take_values(const OpRecord& r, const TraceReader& trace);
  void take_zeros(const OpRecord& r, const TraceReader& trace);
  void take_gradient(const OpRecord& r, const std::string& parameter);
  OpRow& row_of(const OpRecord& r, const std::string& node);
  RhoFigures& kind_figures(Phase phase, const std::string& kind);

  FoldReport& report_;
  std::unordered_map<std::string, std::size_t> ops_, kinds_, zeros_, gradients_;
  std::unordered_set<std::uint64_t> seen_;  // tensors of ops, by phase, node and name
  std::vector<std::vector<std::uint32_t>> gradient_counts_;
};

// The lines of a step; a line that is none of docs/audit-format.md is counted as unread.
void take_lineage(std::string_view lines, LineageFigures& figures);
// Classes of the samples, from the manifest that the run's folder names.
void add_labels(const std::filesystem::path& run, LineageFigures& figures);

}  // namespace vitrine::audit
