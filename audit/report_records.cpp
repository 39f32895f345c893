#include <algorithm>
#include <cmath>
#include <limits>

#include "audit/report_gather.h"
#include "base/error.h"

namespace vitrine::audit {
namespace {

bool is_of_op(Phase phase) { return phase == Phase::forward || phase == Phase::backward; }
std::size_t at(Phase phase) { return static_cast<std::size_t>(phase); }
double ranked(double rho) { return std::isnan(rho) ? std::numeric_limits<double>::infinity() : rho; }

void add(RhoFigures& f, const OpRecord& r, bool is_new) {
  ++f.records;
  if (is_new) ++f.tensors;
  if (!r.has(kShadowed)) return;
  const double rho = ranked(r.worst_rho);
  if (f.compared == 0 || rho > f.worst) {
    f.worst = rho;
    f.worst_step = r.step;
  }
  ++f.compared;
  f.elements += r.samples;
  f.medians.add(r.median_rho);
  if (r.above > 0) ++f.above;
}

}  // namespace

std::string place_of(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return name;
  const std::size_t second = name.find('.', dot + 1);
  const bool numbered = dot + 1 < name.size() && name[dot + 1] >= '0' && name[dot + 1] <= '9';
  return numbered ? name.substr(0, second) : name.substr(0, dot);
}

OpRow& RecordGatherer::row_of(const OpRecord& r, const std::string& node) {
  const auto [found, is_new] = ops_.emplace(node, report_.ops.size());
  if (is_new) {
    OpRow& row = report_.ops.emplace_back();
    row.node = node;
    row.op = r.op;
    for (std::vector<RhoCell>& cells : row.cells) cells.resize(report_.columns.count);
  }
  return report_.ops[found->second];
}

RhoFigures& RecordGatherer::kind_figures(Phase phase, const std::string& kind) {
  const auto [found, is_new] = kinds_.emplace(text(static_cast<int>(phase), " ", kind), report_.kinds.size());
  if (is_new) report_.kinds.push_back({kind, phase, {}});
  return report_.kinds[found->second].figures;
}

void RecordGatherer::take_rho(const OpRecord& r, const std::string& node) {
  const std::uint64_t key = (std::uint64_t{r.node} * kMostNames + r.tensor) * 2 + at(r.phase);
  const bool is_new = seen_.insert(key).second;
  OpRow& row = row_of(r, node);
  add(row.of[at(r.phase)], r, is_new);
  add(kind_figures(r.phase, kind_of(node)), r, is_new);
  RhoCell& cell = row.cells[at(r.phase)][report_.columns.of(r.step)];
  ++cell.records;
  if (!r.has(kShadowed)) return;
  cell.worst = cell.compared == 0 ? ranked(r.worst_rho) : std::max(cell.worst, ranked(r.worst_rho));
  ++cell.compared;
  if (r.above > 0) ++cell.above;
}

// Of equals the earlier one stays in front.
void RecordGatherer::take_worst(const OpRecord& r, const TraceReader& trace) {
  std::vector<WorstRecord>& worst = report_.worst;
  const double rho = ranked(r.worst_rho);
  if (worst.size() == kWorst && rho <= ranked(worst.back().record.worst_rho)) return;
  const auto place = std::ranges::find_if(worst, [&](const WorstRecord& w) { return ranked(w.record.worst_rho) < rho; });
  worst.insert(place, {r, trace.name(r.node), trace.name(r.tensor)});
  if (worst.size() > kWorst) worst.pop_back();
}

void RecordGatherer::take_values(const OpRecord& r, const TraceReader& trace) {
  const TensorFacts& f = r.facts;
  RangeFigures& range = report_.ranges[at(r.phase)][report_.columns.of(r.step)];
  range.low = range.records == 0 ? f.minimum : std::min(range.low, f.minimum);
  range.high = range.records == 0 ? f.maximum : std::max(range.high, f.maximum);
  ++range.records;
  range.elements += static_cast<std::uint64_t>(f.elements);
  range.nans += static_cast<std::uint64_t>(f.nans);
  range.infinities += static_cast<std::uint64_t>(f.infinities);
  range.subnormals += static_cast<std::uint64_t>(f.subnormals);
  range.zeros += static_cast<std::uint64_t>(f.zeros);
  if (f.nans + f.infinities > 0 && !report_.first_not_finite)
    report_.first_not_finite = WorstRecord{r, trace.name(r.node), trace.name(r.tensor)};
  if (r.phase == Phase::forward) take_zeros(r, trace);
  if (r.phase == Phase::gradient) take_gradient(r, trace.name(r.node));
}

void RecordGatherer::take_zeros(const OpRecord& r, const TraceReader& trace) {
  const std::string& node = trace.name(r.node);
  const std::string& tensor = trace.name(r.tensor);
  const auto [found, is_new] = zeros_.emplace(node + "\n" + tensor, report_.zeros.size());
  if (is_new) report_.zeros.push_back({node, tensor, 0, 0, std::vector<float>(report_.columns.count, -1.0F)});
  ZeroRow& row = report_.zeros[found->second];
  row.elements += static_cast<std::uint64_t>(r.facts.elements);
  row.zeros += static_cast<std::uint64_t>(r.facts.zeros);
  // A column of several steps shows its largest share.
  float& share = row.share[report_.columns.of(r.step)];
  share = std::max(share, static_cast<float>(static_cast<double>(r.facts.zeros) / static_cast<double>(r.facts.elements)));
}

void RecordGatherer::take_gradient(const OpRecord& r, const std::string& parameter) {
  const auto [found, is_new] = gradients_.emplace(parameter, report_.gradients.size());
  if (is_new) {
    report_.gradients.push_back({parameter, place_of(parameter), std::vector<double>(report_.columns.count, -1.0)});
    gradient_counts_.emplace_back(report_.columns.count);
  }
  const std::size_t column = report_.columns.of(r.step);
  double& mean = report_.gradients[found->second].norm[column];
  std::uint32_t& count = gradient_counts_[found->second][column];
  ++count;
  mean = count == 1 ? r.facts.norm : mean + (r.facts.norm - mean) / count;
}

void RecordGatherer::take(const OpRecord& r, const TraceReader& trace) {
  const std::size_t column = report_.columns.of(r.step);
  if (column >= report_.steps.size()) return;
  StepFigures& step = report_.steps[column];
  ++step.records;
  // A parameter that is seen at its use has a name without an op: whether it was written over is no matter of rounding.
  const std::string& node = trace.name(r.node);
  if (is_of_op(r.phase) && node.find('/') != std::string::npos) take_rho(r, node);
  if (r.has(kShadowed)) {
    ++step.compared;
    if (r.above > 0) ++step.above;
    step.worst_rho = std::max(step.worst_rho, ranked(r.worst_rho));
    take_worst(r, trace);
  }
  if (tells_values(r) && at(r.phase) < report_.ranges.size()) take_values(r, trace);
}

void RecordGatherer::finish() {
  std::ranges::stable_sort(report_.ops, {}, &OpRow::op);
  std::ranges::sort(report_.kinds, {}, [](const KindRow& k) { return std::pair(k.phase, k.kind); });
  std::erase_if(report_.zeros, [](const ZeroRow& z) { return z.zeros == 0; });
  std::ranges::stable_sort(report_.zeros, std::greater{},
                           [](const ZeroRow& z) { return static_cast<double>(z.zeros) / static_cast<double>(z.elements); });
}

}  // namespace vitrine::audit
