#include "audit/audit_files.h"

#include "audit/line_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::audit {

namespace fs = std::filesystem;

namespace {

bool is_of_audit(const std::string& name) {
  for (const char* own : {"run.json", "steps.jsonl", "trace.vtr", "lineage.jsonl", "MANIFEST.json"}) {
    if (name == own) return true;
  }
  return name.starts_with("state-") && name.ends_with(".safetensors");
}

}  // namespace

AuditFiles::AuditFiles(const fs::path& folder, const std::string& identity, std::int64_t steps) : folder_(folder) {
  const std::string seal = sha256(identity);
  if (steps > 0) {
    go_on(identity, seal, steps);
    return;
  }
  make_directory(folder);
  check_plain_files(folder);
  remove_stale_temporaries(folder);
  for (const fs::path& file : entries_of(folder)) {
    if (!is_of_audit(file.filename().string()))
      throw UsageError(
          text(file, ": is no file of an audit, and an audit will be written there; move it away, or choose another folder"));
  }
  for (const fs::path& file : entries_of(folder)) fs::remove(file);
  write_file(folder / "run.json", identity);
  steps_.emplace(folder / "steps.jsonl", "");
  lineage_.emplace(folder / "lineage.jsonl", "");
  trace_.emplace(folder / "trace.vtr", seal);
  prev_ = seal;
}

void AuditFiles::add(StepLine line, const std::vector<OpRecord>& records, const std::string& lineage) {
  if (!records.empty()) trace_->add(records, line.step);
  line.trace = trace_->head();
  line.lineage = sha256(lineage);
  lineage_->append(lineage);
  steps_->append(chained_line(line, prev_));
}

void AuditFiles::sync() {
  trace_->sync();
  lineage_->sync();
  steps_->sync();
}

void AuditFiles::go_on(const std::string& identity, const std::string& seal, std::int64_t steps) {
  const std::string advice = "; go on with that program and --audit as it was, or begin anew with --force-new";
  if (!path_exists(folder_ / "run.json"))
    throw UsageError(text(folder_, ": there is no audit of the ", steps,
                          " steps that this fold has made; go on without --audit", ", or begin anew with --force-new"));
  if (read_file(folder_ / "run.json", std::uint64_t{16} << 20) != identity)
    throw UsageError(text(folder_, ": its audit was begun by another program, level or machine, or on other data", advice));
  fs::remove(folder_ / "MANIFEST.json");  // of a training that had finished before its last state was on the disk
  ChainReader chain(folder_ / "steps.jsonl", seal);
  std::optional<StepLine> last;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto line = chain.next_text();
    if (!line)
      throw DataError(
          text(folder_, ": its chain has ", i, " steps, the fold's saved state ", steps, "; begin anew with --force-new"));
    if (i + 1 == steps) last = chain.read(*line);
  }
  TraceReader trace(folder_ / "trace.vtr", seal);
  TraceBlock block;
  while (trace.head().blocks < last->trace.blocks) {
    if (!trace.next(block))
      throw DataError(text(folder_, "/trace.vtr: ends before the chain does; begin anew with --force-new"));
  }
  if (trace.head().seal != last->trace.seal)
    throw DataError(text(folder_, "/trace.vtr: is not the one that the chain names; begin anew with --force-new"));
  trace_.emplace(trace);
  steps_.emplace(folder_ / "steps.jsonl", chain.offset());
  lineage_.emplace(folder_ / "lineage.jsonl", bytes_of_lineage(static_cast<std::uint64_t>(steps)));
  prev_ = chain.head();
}

// Of the lines of the steps before `steps`.
std::uint64_t AuditFiles::bytes_of_lineage(std::uint64_t steps) const {
  LineReader lines(folder_ / "lineage.jsonl");
  const std::string next = text("{\"step\":", steps, ",");
  while (const auto line = lines.peek()) {
    if (line->starts_with(next) || !line->ends_with('\n')) break;
    lines.skip();
  }
  return lines.offset();
}

}  // namespace vitrine::audit
