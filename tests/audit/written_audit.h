// The folder of an audit with records that a test chose: its figures are counted by hand, or made in numbers for a measurement.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/manifest.h"
#include "audit/trace_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::testing {

// One record: what the page looks at.
struct Written {
  audit::Phase phase = audit::Phase::forward;
  std::string node, tensor = "y";
  double rho = -1;  // below 0: not compared
  float low = -1, high = 1;
  double norm = 1;
  std::int64_t zeros = 0, nans = 0;
  std::uint32_t op = 1;
  std::uint64_t hash = 0, inputs = 0;  // of its values; of what the op was given
};

inline audit::OpRecord record_of(const Written& w, std::uint64_t step, audit::TraceWriter& trace) {
  audit::OpRecord r;
  r.step = step;
  r.phase = w.phase;
  r.op = w.op;
  r.node = trace.name(w.node);
  r.tensor = trace.name(w.tensor);
  r.facts.hash = {w.hash, w.hash};
  r.inputs = {w.inputs, w.inputs};
  r.facts.minimum = w.low, r.facts.maximum = w.high, r.facts.norm = w.norm;
  r.facts.zeros = w.zeros, r.facts.nans = w.nans, r.facts.elements = 100;
  if (w.rho >= 0) {
    r.flags = audit::kShadowed;
    r.samples = 10;
    r.worst_rho = w.rho;
    r.median_rho = w.rho / 2;
    r.above = w.rho > 1 ? 1 : 0;
    r.worst_element = 7;
  }
  return r;
}

// RUN/audit/fold_0; `records` and `lineage` give those of each step.
inline std::filesystem::path write_audit(const std::filesystem::path& run, std::uint64_t steps,
                                         const std::function<std::vector<Written>(std::uint64_t)>& records,
                                         const std::function<std::string(std::uint64_t)>& lineage, bool finished = true,
                                         const std::function<void(audit::StepLine&)>& edit = nullptr,
                                         const std::string& lr = "0.1") {
  const std::filesystem::path folder = run / "audit" / "fold_0";
  make_directory(folder);
  std::string identity =
      R"({"format": 1, "program": {"name": "vitrine", "version": "1", "sha256": "aa", "compiler": "c<c>"}, "machine": {"device": "cpu", "tier": "portable"},
"level": "full", "fold": 0, "part": "train", "epochs": 1, "key": "k", "data_sha256": "d", "weights": "w", "buffers": "b", "options": {"lr": "0.1", "weights": ""}})";
  identity.replace(identity.find("0.1"), 3, lr);
  write_file(folder / "run.json", identity);
  std::string prev = sha256(identity), chain, all_lineage;
  audit::TraceWriter trace(folder / "trace.vtr", prev);
  for (std::uint64_t step = 0; step < steps; ++step) {
    std::vector<audit::OpRecord> made;
    for (const Written& w : records(step)) made.push_back(record_of(w, step, trace));
    if (!made.empty()) trace.add(made, step);
    const std::string lines = lineage(step);
    audit::StepLine line;
    line.step = step;
    line.epoch = static_cast<std::uint32_t>(step / 4 + 1);
    line.lr = 0.1;
    line.loss = 1.0 / static_cast<double>(step + 1);
    line.lineage = sha256(lines);
    line.trace = trace.head();
    if (edit) edit(line);
    chain += audit::chained_line(line, prev);
    all_lineage += lines;
  }
  write_file(folder / "steps.jsonl", chain);
  write_file(folder / "lineage.jsonl", all_lineage);
  if (finished) audit::write_manifest(folder, {});
  return folder;
}

}  // namespace vitrine::testing
