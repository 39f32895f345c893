#include "audit/rho_table.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "audit/identity.h"
#include "audit/trace_file.h"
#include "base/interrupt.h"

namespace vitrine::audit {
namespace {

struct Row {
  RhoRow row;
  std::vector<float> medians;

  void add(const OpRecord& r) {
    ++row.records;
    row.elements += r.samples;
    row.above += r.above;
    row.worst = std::max(row.worst, r.worst_rho);
    medians.push_back(static_cast<float>(r.median_rho));
  }
  void add(const Row& other) {
    row.records += other.row.records;
    row.elements += other.row.elements;
    row.above += other.row.above;
    row.worst = std::max(row.worst, other.row.worst);
    medians.insert(medians.end(), other.medians.begin(), other.medians.end());
  }
  RhoRow finished() {
    if (!medians.empty()) {
      const auto middle = medians.begin() + static_cast<std::ptrdiff_t>(medians.size() / 2);
      std::nth_element(medians.begin(), middle, medians.end());
      row.median = static_cast<double>(*middle);
    }
    return row;
  }
};

// `slot 3` is a slot; what stands in no op is a parameter, or the batch.
std::string op_of(const std::string& node, Phase phase) {
  if (node.find('/') == std::string::npos) return phase == Phase::data ? "batch" : "parameter";
  const std::string kind = kind_of(node);
  return kind.starts_with("slot ") ? "slot" : kind;
}

}  // namespace

RhoTable rho_table(const std::vector<std::filesystem::path>& folders) {
  RhoTable table;
  Row all;
  std::map<std::tuple<Phase, std::string, std::string>, Row> rows;
  for (const std::filesystem::path& folder : folders) {
    TraceReader trace(folder / "trace.vtr", read_identity(folder / "run.json").sha256);
    TraceBlock block;
    while (trace.next(block)) {
      check_interrupt("reading a trace");
      table.records += block.records.size();
      for (const OpRecord& r : block.records) {
        if (!r.has(kShadowed)) continue;
        const std::string op = op_of(trace.name(r.node), r.phase);
        Row& row = rows[{r.phase, op, trace.name(r.tensor)}];
        row.row.phase = r.phase;
        row.row.op = op;
        row.row.tensor = trace.name(r.tensor);
        row.add(r);
        all.add(r);
      }
    }
  }
  Row ops, updates;
  for (auto& [key, row] : rows) {
    if (row.row.worst > 0) (row.row.phase == Phase::update ? updates : ops).add(row);
    table.rows.push_back(row.finished());
  }
  table.ops = ops.finished();
  table.updates = updates.finished();
  table.all = all.finished();
  return table;
}

}  // namespace vitrine::audit
