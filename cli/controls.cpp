// `vitrine controls`: what a study's figure is worth. Other seeds, controls whose result is known, and every choice that the paper does not
// state, one at a time, each as a run of its own beside the study's.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/progress_options.h"
#include "cli/study_folder.h"
#include "evaluation/evaluation.h"
#include "train/control_rows.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

struct ControlsCommand {
  std::string study, inputs = "t1c+flair+t2", rows = "seeds,controls,choices";
  int seeds = 5;
  bool list = false;
  ProgressMode progress = ProgressMode::automatic;
};

std::string cell(const std::optional<double>& v) { return v ? shortest(*v) : "n/a"; }
std::string shown_figure(const std::optional<double>& v) { return v ? fixed(*v, 3) : "n/a"; }

struct Outcome {
  ControlRow row;
  LevelEvaluation validation, test;         // by subject
  std::optional<RunComparison> difference;  // to the study's run, of the validation part by subject; none where labels differ
};

Outcome outcome_of(const ControlRow& row, const RunResult& run, const RunPredictions* base) {
  const RunPredictions predictions = predictions_of(row.name, run);
  Outcome o{
      row, evaluate(predictions, Part::validation, Level::subject), evaluate(predictions, Part::test, Level::subject), {}};
  if (base != nullptr && row.options.control != "permuted-labels")
    o.difference = compare(predictions, *base, Part::validation, Level::subject);
  return o;
}

std::string row_csv(const Outcome& o) {
  std::vector<std::string> cells{o.row.group, o.row.name, o.row.what, std::to_string(o.row.options.seed)};
  for (const LevelEvaluation* part : {&o.validation, &o.test}) {
    const std::size_t auc = part->at(FigureKind::auc);
    cells.push_back(cell(part->pooled.figures[auc].value));
    cells.push_back(cell(part->intervals[auc].low));
    cells.push_back(cell(part->intervals[auc].high));
  }
  cells.push_back(o.difference ? cell(o.difference->delong.difference.value) : "n/a");
  cells.push_back(o.difference ? cell(o.difference->bootstrap.low) : "n/a");
  cells.push_back(o.difference ? cell(o.difference->bootstrap.high) : "n/a");
  cells.push_back(std::to_string(o.validation.subjects));
  return csv_line(cells);
}

void print_row(const Outcome& o) {
  const std::size_t auc = o.validation.at(FigureKind::auc);
  const Interval& i = o.validation.intervals[auc];
  std::string difference;
  if (o.difference && o.difference->delong.difference.value)
    difference = text(*o.difference->delong.difference.value < 0 ? "" : "+", fixed(*o.difference->delong.difference.value, 3),
                      " (", shown_figure(o.difference->bootstrap.low), " to ", shown_figure(o.difference->bootstrap.high), ")");
  std::printf("%-9s %-24s %s (%s to %s)  %s\n", o.row.group.c_str(), o.row.name.c_str(),
              shown_figure(o.validation.pooled.figures[auc].value).c_str(), shown_figure(i.low).c_str(),
              shown_figure(i.high).c_str(), difference.c_str());
}

std::optional<double> auc_of(const Outcome& o) { return o.validation.pooled.figures[o.validation.at(FigureKind::auc)].value; }

// An AUC whose replicates all agree has no interval: 1 is then the plainest shortcut of all.
std::string background_verdict(const Outcome& o) {
  const Interval& i = o.validation.intervals[o.validation.at(FigureKind::auc)];
  const std::optional<double> auc = auc_of(o);
  if (!auc) return "Background: the AUC without the lesion is not defined; nothing is shown.";
  if (i.low ? *i.low > 0.5 : *auc == 1)
    return text("Background: SHORTCUT, the AUC without the lesion is ", fixed(*auc, 3),
                i.low ? ", its interval lies above 0.5" : "", ": surroundings, scanner or site tell the class.");
  if (!i.low)
    return text("Background: the AUC without the lesion is ", fixed(*auc, 3), " and has no interval (", i.why,
                "); nothing is shown.");
  return text("Background: the interval of the AUC without the lesion (", fixed(*i.low, 3), " to ", shown_figure(i.high), ") ",
              i.high && *i.high < 0.5 ? "lies below 0.5, which no shortcut explains: look at how subjects are dealt"
                                      : "does not lie above 0.5; no shortcut was found",
              ".");
}

std::string swapped_verdict(const Outcome& o) {
  if (!o.difference || !o.difference->bootstrap.high)
    return text("Swapped channels: the difference has no interval (", o.difference ? o.difference->bootstrap.why : "",
                "); nothing is shown.");
  return *o.difference->bootstrap.high < 0
             ? "Swapped channels: the AUC falls, so the network reads what the channels hold apart."
             : "Swapped channels: no fall beyond its interval; whether the network tells the series apart is not shown.";
}

