#include "audit/bisect.h"

#include <map>
#include <tuple>

#include "audit/verify.h"
#include "base/error.h"
#include "base/json.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

// The lines of lineage.jsonl of one step, the hash of the input left out: which samples, how they were drawn.
struct Uses {
  std::string samples, draws;
};
Uses uses_of(const fs::path& folder, std::int64_t step) {
  LineReader lines(folder / "lineage.jsonl");
  const std::string begin = text("{\"step\":", step, ",");
  Uses uses;
  for (bool found = false; const std::optional<std::string_view> text_of_use = lines.peek(); lines.skip()) {
    if (!text_of_use->starts_with(begin)) {
      if (found) break;
      continue;
    }
    found = true;
    Json line = parse_json(*text_of_use);
    uses.samples += text_in(line, "sample") + text_in(line, "sha256") + "\n";
    line.erase("input");
    line.erase("sha256");
    uses.draws += line.dump() + "\n";
  }
  return uses;
}

struct Difference {
  Cause cause = Cause::none;
  std::string what;
};

// What differs first in the order of a step.
Difference difference(const StepLine& a, const StepLine& b) {
  if (a.images != b.images) return {Cause::data, "images"};
  if (a.targets != b.targets) return {Cause::draws, "targets"};
  if (a.logits != b.logits) return {Cause::forward, "logits"};
  if (!(a.loss == b.loss)) return {Cause::forward, "loss"};
  if (a.sampled == b.sampled && a.gradients != b.gradients) return {Cause::backward, "gradients"};
  if (!(a.lr == b.lr)) return {Cause::options, "lr"};
  if (!(a.momentum == b.momentum)) return {Cause::options, "momentum"};
  if (a.sampled == b.sampled && a.moments != b.moments) return {Cause::optimiser, "moments"};
  if (a.weights != b.weights) return {Cause::optimiser, "weights"};
  if (a.buffers != b.buffers) return {Cause::buffers, "buffers"};
  return {};
}

// The members before `lineage`: those that `difference` compares.
std::string_view what_was_computed(std::string_view line) { return line.substr(0, line.find(",\"lineage\"")); }

std::vector<std::string> different_options(const Identity& a, const Identity& b) {
  std::vector<std::string> out;
  const std::map<std::string, std::string> of_b(b.options.begin(), b.options.end());
  for (const auto& [name, value] : a.options) {
    const auto found = of_b.find(name);
    const std::string other = found == of_b.end() ? "not there" : found->second;
    if (other != value) out.push_back(text(name, ": ", printable(value, 60), ", ", printable(other, 60)));
  }
  return out;
}

void judge(Parting& p) {
  const OpRecord &a = p.a->record, &b = p.b->record;
  if (a.above > 0 || b.above > 0) {
    p.verdict = Verdict::violation;
    p.because = text("in run ", a.above > 0 ? "A" : "B", " ", a.above > 0 ? a.above : b.above, " of ",
                     a.above > 0 ? a.samples : b.samples, " elements lie outside the bound of the op (worst rho ",
                     a.above > 0 ? a.worst_rho : b.worst_rho, ")");
  } else if (!a.has(kShadowed) || !b.has(kShadowed)) {
    p.verdict = Verdict::undecided;
    p.because = "no bound was evaluated for that tensor";
  } else {
    p.verdict = Verdict::legal_rounding;
    p.because = text("of ", a.samples, " and ", b.samples,
                     " elements that were compared with float64 all lie within the op's bound (worst rho ", a.worst_rho,
                     " and ", b.worst_rho, ")");
  }
}

// Records of the step with every op in them: those of the trace, or made again.
std::optional<StepRecords> all_records(const fs::path& folder, std::int64_t step, const RemakeStep& remake) {
  if (read_identity(folder / "run.json").level == "full") return recorded_step(folder, step);
  return remake ? remake(folder, step) : std::nullopt;
}

void explain_inputs(Parting& p, const fs::path& a, const fs::path& b) {
  const Uses in_a = uses_of(a, p.step), in_b = uses_of(b, p.step);
  p.verdict = Verdict::other_inputs;
  if (in_a.samples != in_b.samples) {
    p.because = "the step saw other samples, or other crops under their names";
  } else if (in_a.draws != in_b.draws) {
    p.cause = Cause::draws;
    p.because = "the samples are the same, but other views, partners or shares were drawn for them";
  } else {
    p.verdict = Verdict::violation;
    p.because = "samples and draws are the same, but the pixels made of them are not: these are exact functions of both";
  }
}

}  // namespace

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::none: return "none";
    case Cause::options: return "options";
    case Cause::data: return "data";
    case Cause::draws: return "draws";
    case Cause::weights: return "weights";
    case Cause::forward: return "forward";
    case Cause::backward: return "backward";
    case Cause::optimiser: return "optimiser";
    case Cause::buffers: return "buffers";
  }
  return "unknown";
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::equal: return "equal";
    case Verdict::legal_rounding: return "legal rounding";
    case Verdict::violation: return "violation";
    case Verdict::other_inputs: return "other inputs";
    case Verdict::undecided: return "undecided";
  }
  return "unknown";
}

