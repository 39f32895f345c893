// `vitrine audit verify|replay|diff|step|bisect`: what an audited run says, and whether it is so.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "audit/bisect.h"
#include "audit/place.h"
#include "audit/re_execution.h"
#include "audit/recheck.h"
#include "audit/rho_table.h"
#include "audit/verify.h"
#include "base/error.h"
#include "base/json.h"
#include "base/number.h"
#include "base/standard_streams.h"
#include "base/terminal.h"
#include "cli/audit_tables.h"
#include "cli/commands.h"
#include "cli/device_options.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

// Which fold of which run.
struct FoldWords {
  std::string run;
  int fold = 0;
  bool json = false;
};

fs::path folder_of(const FoldWords& words) {
  const std::vector<fs::path> folders = audit::audits_of(words.run);
  if (folders.front().parent_path() != folders.back().parent_path())
    throw UsageError(text(fs::path(words.run), " is a study of several runs; name one of them, as ",
                          folders.front().parent_path().parent_path()));
  if (folders.size() == 1 && words.fold == 0) return folders.front();
  for (const fs::path& folder : folders) {
    if (folder.filename() == text("fold_", words.fold)) return folder;
  }
  throw UsageError(text("--fold is ", words.fold, ", ", fs::path(words.run), " has audits of ", folders.size(), " folds"));
}

void add_fold(CLI::App* app, FoldWords& words) {
  app->add_option("run", words.run, "folder of a run that was trained with --audit, or of one fold's audit in it")->required();
  app->add_option("--fold", words.fold, "from 0")->capture_default_str();
  app->add_flag("--json", words.json, "as JSON");
}

struct VerifyCommand {
  FoldWords words;
  std::string steps;  // "a..b"
  DeviceChoice device;
};

struct StepRange {
  std::int64_t first, last;  // both included
};
StepRange parsed_range(const std::string& words) {
  const std::size_t dots = words.find("..");
  StepRange range{};
  const bool one = dots == std::string::npos;
  if (!parse_number(std::string_view(words).substr(0, dots), range.first) ||
      !(one || parse_number(std::string_view(words).substr(dots + 2), range.last)))
    throw UsageError(text("--steps is '", printable(words, 40), "', expected two step numbers, as 100..110"));
  if (one) range.last = range.first;
  if (range.first < 0 || range.last < range.first)
    throw UsageError(text("--steps is ", words, ", expected a first and a last step, from 0"));
  return range;
}

Json verified_json(const fs::path& folder, const audit::Verified& v) {
  return {{"folder", folder.string()},
          {"level", v.identity.level},
          {"steps", v.steps},
          {"blocks", v.blocks},
          {"records", v.records},
          {"shadowed", v.shadowed},
          {"above_bound", v.above},
          {"worst_rho", v.worst_rho},
          {"head", v.head},
          {"finished", v.finished},
          {"manifest", v.manifest_sha256},
          {"remarks", v.remarks},
          {"worst_folded", v.worst_folded >= 0 ? Json(v.worst_folded) : Json()}};
}

void print_verified(const fs::path& folder, const audit::Verified& v) {
  std::printf("%s: holds\n", shown(folder).c_str());
  std::printf(
      "  %llu steps at level %s, %llu blocks with %llu records, %llu of them compared with float64: worst rho %s, %llu above "
      "1\n",
      static_cast<unsigned long long>(v.steps), v.identity.level.c_str(), static_cast<unsigned long long>(v.blocks),
      static_cast<unsigned long long>(v.records), static_cast<unsigned long long>(v.shadowed), fixed(v.worst_rho, 3).c_str(),
      static_cast<unsigned long long>(v.above));
  if (v.worst_folded >= 0)
    std::printf("  the folded network's logits differ from the composed network's by at most %s\n",
                shortest(v.worst_folded).c_str());
  std::printf("  chain head %s\n", v.head.c_str());
  if (v.finished) std::printf("  manifest   %s\n", v.manifest_sha256.c_str());
  for (const std::string& remark : v.remarks) std::printf("  note: %s\n", remark.c_str());
}

// A run whose chain holds may still have computed something wrong: exit code 1 then.
void run_verify(const VerifyCommand& c) {
  Json all = Json::array();
  std::uint64_t above = 0;
  const std::vector<fs::path> folders =
      c.steps.empty() ? audit::audits_of(c.words.run) : std::vector<fs::path>{folder_of(c.words)};
  for (const fs::path& folder : folders) {
    const audit::Verified v = audit::verify_folder(folder);
    const StepRange range = c.steps.empty() ? StepRange{} : parsed_range(c.steps);
    if (!c.steps.empty() && static_cast<std::uint64_t>(range.last) >= v.steps)
      throw UsageError(text("--steps is ", c.steps, ", ", folder, " has ",
                            v.steps == 0 ? std::string("none yet") : text("the steps 0 to ", v.steps - 1)));
    above += v.above;
    all.push_back(verified_json(folder, v));
    if (!c.words.json) print_verified(folder, v);
    if (c.steps.empty()) continue;
    audit::ReExecution run(folder, c.device.choose());
    const audit::Recheck recheck = audit::recheck(run, folder, range.first, range.last);
    all.back()["remade"] = {
        {"first", range.first}, {"last", range.last}, {"began_at", run.began_at()}, {"records", recheck.records}};
    if (!c.words.json)
      std::printf("  steps %lld to %lld made again from step %lld: every hash of them and of %llu records is the same\n",
                  static_cast<long long>(range.first), static_cast<long long>(range.last),
                  static_cast<long long>(run.began_at()), static_cast<unsigned long long>(recheck.records));
  }
  if (c.words.json) std::printf("%s", json_text(all).c_str());
  audit::check_folds(folders);
  if (above > 0)
    throw Error(ExitCode::runtime, text(above, " records of ", fs::path(c.words.run),
                                        " lie above the bound of their op; `vitrine audit report` shows them"));
}

