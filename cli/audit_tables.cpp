#include "cli/audit_tables.h"

#include <cstdio>
#include <iostream>
#include <map>
#include <tuple>

#include "audit/recheck.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"

namespace vitrine::cli {
namespace {

using audit::NamedRecord;
using audit::OpRecord;

std::string shape_text(const OpRecord& r) {
  std::string out = "[";
  for (std::size_t axis = 0; axis < r.rank && axis < 4; ++axis) out += text(axis > 0 ? ", " : "", r.dims[axis]);
  return out + "]";
}

std::string rho_text(const OpRecord& r) {
  if (!r.has(audit::kShadowed)) return "-";
  return text(fixed(r.median_rho, 3), " / ", fixed(r.worst_rho, 3));
}

std::string range_text(const OpRecord& r) { return text(r.facts.minimum, " .. ", r.facts.maximum); }

using Key = std::tuple<audit::Phase, std::string, std::string>;
Key key_of(const NamedRecord& r) { return {r.record.phase, r.node, r.tensor}; }
std::map<Key, const NamedRecord*> by_key(const audit::StepRecords& step) {
  std::map<Key, const NamedRecord*> all;
  for (const NamedRecord& r : step.records) all.emplace(key_of(r), &r);
  return all;
}

Json record_json(const NamedRecord& r) {
  Json json = {{"phase", audit::phase_name(r.record.phase)},
               {"node", r.node},
               {"tensor", r.tensor},
               {"shape", shape_text(r.record)},
               {"hash", hex(r.record.facts.hash)},
               {"inputs", hex(r.record.inputs)}};
  if (r.record.has(audit::kShadowed)) {
    json["samples"] = r.record.samples;
    json["above"] = r.record.above;
    json["median_rho"] = r.record.median_rho;
    json["worst_rho"] = r.record.worst_rho;
    json["worst_element"] = r.record.worst_element;
  }
  return json;
}

// Where it is said what a record's tensor should be: an op's contract, or a rule's.
std::string source_of(const NamedRecord& r) {
  if (r.record.phase == audit::Phase::data) return "data/batch.h";
  if (r.node.find('/') == std::string::npos) return "nn/modules/optimizer.h";
  const std::string op = audit::kind_of(r.node);
  if (op == "fused_mbconv") return "layers/blocks/mbconv_fused.h";
  if (op == "fused_norm") return "layers/blocks/conv_norm_fused.h";
  if (op == "fused_gate") return "layers/blocks/squeeze_excitation_fused.h";
  if (op == "reshape") return "autograd/reshape.h";
  return "layers/" + op + ".h";
}

std::string steps_text(std::int64_t steps) { return text(steps, steps == 1 ? " step is" : " steps are"); }

void print_facts(const NamedRecord& r) {
  const OpRecord& o = r.record;
  std::printf("    %-18s %-18s", r.tensor.c_str(), shape_text(o).c_str());
  if (audit::tells_values(o))
    std::printf(" range %s  mean %s", range_text(o).c_str(), shortest(static_cast<float>(o.facts.mean)).c_str());
  if (o.facts.nans + o.facts.infinities > 0)
    std::printf("  NOT FINITE: %lld NaN, %lld infinite", static_cast<long long>(o.facts.nans),
                static_cast<long long>(o.facts.infinities));
  if (o.has(audit::kShadowed)) {
    std::printf("\n      %s%u compared with float64: median rho %s, worst %s at element %llu%s",
                o.has(audit::kChecksum) ? "rows: " : "", o.samples, fixed(o.median_rho, 3).c_str(),
                fixed(o.worst_rho, 3).c_str(), static_cast<unsigned long long>(o.worst_element),
                o.above > 0 ? "  ABOVE ITS BOUND" : "");
  }
  std::printf("%s\n", o.has(audit::kInner) ? "  (inner value, computed again)" : "");
}

}  // namespace

ReplayTable replay_table(const audit::StepRecords& then, const audit::StepRecords& now, const std::string& op) {
  ReplayTable table;
  table.line = audit::line_difference(then.line, now.line);
  const std::map<Key, const NamedRecord*> recorded = by_key(then);
  for (const NamedRecord& r : now.records) {
    if (!audit::is_asked(r.node, op)) continue;
    ReplayRow row{r, false, false};
    if (const auto found = recorded.find(key_of(r)); found != recorded.end()) {
      row.was_recorded = true;
      row.is_same = found->second->record.facts.hash == r.record.facts.hash;
      ++table.recorded;
      if (!row.is_same) ++table.different;
    }
    if (r.record.above > 0) ++table.above;
    table.rows.push_back(std::move(row));
  }
  return table;
}

void print_replay(const ReplayTable& table) {
  std::printf("%-9s %-40s %-16s %-10s %10s  %s\n", "phase", "op", "tensor", "recorded", "samples", "rho median / worst");
  for (const ReplayRow& row : table.rows) {
    const OpRecord& r = row.now.record;
    std::printf("%-9s %-40s %-16s %-10s %10u  %s%s\n", std::string(audit::phase_name(r.phase)).c_str(), row.now.node.c_str(),
                row.now.tensor.c_str(),
                !row.was_recorded ? "-"
                : row.is_same     ? "equal"
                                  : "DIFFERENT",
                r.samples, rho_text(r).c_str(), r.above > 0 ? "  ABOVE ITS BOUND" : "");
  }
  std::printf("%zu tensors, %zu of them recorded, %zu different, %zu above their bound\n", table.rows.size(), table.recorded,
              table.different, table.above);
}

std::string replay_json(const ReplayTable& table) {
  Json json = Json::object();
  json["recorded"] = table.recorded;
  json["different"] = table.different;
  json["above"] = table.above;
  json["line"] = table.line.empty() ? "equal" : table.line;
  json["tensors"] = Json::array();
  for (const ReplayRow& row : table.rows) {
    Json one = record_json(row.now);
    one["recorded"] = row.was_recorded ? Json(row.is_same ? "equal" : "different") : Json();
    json["tensors"].push_back(std::move(one));
  }
  return json_text(json);
}

void print_diff(const audit::StepRecords& a, const audit::StepRecords& b, bool json) {
  const std::map<Key, const NamedRecord*> of_b = by_key(b);
  Json rows = Json::array();
  std::size_t different = 0, both = 0;
  if (!json) std::printf("%-9s %-40s %-14s %-9s %-9s %s\n", "phase", "op", "tensor", "inputs", "values", "rho worst A, B");
  for (const NamedRecord& r : a.records) {
    const auto found = of_b.find(key_of(r));
    if (found == of_b.end()) continue;
    const OpRecord& o = found->second->record;
    const bool inputs = o.inputs == r.record.inputs, values = o.facts.hash == r.record.facts.hash;
    ++both;
    if (!values) ++different;
    if (json) {
      rows.push_back(
          {{"a", record_json(r)}, {"b", record_json(*found->second)}, {"same_inputs", inputs}, {"same_values", values}});
    } else {
      std::printf("%-9s %-40s %-14s %-9s %-9s %s, %s\n", std::string(audit::phase_name(r.record.phase)).c_str(), r.node.c_str(),
                  r.tensor.c_str(), inputs ? "equal" : "differ", values ? "equal" : "DIFFER",
                  fixed(r.record.worst_rho, 3).c_str(), fixed(o.worst_rho, 3).c_str());
    }
  }
  if (json) {
    std::printf("%s", json_text(rows).c_str());
  } else {
    std::printf("%zu tensors that both recorded, %zu different\n", both, different);
  }
}

void print_parting(const audit::Parting& p) {
  for (const std::string& option : p.options) std::printf("option    %s\n", option.c_str());
  if (p.cause == audit::Cause::none) {
    std::printf("%s the same; %s\n", steps_text(p.steps).c_str(), p.because.c_str());
    return;
  }
  std::printf("%s the same; step %lld is the first that differs, in its %s\n", steps_text(p.steps).c_str(),
              static_cast<long long>(p.step), p.what.c_str());
  std::printf("cause     %s\n", std::string(audit::cause_name(p.cause)).c_str());
  if (p.a) {
    std::printf("op        %s, %s of its %s pass: equal inputs, other values (%s)\n", p.a->node.c_str(), p.a->tensor.c_str(),
                std::string(audit::phase_name(p.a->record.phase)).c_str(), source_of(*p.a).c_str());
    std::printf("rho       A %s, B %s (median / worst)\n", rho_text(p.a->record).c_str(), rho_text(p.b->record).c_str());
  }
  std::printf("verdict   %s: %s\n", std::string(audit::verdict_name(p.verdict)).c_str(), p.because.c_str());
}

Json parting_json(const audit::Parting& p) {
  Json json = {{"same_steps", p.steps},
               {"cause", audit::cause_name(p.cause)},
               {"verdict", audit::verdict_name(p.verdict)},
               {"because", p.because}};
  json["options"] = p.options;
  if (p.cause != audit::Cause::none) {
    json["step"] = p.step;
    json["what"] = p.what;
  }
  if (p.a) {
    json["a"] = record_json(*p.a);
    json["b"] = record_json(*p.b);
  }
  return json;
}

std::string step_json(const audit::StepLine& line, const audit::StepRecords& step) {
  Json json = {{"step", line.step}, {"epoch", line.epoch}, {"lr", line.lr}, {"loss", line.loss}, {"images", hex(line.images)}};
  json["tensors"] = Json::array();
  for (const NamedRecord& r : step.records) json["tensors"].push_back(record_json(r));
  return json_text(json);
}

void walk_through(const audit::StepLine& line, const audit::StepRecords& step, bool wait) {
  std::printf("step %llu: epoch %u, lr %s, loss %s, batch %s\n", static_cast<unsigned long long>(line.step), line.epoch,
              shortest(line.lr).c_str(), shortest(line.loss).c_str(), hex(line.images).c_str());
  const NamedRecord* before = nullptr;
  for (const NamedRecord& r : step.records) {
    if (before == nullptr || before->node != r.node || before->record.phase != r.record.phase) {
      if (wait && before != nullptr) {
        std::printf("  -- Enter: next op");
        std::fflush(stdout);
        std::string ignored;
        if (!std::getline(std::cin, ignored)) wait = false;
        check_interrupt("walking through a step");
      }
      std::printf("%s  %s   (%s)\n", std::string(audit::phase_name(r.record.phase)).c_str(), r.node.c_str(),
                  source_of(r).c_str());
    }
    print_facts(r);
    before = &r;
  }
}

}  // namespace vitrine::cli