// What the rows say, a sentence each.
std::vector<std::string> verdicts(const std::vector<Outcome>& all) {
  std::vector<double> seeds, permuted;
  std::vector<std::string> said;
  for (const Outcome& o : all) {
    const std::optional<double> auc = auc_of(o);
    if (auc && (o.row.group == "seeds" || o.row.group == "study")) seeds.push_back(*auc);
    if (auc && o.row.options.control == "permuted-labels") permuted.push_back(*auc);
  }
  if (const auto m = mean_sd(seeds); m && m->count > 1)
    said.push_back(
        text("Seeds: AUC ", fixed(m->mean, 3), " +- ", fixed(m->sd, 3), " over ", m->count,
             " seeds (deviation n - 1); differences between choices below twice that are within the noise of training."));
  if (const auto m = mean_sd(permuted)) {
    // Two standard errors of the mean over the deals; of one or two deals nothing is said.
    const bool tells = m->count > 2, above = tells && m->mean - 2 * m->sd / std::sqrt(static_cast<double>(m->count)) > 0.5;
    said.push_back(text("Permuted labels: AUC ", fixed(m->mean, 3), m->count > 1 ? " +- " + fixed(m->sd, 3) : "", " over ",
                        m->count, m->count == 1 ? " deal" : " deals",
                        above   ? ": ABOVE CHANCE, something leaks, or the choice of the epoch flatters by this much (compare "
                                  "--select nested)."
                        : tells ? "; 0.5 is expected."
                                : "; 0.5 is expected, and so few deals do not show a leak."));
  }
  for (const Outcome& o : all) {
    if (o.row.options.control == "background") said.push_back(background_verdict(o));
    if (o.row.options.control == "swapped-channels") said.push_back(swapped_verdict(o));
  }
  return said;
}

std::vector<ControlRow> chosen_rows(const ControlsCommand& command, const TrainOptions& run) {
  std::vector<std::string> wanted;
  for (std::size_t at = 0; at <= command.rows.size();) {
    const std::size_t end = std::min(command.rows.find(',', at), command.rows.size());
    wanted.push_back(command.rows.substr(at, end - at));
    if (wanted.back() != "seeds" && wanted.back() != "controls" && wanted.back() != "choices")
      throw UsageError(
          text("--rows has '", printable(wanted.back(), 40), "'; expected seeds, controls and choices, joined by commas"));
    at = end + 1;
  }
  std::vector<ControlRow> rows;
  for (ControlRow& row : control_rows(run, command.seeds)) {
    if (std::find(wanted.begin(), wanted.end(), row.group) != wanted.end()) rows.push_back(std::move(row));
  }
  return rows;
}

void run_controls(const ControlsCommand& command) {
  const StudyFolder study = read_study_folder(command.study);
  const TrainOptions run = study.training(command.inputs);
  input_configuration(command.inputs);
  const std::vector<ControlRow> rows = chosen_rows(command, run);
  if (command.list) {
    for (const ControlRow& row : rows) std::printf("%-9s %-24s %s\n", row.group.c_str(), row.name.c_str(), row.what.c_str());
    return;
  }
  const Manifest manifest = read_manifest(study.manifest());
  const Splits splits = read_splits(study.splits(), manifest);
  const fs::path out = study.out / "controls";
  Progress progress(command.progress);
  make_directory(out);
  const FolderLock lock(out);
  progress.line(text("controls  the study's own run"));
  const RunResult own = cross_validate(manifest, splits, run, study.run(command.inputs), std::nullopt, progress);
  const RunPredictions base = predictions_of("study", own);
  std::vector<Outcome> all{outcome_of({"study", "study", "the study's run", run}, own, nullptr)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    progress.line(text("controls  ", i + 1, "/", rows.size(), "  ", rows[i].what));
    all.push_back(outcome_of(
        rows[i], cross_validate(manifest, splits, rows[i].options, out / rows[i].name, std::nullopt, progress), &base));
  }
  std::string csv =
      csv_line({"group", "name", "what", "seed", "validation_auc", "validation_low", "validation_high", "test_auc", "test_low",
                "test_high", "difference", "difference_low", "difference_high", "subjects"});
  for (const Outcome& o : all) csv += row_csv(o);
  std::string sentences;
  for (const std::string& s : verdicts(all)) sentences += s + "\n";
  write_file(out / "controls.csv", csv);
  write_file(out / "verdicts.txt", sentences);
  std::printf("\nAUC by subject, validation parts together (95 %% interval), and the difference to the study's run\n");
  for (const Outcome& o : all) print_row(o);
  std::printf("\n%s%s\n", sentences.c_str(), shown(out / "controls.csv").c_str());
}

}  // namespace

void add_controls(Command app, Chosen& chosen) {
  const auto command = std::make_shared<ControlsCommand>();
  const auto c = app.add_subcommand(
      "controls", "what a study's figure is worth: seeds, controls, and the choices that the paper leaves open");
  c.add_option("study", command->study, "folder of `vitrine study`").required();
  c.add_option("--inputs", command->inputs, "t1c, flair, t2 or t1c+flair+t2").capture_default_str();
  c.add_option("--rows", command->rows, "of seeds, controls, choices").capture_default_str();
  c.add_option("--seeds", command->seeds, "seeds, the study's own with them; and deals of permuted labels")
      .capture_default_str();
  c.add_flag("--list", command->list, "print what would be trained");
  add_progress_options(c, command->progress);
  c.footer("Example: vitrine controls out --seeds 5");
  c.callback([=, &chosen] { chosen = [=] { run_controls(*command); }; });
}

}  // namespace vitrine::cli