struct StepCommand {
  FoldWords words;
  std::int64_t step = 0;
  std::string op;
  DeviceChoice device;
  bool all = false;
};

void add_step(CLI::App* app, StepCommand& c, const char* name) {
  add_fold(app, c.words);
  app->add_option(name, c.step, "number of the step, from 0")->required();
}

void run_replay(const StepCommand& c) {
  const fs::path folder = folder_of(c.words);
  audit::ReExecution run(folder, c.device.choose());
  const audit::StepRecords then = audit::recorded_step(folder, c.step);
  const audit::StepRecords now = audit::remade_step(run, c.step, c.op.empty() ? "full" : "forensic", c.op);
  const ReplayTable table = replay_table(then, now, c.op);
  if (table.rows.empty())
    throw UsageError(
        text("--op is '", printable(c.op, 80), "', step ", c.step, " has no such op; leave --op out to see them all"));
  if (c.words.json) {
    std::printf("%s", replay_json(table).c_str());
  } else {
    print_replay(table);
    std::printf("made again from step %lld on %s\n", static_cast<long long>(run.began_at()),
                text_of(run.options().train.device).c_str());
  }
  if (table.different > 0 || table.above > 0)
    throw Error(ExitCode::runtime, text("step ", c.step, ": ", table.different, " tensors are not those that were recorded, ",
                                        table.above, " lie above their bound"));
}

void run_walk(const StepCommand& c) {
  const fs::path folder = folder_of(c.words);
  audit::ReExecution run(folder, c.device.choose());
  const audit::StepRecords step = audit::remade_step(run, c.step, "full");
  const audit::StepRecords then = audit::recorded_step(folder, c.step);
  if (c.words.json) {
    std::printf("%s", step_json(then.line, step).c_str());
  } else {
    walk_through(then.line, step, is_terminal(0) && is_terminal(1) && !c.all);
  }
}

struct TwoRuns {
  std::string a, b;
  int fold = 0;
  std::int64_t step = 0;
  bool json = false;
  bool remake = true;
};

void add_two(CLI::App* app, TwoRuns& c) {
  app->add_option("a", c.a, "run A, or one fold's audit in it")->required();
  app->add_option("b", c.b, "run B, or one fold's audit in it")->required();
  app->add_option("--fold", c.fold, "of both, from 0")->capture_default_str();
  app->add_flag("--json", c.json, "as JSON");
}

void run_diff(const TwoRuns& c) {
  const audit::StepRecords a = audit::recorded_step(folder_of({c.a, c.fold}), c.step);
  const audit::StepRecords b = audit::recorded_step(folder_of({c.b, c.fold}), c.step);
  print_diff(a, b, c.json);
}

void run_bisect(const TwoRuns& c) {
  const auto remake = [](const fs::path& folder, std::int64_t step) -> std::optional<audit::StepRecords> {
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
  };
  const audit::Parting p =
      audit::bisect(folder_of({c.a, c.fold}), folder_of({c.b, c.fold}), c.remake ? audit::RemakeStep(remake) : nullptr);
  if (c.json) {
    std::printf("%s", parting_json(p).c_str());
  } else {
    print_parting(p);
  }
  if (p.verdict == audit::Verdict::undecided)
    throw Error(ExitCode::runtime, text("step ", p.step, " is undecided: ", p.because));
  if (p.verdict == audit::Verdict::violation)
    throw Error(ExitCode::runtime, text("step ", p.step, " is a violation: ", p.because));
}

void print_rho_rows(const audit::RhoTable& table, bool rounded) {
  std::printf("%-9s %-20s %-24s %8s %10s %7s %7s %6s\n", "phase", "op", "tensor", "records", "elements", "median", "worst",
              "above");
  for (const audit::RhoRow& r : table.rows) {
    if ((r.worst > 0) != rounded) continue;
    std::printf("%-9s %-20s %-24s %8llu %10llu %7s %7s %6llu\n", std::string(audit::phase_name(r.phase)).c_str(), r.op.c_str(),
                r.tensor.c_str(), static_cast<unsigned long long>(r.records), static_cast<unsigned long long>(r.elements),
                fixed(r.median, 4).c_str(), fixed(r.worst, 3).c_str(), static_cast<unsigned long long>(r.above));
  }
}

