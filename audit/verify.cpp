#include "audit/verify.h"

#include <algorithm>

#include "audit/manifest.h"
#include "audit/place.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

// The lines of lineage.jsonl of that step, which come next.
std::string next_lineage(LineReader& lines, std::uint64_t step) {
  const std::string begin = text("{\"step\":", step, ",");
  std::string all;
  while (const std::optional<std::string_view> line = lines.peek()) {
    if (!line->starts_with(begin) || !line->ends_with('\n')) break;
    all += *line;
    lines.skip();
  }
  return all;
}

// What no recorder writes: a rho that is no number from 0, or counts that do not fit it.
void check_sense(const OpRecord& r, const TraceReader& trace, const TraceBlock& block) {
  if (!r.has(kShadowed)) return;
  const bool fits = r.worst_rho >= 0 && r.median_rho >= 0 && r.median_rho <= r.worst_rho && r.samples > 0 &&
                    r.above <= r.samples && (r.above > 0) == (r.worst_rho > 1);
  if (!fits)
    throw DataError(text(trace.path(), ": block ", block.number, " at byte ", block.offset, " of step ", block.step,
                         " has a record whose rho and counts contradict each other; no recorder wrote it"));
}

void take_records(const TraceBlock& block, Verified& v) {
  v.records += block.records.size();
  for (const OpRecord& r : block.records) {
    if (r.has(kOtherForm)) v.worst_folded = std::max(v.worst_folded, r.worst_error);
    if (!r.has(kShadowed)) continue;
    ++v.shadowed;
    if (r.above > 0) ++v.above;
    v.worst_rho = std::max(v.worst_rho, r.worst_rho);
  }
}

}  // namespace

void verify_steps(const fs::path& folder, Verified& v, FolderWatch* watch) {
  ChainReader chain(folder / "steps.jsonl", v.identity.sha256);
  TraceReader trace(folder / "trace.vtr", v.identity.sha256);
  LineReader lineage(folder / "lineage.jsonl");
  TraceBlock block;
  while (const std::optional<StepLine> step = chain.next()) {
    if (step->step % 1024 == 0) check_interrupt("verifying an audit");
    while (trace.head().blocks < step->trace.blocks) {
      if (!trace.next(block))
        throw DataError(
            text(trace.path(), ": ends before step ", step->step, ", of which the chain names block ", step->trace.blocks - 1));
      if (block.step != step->step)
        throw DataError(text(trace.path(), ": block ", block.number, " at byte ", block.offset, " is of step ", block.step,
                             ", step ", step->step, " is expected there"));
      for (const OpRecord& r : block.records) check_sense(r, trace, block);
      take_records(block, v);
      v.blocks = trace.head().blocks;
      if (watch != nullptr) watch->records(block, trace);
    }
    if (trace.head().seal != step->trace.seal || trace.head().bytes != step->trace.bytes)
      throw DataError(
          text(trace.path(), ": is not the trace that the chain names at step ", step->step, "; it is of another run"));
    const std::string lines = next_lineage(lineage, step->step);
    if (sha256(lines) != step->lineage)
      throw DataError(
          text(lineage.path(), ": the lines of step ", step->step, ", before byte ", lineage.offset(), ", were changed"));
    ++v.steps;
    v.head = chain.head();
    if (watch != nullptr) watch->step(*step, lines);
  }
  if (v.finished && (trace.next(block) || lineage.peek()))
    throw DataError(text(folder, ": the trace or the lineage goes on behind the last step of the chain, ", v.steps,
                         "; a line of the chain is missing"));
  v.blocks = trace.head().blocks;
  v.head = chain.head();
}

std::vector<std::string> remarks_on(const Verified& v) {
  std::vector<std::string> remarks;
  if (!v.finished)
    remarks.emplace_back(
        "there is no MANIFEST.json: the fold is still being trained, or was stopped; what it holds so far is checked");
  if (v.steps == 0) remarks.emplace_back("no step was recorded: there is nothing that could be wrong");
  if (v.identity.program != sha256_of_this_program())
    remarks.emplace_back(text("it was written by another program (SHA-256 ", printable(v.identity.program.substr(0, 16), 80),
                              "...); that matters where steps are made again"));
  return remarks;
}

Verified verify_folder(const fs::path& folder) {
  Verified v;
  v.identity = read_identity(folder / "run.json");
  v.finished = has_manifest(folder);
  check_place(folder, v.identity, v.finished);
  if (v.finished) v.manifest_sha256 = check_manifest(folder).sha256;
  verify_steps(folder, v);
  v.remarks = remarks_on(v);
  return v;
}

std::vector<fs::path> audits_of(const fs::path& given) {
  if (!path_exists(given))
    throw DataError(text(given, " does not exist; give the folder of a run that was trained with --audit"));
  if (path_exists(given / "run.json") && path_exists(given / "steps.jsonl")) return {given};
  const fs::path whole = fs::absolute(given / "").lexically_normal().parent_path();
  if (whole.filename() == "audit") return audits_of(whole.parent_path());
  if (const fs::path own = audit_folder(whole); path_exists(own / "run.json")) return {own};  // RUN/fold_0
  const fs::path run = given;
  if (is_folder(run / "trials"))
    throw DataError(text(run, ": is a search; name one of its trials, as ", run / "trials" / "0001"));
  std::vector<fs::path> found;
  fs::path without;
  for (const fs::path& of_study : entries_of(run / "runs")) {
    if (!is_folder(of_study / "audit")) {
      if (path_exists(of_study / "fold_0" / "fold.json")) without = of_study;
      continue;
    }
    for (const fs::path& folder : audits_of(of_study)) found.push_back(folder);
  }
  if (!found.empty() && !without.empty())
    throw DataError(text(without,
                         " has no audit, and other runs of the study have; it was trained without --audit, or its audit was "
                         "taken away; name one run to "
                         "look at it alone"));
  if (!found.empty()) return found;
  for (const fs::path& entry : entries_of(run / "audit")) {
    if (is_folder(entry) && entry.filename().string().starts_with("fold_")) found.push_back(entry);
  }
  std::ranges::sort(found, {},
                    [](const fs::path& p) { return std::pair(p.filename().string().size(), p.filename().string()); });
  if (found.empty())
    throw DataError(text(run,
                         ": holds no audit (no audit/fold_0); it was trained without --audit summary or full, or has not made "
                         "its first step yet"));
  return found;
}

}  // namespace vitrine::audit
