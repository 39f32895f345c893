// `vitrine audit verify|replay|step|rho`: what an audited run says, and whether it is so.
#include <cstdio>
#include <memory>

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
#include "cli/audit_folds.h"
#include "cli/audit_tables.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/device_options.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

struct VerifyCommand {
  FoldWords words;
  std::optional<std::string> steps;  // "a..b"
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

// Makes steps of one fold again and compares them.
void remake(const fs::path& folder, const StepRange& range, std::uint64_t steps, const VerifyCommand& c, Json& told) {
  if (static_cast<std::uint64_t>(range.last) >= steps)
    throw UsageError(text("--steps is ", *c.steps, ", ", folder, " has ",
                          steps == 0 ? std::string("none yet") : text("the steps 0 to ", steps - 1)));
  audit::ReExecution run(folder, c.device.choose());
  const audit::Recheck recheck = audit::recheck(run, folder, range.first, range.last);
  told["remade"] = {{"first", range.first}, {"last", range.last}, {"began_at", run.began_at()}, {"records", recheck.records}};
  if (!c.words.json)
    std::printf("steps %lld to %lld of %s made again from step %lld: every hash of them and of %llu records is the same\n",
                static_cast<long long>(range.first), static_cast<long long>(range.last), shown(folder.filename()).c_str(),
                static_cast<long long>(run.began_at()), static_cast<unsigned long long>(recheck.records));
}

// Every fold, or the one that --fold names; then steps of that one, or of the first.
std::uint64_t verify_folds(const VerifyCommand& c, Json& all) {
  const StepRange range = c.steps ? parsed_range(*c.steps) : StepRange{};
  const std::vector<fs::path> folders =
      c.words.fold ? std::vector<fs::path>{folder_of(c.words)} : audit::audits_of(c.words.run);
  const fs::path again = c.steps ? folder_of(c.words) : fs::path();
  std::uint64_t above = 0, steps = 0;
  Json* told = nullptr;
  all.get_ref<Json::array_t&>().reserve(folders.size());
  for (const fs::path& folder : folders) {
    all.push_back({{"folder", folder.string()}});
    const audit::Verified v = audit::verify_folder(folder);
    above += v.above;
    all.back() = verified_json(folder, v);
    if (!c.words.json) print_verified(folder, v);
    if (folder != again) continue;
    steps = v.steps;
    told = &all.back();
  }
  audit::check_folds(folders);
  if (c.steps) remake(again, range, steps, c, *told);
  return above;
}

// A run whose chain holds may still have computed something wrong: exit code 1 then.
void run_verify(const VerifyCommand& c) {
  Json all = Json::array();
  std::uint64_t above = 0;
  try {
    above = verify_folds(c, all);
  } catch (const Error& error) {
    if (c.words.json) {
      if (all.empty()) all.push_back({{"folder", c.words.run}});
      all.back()["refused"] = error.what();
      std::printf("%s", json_text(all).c_str());
    }
    throw;
  }
  if (c.words.json) std::printf("%s", json_text(all).c_str());
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

void add_step(Command app, StepCommand& c, const char* name) {
  add_fold(app, c.words);
  app.add_option(name, c.step, "number of the step, from 0").required().check(is_step_number);
}

void run_replay(const StepCommand& c) {
  const fs::path folder = folder_of(c.words);
  audit::verify_folder(folder);
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
    std::printf("%s\n", table.line.empty() ? "the step's line: its loss and every hash are the same" : table.line.c_str());
    std::printf("made again from step %lld on %s\n", static_cast<long long>(run.began_at()),
                text_of(run.options().train.device).c_str());
  }
  if (table.different > 0 || table.above > 0)
    throw Error(ExitCode::runtime, text("step ", c.step, ": ", table.different, " tensors are not those that were recorded, ",
                                        table.above, " lie above their bound"));
  if (!table.line.empty()) throw Error(ExitCode::runtime, text("step ", c.step, ": ", table.line));
}

void run_walk(const StepCommand& c) {
  const fs::path folder = folder_of(c.words);
  audit::verify_folder(folder);
  audit::ReExecution run(folder, c.device.choose());
  const audit::StepRecords step = audit::remade_step(run, c.step, "full");
  const audit::StepRecords then = audit::recorded_step(folder, c.step);
  if (const std::string other = audit::line_difference(then.line, step.line); !other.empty())
    note(text("step ", c.step, " is shown as this program makes it, which is not as it was: ", other));
  if (c.words.json) {
    std::printf("%s", step_json(then.line, step).c_str());
  } else {
    walk_through(then.line, step, is_terminal(0) && is_terminal(1) && !c.all);
  }
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
  const std::vector<fs::path> folders = audit::audits_of(words.run);
  for (const fs::path& folder : folders) audit::verify_folder(folder);
  const audit::RhoTable table = audit::rho_table(folders);
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

void add_verify(Command audit, Chosen& chosen) {
  const auto c = std::make_shared<VerifyCommand>();
  const auto sub = audit.add_subcommand(
      "verify", "manifest, chain, blocks and lineage of a run; with --steps, makes steps again and compares every hash");
  add_fold(sub, c->words, "this fold alone, from 0; otherwise all");
  sub.add_option("--steps", c->steps, "first and last step of a fold (--fold, else the first) to make again, as 100..110");
  add_device_options(sub, c->device);
  sub.footer(
      "Exit code 0: holds; 1: a step or an op is not what it was, or lies above its bound; 3: the folder was "
      "changed.\nExample: vitrine audit verify runs/all --steps 100..110");
  sub.callback([=, &chosen] { chosen = [=] { run_verify(*c); }; });
}

}  // namespace

void add_audit_run(Command audit, Chosen& chosen) {
  add_verify(audit, chosen);
  const auto rho = std::make_shared<FoldWords>();
  const auto table =
      audit.add_subcommand("rho", "how much of its bound each op used, over all steps: |computed - exact| / bound");
  table.add_option("run", rho->run, "folder of a run that was trained with --audit, or of one fold's audit in it").required();
  table.add_flag("--json", rho->json, "as JSON");
  table.footer("Example: vitrine audit rho runs/all");
  table.callback([=, &chosen] { chosen = [=] { run_rho(*rho); }; });

  const auto replay = std::make_shared<StepCommand>();
  const auto r = audit.add_subcommand(
      "replay", "make one step again, or one op of it in full, and compare it with what was recorded and with float64");
  add_step(r, *replay, "--step");
  r.add_option("--op", replay->op,
               "ops by name, as `blocks.1.0/fused_mbconv`, by the beginning of names, or by kind, as `conv2d`; every element "
               "of them is compared");
  add_device_options(r, replay->device);
  r.footer("Example: vitrine audit replay runs/all --step 120 --op conv_stem/conv2d");
  r.callback([=, &chosen] { chosen = [=] { run_replay(*replay); }; });

  const auto walk = std::make_shared<StepCommand>();
  const auto w = audit.add_subcommand("step", "walk through one training step, op by op");
  add_step(w, *walk, "--at");
  w.add_flag("--all", walk->all, "without waiting for Enter between ops");
  add_device_options(w, walk->device);
  w.footer("Example: vitrine audit step runs/all --at 120 --all");
  w.callback([=, &chosen] { chosen = [=] { run_walk(*walk); }; });

  add_audit_two_runs(audit, chosen);
}

}  // namespace vitrine::cli