std::optional<std::pair<NamedRecord, NamedRecord>> first_parting(const StepRecords& a, const StepRecords& b) {
  std::map<std::tuple<Phase, std::string, std::string>, const NamedRecord*> of_b;
  for (const NamedRecord& r : b.records) of_b.emplace(std::tuple(r.record.phase, r.node, r.tensor), &r);
  for (const NamedRecord& r : a.records) {
    const auto found = of_b.find(std::tuple(r.record.phase, r.node, r.tensor));
    if (found == of_b.end()) continue;
    const OpRecord& other = found->second->record;
    // dy is what an op was given, not what it made; what names no inputs follows from records that stand before it.
    if (r.tensor == "dy" || r.record.facts.elements == 0 || r.record.inputs == Hash128{}) continue;
    if (r.record.inputs == other.inputs && r.record.facts.hash != other.facts.hash) return std::pair(r, *found->second);
  }
  return std::nullopt;
}

namespace {

// Compares the chains up to the first line that differs, and says what of it does. False where none does.
bool first_different_line(const fs::path& a, const Identity& of_a, const fs::path& b, const Identity& of_b, Parting& p) {
  ChainReader chain_a(a / "steps.jsonl", of_a.sha256), chain_b(b / "steps.jsonl", of_b.sha256);
  for (;; ++p.steps) {
    const std::optional<std::string_view> text_a = chain_a.next_text(), text_b = chain_b.next_text();
    if (!text_a || !text_b) {
      p.because =
          text_a || text_b ? text("run ", text_a ? "B" : "A", " ends there, the other goes on") : "every step is the same";
      return false;
    }
    if (what_was_computed(*text_a) == what_was_computed(*text_b)) continue;
    const StepLine line_a = chain_a.read(*text_a);
    const Difference found = difference(line_a, chain_b.read(*text_b));
    if (found.cause == Cause::none) continue;
    p.cause = found.cause;
    p.what = found.what;
    p.step = static_cast<std::int64_t>(line_a.step);
    return true;
  }
}

// The op where a step parts, and what its bound says.
void look_into_step(const fs::path& a, const fs::path& b, const RemakeStep& remake, Parting& p) {
  const std::optional<StepRecords> records_a = all_records(a, p.step, remake), records_b = all_records(b, p.step, remake);
  if (records_a && records_b) {
    if (const auto parted = first_parting(*records_a, *records_b)) {
      p.a = parted->first;
      p.b = parted->second;
      return judge(p);
    }
    if (!p.options.empty()) {
      p.verdict = Verdict::other_inputs;
      p.because = "every op that differs was given other inputs or other settings, and the runs have other options";
      return;
    }
  }
  p.verdict = Verdict::undecided;
  if (!records_a || !records_b) {
    p.because = text("the trace of run ", records_a ? "B" : "A",
                     " does not hold the records of that step's ops, and this program does not make the step as it was");
  } else {
    p.because = text(
        "no op of the step has other values for the same inputs, so one line of the chains does not say what its run "
        "computed; `vitrine audit verify --steps ",
        p.step, "` of each run names it");
  }
}

}  // namespace

Parting bisect(const fs::path& a, const fs::path& b, const RemakeStep& remake) {
  const Identity of_a = verify_folder(a).identity, of_b = verify_folder(b).identity;
  Parting p;
  p.options = different_options(of_a, of_b);
  if (of_a.weights != of_b.weights) {
    p.cause = Cause::weights;
    p.step = 0;
    p.what = "weights before the first step";
    p.verdict = Verdict::other_inputs;
    p.because = "the networks began with other weights";
    return p;
  }
  if (!first_different_line(a, of_a, b, of_b, p)) {
    if (of_a.data == of_b.data) return p;
    p.cause = Cause::data;
    p.verdict = Verdict::other_inputs;
    p.what = "data_sha256 of run.json";
    p.because = text(p.because, ", but the runs do not have the same data: another validation, inner or test part");
    return p;
  }
  if (p.cause == Cause::data) {
    explain_inputs(p, a, b);
  } else if (p.cause == Cause::draws || p.cause == Cause::options) {
    p.verdict = Verdict::other_inputs;
    p.because = p.cause == Cause::options ? "the step was made at another rate" : "the labels of the batch are others";
  } else {
    look_into_step(a, b, remake, p);
  }
  return p;
}

}  // namespace vitrine::audit
