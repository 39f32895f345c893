// `vitrine audit diff|bisect`: two runs against each other.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "audit/bisect.h"
#include "audit/re_execution.h"
#include "audit/verify.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"
#include "base/standard_streams.h"
#include "cli/audit_folds.h"
#include "cli/audit_tables.h"
#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

struct TwoRuns {
  std::string a, b;
  std::optional<int> fold;
  std::int64_t step = 0;
  bool json = false;
  bool remake = true;
};

void add_two(Command app, TwoRuns& c, const char* fold) {
  app.add_option("a", c.a, "run A, or one fold's audit in it").required();
  app.add_option("b", c.b, "run B, or one fold's audit in it").required();
  app.add_option("--fold", c.fold, fold);
  app.add_flag("--json", c.json, "as JSON");
}

void run_diff(const TwoRuns& c) {
  const fs::path in_a = folder_of({c.a, c.fold}), in_b = folder_of({c.b, c.fold});
  for (const fs::path& folder : {in_a, in_b}) audit::verify_folder(folder);
  print_diff(audit::recorded_step(in_a, c.step), audit::recorded_step(in_b, c.step), c.json);
  const std::size_t folds = std::max(audit::audits_of(c.a).size(), audit::audits_of(c.b).size());
  if (!c.fold && folds > 1) note(text("of ", folds, " folds only ", in_a.filename(), " was compared; --fold names another"));
}

std::optional<audit::StepRecords> remade(const fs::path& folder, std::int64_t step) {
  try {
    audit::ReExecution run(folder, Device::cpu());
    audit::StepRecords made = audit::remade_step(run, step, "full");
    const audit::StepLine then = audit::recorded_step(folder, step).line;
    if (made.line.logits != then.logits || made.line.weights != then.weights)
      return std::nullopt;  // this program does not make it as it was
    return made;
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    note(text("step ", step, " of ", folder, " cannot be made again: ", error.what()));
    return std::nullopt;
  }
}

// Folds of both runs, by name; those that one has alone.
struct FoldPairs {
  std::vector<std::pair<fs::path, fs::path>> both;
  std::vector<std::string> alone;  // "fold_2 is in A alone"
};

FoldPairs pairs_of(const TwoRuns& c) {
  const std::vector<fs::path> in_a = audit::audits_of(c.a), in_b = audit::audits_of(c.b);
  if (c.fold || (in_a.size() == 1 && in_b.size() == 1)) return {{{folder_of({c.a, c.fold}), folder_of({c.b, c.fold})}}, {}};
  FoldPairs pairs;
  const auto has = [](const std::vector<fs::path>& folders, const fs::path& name) {
    return std::ranges::find(folders, name, [](const fs::path& p) { return p.filename(); });
  };
  for (const fs::path& folder : in_a) {
    const auto found = has(in_b, folder.filename());
    if (found == in_b.end()) pairs.alone.push_back(text(folder.filename(), " is in A alone"));
    if (found != in_b.end()) pairs.both.emplace_back(folder, *found);
  }
  for (const fs::path& folder : in_b) {
    if (has(in_a, folder.filename()) == in_a.end()) pairs.alone.push_back(text(folder.filename(), " is in B alone"));
  }
  if (pairs.both.empty())
    throw UsageError(
        text(fs::path(c.a), " and ", fs::path(c.b), " have no fold of the same name; name the audit of one fold of each"));
  return pairs;
}

void refuse_studies(const TwoRuns& c) {
  for (const std::string& run : {c.a, c.b}) folder_of({run, c.fold});
}

void run_bisect(const TwoRuns& c) {
  refuse_studies(c);
  const FoldPairs pairs = pairs_of(c);
  Json all = Json::array();
  std::string worst;  // of the folds, what the exit code is for
  for (const auto& [a, b] : pairs.both) {
    const audit::Parting p = audit::bisect(a, b, c.remake ? audit::RemakeStep(remade) : nullptr);
    all.push_back(parting_json(p));
    all.back()["fold"] = a.filename().string();
    if (!c.json) {
      if (pairs.both.size() > 1) std::printf("%s\n", shown(a.filename()).c_str());
      print_parting(p);
    }
    if (p.verdict == audit::Verdict::undecided || p.verdict == audit::Verdict::violation)
      worst += text(worst.empty() ? "" : "; ", a.filename(), ": step ", p.step, " is ",
                    p.verdict == audit::Verdict::undecided ? "undecided: " : "a violation: ", p.because);
  }
  if (c.json) std::printf("%s", json_text(all).c_str());
  for (const std::string& one : pairs.alone) note(text(one, " and was not compared"));
  if (!worst.empty()) throw Error(ExitCode::runtime, worst);
}

}  // namespace

void add_audit_two_runs(Command audit, Chosen& chosen) {
  const auto diff = std::make_shared<TwoRuns>();
  const auto d = audit.add_subcommand("diff", "the records of one step of two runs, side by side");
  add_two(d, *diff, "of both, from 0; otherwise the first");
  d.add_option("--at", diff->step, "number of the step, from 0").required().check(is_step_number);
  d.footer("Example: vitrine audit diff runs/a runs/b --at 120");
  d.callback([=, &chosen] { chosen = [=] { run_diff(*diff); }; });

  const auto bisect = std::make_shared<TwoRuns>();
  const auto b = audit.add_subcommand(
      "bisect", "the first step and the first op where two runs part, fold by fold, and whether rounding can be the reason");
  add_two(b, *bisect, "this fold of both alone, from 0; otherwise all that both have");
  b.add_flag("!--recorded-only", bisect->remake, "make no step again: only what the traces hold");
  b.footer(
      "Exit code 0: equal, legal rounding, or other inputs; 1: a violation, or undecided; 3: a folder was changed.\nExample: "
      "vitrine audit bisect runs/a runs/b");
  b.callback([=, &chosen] { chosen = [=] { run_bisect(*bisect); }; });
}

}  // namespace vitrine::cli