Json rho_json(const audit::RhoTable& table) {
  Json rows = Json::array();
  for (const audit::RhoRow& r : table.rows)
    rows.push_back({{"phase", audit::phase_name(r.phase)},
                    {"op", r.op},
                    {"tensor", r.tensor},
                    {"records", r.records},
                    {"elements", r.elements},
                    {"median", r.median},
                    {"worst", r.worst},
                    {"above", r.above}});
  return rows;
}

void run_rho(const FoldWords& words) {
  const audit::RhoTable table = audit::rho_table(audit::audits_of(words.run));
  if (words.json) {
    std::printf("%s", json_text(rho_json(table)).c_str());
    return;
  }
  std::printf("Values that are rounded, or that lie above their bound:\n");
  print_rho_rows(table, true);
  std::printf("\nExact values (copies, counts, what must not change), each of which was as it must be:\n");
  print_rho_rows(table, false);
  std::printf("\n%llu records, %llu compared with float64 in %llu elements: worst rho %s, %llu above 1\n",
              static_cast<unsigned long long>(table.records), static_cast<unsigned long long>(table.all.records),
              static_cast<unsigned long long>(table.all.elements), fixed(table.all.worst, 3).c_str(),
              static_cast<unsigned long long>(table.all.above));
  for (const auto& [what, row] : {std::pair{"values of ops", table.ops}, std::pair{"values of updates", table.updates}})
    std::printf("rounded %s: %llu records, %llu elements: median rho %s\n", what, static_cast<unsigned long long>(row.records),
                static_cast<unsigned long long>(row.elements), fixed(row.median, 4).c_str());
}

void add_verify(CLI::App* audit, Chosen& chosen) {
  const auto c = std::make_shared<VerifyCommand>();
  auto* sub = audit->add_subcommand(
      "verify", "manifest, chain, blocks and lineage of a run; with --steps, makes steps again and compares every hash");
  add_fold(sub, c->words);
  sub->add_option("--steps", c->steps, "first and last step to make again, as 100..110");
  add_device_options(sub, c->device);
  sub->footer(
      "Exit code 0: holds; 1: a step or an op is not what it was, or lies above its bound; 3: the folder was "
      "changed.\nExample: vitrine audit verify runs/all --steps 100..110");
  sub->callback([=, &chosen] { chosen = [=] { run_verify(*c); }; });
}

}  // namespace

void add_audit_run(CLI::App* audit, Chosen& chosen) {
  add_verify(audit, chosen);
  const auto rho = std::make_shared<FoldWords>();
  auto* table = audit->add_subcommand("rho", "how much of its bound each op used, over all steps: |computed - exact| / bound");
  table->add_option("run", rho->run, "folder of a run that was trained with --audit, or of one fold's audit in it")->required();
  table->add_flag("--json", rho->json, "as JSON");
  table->footer("Example: vitrine audit rho runs/all");
  table->callback([=, &chosen] { chosen = [=] { run_rho(*rho); }; });

  const auto replay = std::make_shared<StepCommand>();
  auto* r = audit->add_subcommand(
      "replay", "make one step again, or one op of it in full, and compare it with what was recorded and with float64");
  add_step(r, *replay, "--step");
  r->add_option("--op", replay->op,
                "ops by name, as `blocks.1.0/fused_mbconv`, by the beginning of names, or by kind, as `conv2d`; every element "
                "of them is compared");
  add_device_options(r, replay->device);
  r->footer("Example: vitrine audit replay runs/all --step 120 --op conv_stem/conv2d");
  r->callback([=, &chosen] { chosen = [=] { run_replay(*replay); }; });

  const auto walk = std::make_shared<StepCommand>();
  auto* w = audit->add_subcommand("step", "walk through one training step, op by op");
  add_step(w, *walk, "--at");
  w->add_flag("--all", walk->all, "without waiting for Enter between ops");
  add_device_options(w, walk->device);
  w->footer("Example: vitrine audit step runs/all --at 120 --all");
  w->callback([=, &chosen] { chosen = [=] { run_walk(*walk); }; });

  const auto diff = std::make_shared<TwoRuns>();
  auto* d = audit->add_subcommand("diff", "the records of one step of two runs, side by side");
  add_two(d, *diff);
  d->add_option("--at", diff->step, "number of the step, from 0")->required();
  d->footer("Example: vitrine audit diff runs/a runs/b --at 120");
  d->callback([=, &chosen] { chosen = [=] { run_diff(*diff); }; });

  const auto bisect = std::make_shared<TwoRuns>();
  auto* b = audit->add_subcommand(
      "bisect", "the first step and the first op where two runs part, and whether rounding can be the reason");
  add_two(b, *bisect);
  b->add_flag("!--recorded-only", bisect->remake, "make no step again: only what the traces hold");
  b->footer(
      "Exit code 0: equal, legal rounding, or other inputs; 1: a violation, or undecided; 3: a folder was changed.\nExample: "
      "vitrine audit bisect runs/a runs/b");
  b->callback([=, &chosen] { chosen = [=] { run_bisect(*bisect); }; });
}

}  // namespace vitrine::cli
