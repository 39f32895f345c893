#include "audit/report_data.h"

#include <algorithm>
#include <array>

#include "audit/manifest.h"
#include "audit/place.h"
#include "audit/report_gather.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostText = std::uint64_t{16} << 20, kMostChain = std::uint64_t{1} << 32,
                        kMostFile = std::uint64_t{1} << 40;

// How many lines the chain has, whether they hold or not: the columns are laid out before it is read.
std::uint64_t lines_of(const fs::path& file) {
  const InputFile chain(file, kMostChain);
  std::array<char, 1 << 16> piece{};
  std::uint64_t lines = 0;
  for (std::uint64_t at = 0; at < chain.size(); at += piece.size()) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), chain.size() - at));
    chain.read(at, std::span(piece).first(count));
    lines += static_cast<std::uint64_t>(std::count(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
  }
  return lines;
}

std::string value_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// Members of run.json as rows; those of the groups `program` and `machine` by their own names.
void read_facts(const fs::path& file, FoldReport& report) {
  const Json json = parse_json(read_file(file, kMostText));
  for (const auto& [key, value] : json.items()) {
    if (key == "options") {
      for (const auto& [name, option] : value.items()) report.options.emplace_back(name, value_of(option));
    } else if (value.is_object()) {
      for (const auto& [name, inner] : value.items()) report.identities.emplace_back(key + " " + name, value_of(inner));
    } else {
      report.identities.emplace_back(key, value_of(value));
    }
  }
}

// As the manifest names them; without one as they lie there.
void read_files(const fs::path& folder, FoldReport& report) {
  if (!report.verified.finished) {
    for (const fs::path& file : entries_of(folder))
      report.files.push_back({file.filename().string(), "", InputFile(file, kMostFile).size()});
    return;
  }
  const Json json = parse_json(read_file(folder / "MANIFEST.json", kMostText));
  for (const Json& entry : member(json, "files"))
    report.files.push_back({text_in(entry, "path"), text_in(entry, "sha256"), unsigned_in(entry, "bytes")});
}

class Gatherer final : public FolderWatch {
 public:
  explicit Gatherer(FoldReport& report) : report_(report), records_(report) {}

  void records(const TraceBlock& block, const TraceReader& trace) override {
    for (const OpRecord& record : block.records) records_.take(record, trace);
  }
  void step(const StepLine& line, std::string_view lineage) override {
    take_lineage(lineage, report_.lineage);
    const std::size_t column = report_.columns.of(line.step);
    if (column >= report_.steps.size()) return;  // was written while this reads
    StepFigures& figures = report_.steps[column];
    if (figures.steps == 0) {
      figures.epoch = line.epoch;
      figures.lr = line.lr;
      figures.loss_low = figures.loss_high = line.loss;
    }
    ++figures.steps;
    figures.loss_sum += line.loss;
    figures.loss_low = std::min(figures.loss_low, line.loss);
    figures.loss_high = std::max(figures.loss_high, line.loss);
  }
  void finish() { records_.finish(); }

 private:
  FoldReport& report_;
  RecordGatherer records_;
};

// Runs one check; what it refuses goes into `broken`. False then.
template <class Check>
bool held(FoldReport& report, const Check& check) {
  try {
    check();
    return true;
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    report.broken.emplace_back(error.what());
  } catch (const std::runtime_error& error) {  // of JSON that is none
    report.broken.emplace_back(error.what());
  }
  return false;
}

void lay_out(FoldReport& report, std::uint64_t steps) {
  report.columns = StepColumns(steps);
  report.steps.resize(report.columns.count);
  for (std::vector<RangeFigures>& phase : report.ranges) phase.resize(report.columns.count);
}

}  // namespace

FoldReport fold_report(const fs::path& folder) {
  FoldReport report;
  report.name = printable(folder.filename().string(), 60);
  Verified& v = report.verified;
  if (!held(report, [&] {
        v.identity = read_identity(folder / "run.json");
        read_facts(folder / "run.json", report);
      }))
    return report;
  v.head = v.identity.sha256;
  v.finished = has_manifest(folder);
  held(report, [&] { read_files(folder, report); });
  held(report, [&] { check_place(folder, v.identity, v.finished); });
  if (v.finished) held(report, [&] { v.manifest_sha256 = check_manifest(folder).sha256; });
  Gatherer gatherer(report);
  const bool whole = held(report, [&] {
    lay_out(report, lines_of(folder / "steps.jsonl"));
    verify_steps(folder, v, &gatherer);
  });
  if (!whole) report.broken_at = v.steps;
  gatherer.finish();
  v.remarks = remarks_on(v);
  const fs::path run = folder.parent_path().parent_path();
  add_labels(run.empty() ? fs::path(".") : run, report.lineage);
  return report;
}

std::vector<std::int64_t> spread_steps(std::uint64_t steps, std::int64_t count) {
  const auto last = static_cast<std::int64_t>(steps) - 1;
  const std::int64_t most = std::min(count, last + 1);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < most; ++i) chosen.push_back(most == 1 ? last : i * last / (most - 1));
  return chosen;
}

}  // namespace vitrine::audit
