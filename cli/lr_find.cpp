// `vitrine lr-find`: which learning rate to train with.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/noted_manifest.h"
#include "cli/progress_options.h"
#include "cli/train_options.h"
#include "report/svg.h"
#include "train/cross_validation.h"
#include "train/lr_find.h"

namespace vitrine::cli {
namespace {

struct LrFindCommand {
  std::string manifest, splits, output;
  int fold = 0;
  LrFindOptions range;
  ChosenWords words;
  ProgressMode progress = ProgressMode::automatic;
};

// Decades on the x axis, as log10 of the rate.
std::string curve_svg(const LrCurve& curve, const LrSuggestions& s) {
  std::vector<double> x, ticks;
  for (const double lr : curve.lr) x.push_back(std::log10(lr));
  for (double t = std::ceil(x.front()); t <= x.back(); t += 1) ticks.push_back(t);
  const auto [least, most] = std::ranges::minmax(curve.smoothed);
  const double low = least, high = most;
  // Beyond twice the range that the loss fell through there is only the break.
  const double top = std::min(high, low + 3 * std::max(0.05, curve.smoothed.front() - low));
  const std::vector<double> y_ticks = report::round_ticks(low, top);
  std::vector<double> y;
  for (const double v : curve.smoothed) y.push_back(std::min(v, std::max(top, y_ticks.back())));
  report::Plot plot(640, 400, {x.front(), x.back(), ticks, 0, "log10 of the learning rate"},
                    {std::min(low, y_ticks.front()), std::max(top, y_ticks.back()), y_ticks, 2, "smoothed training loss"},
                    "learning-rate range test");
  plot.line(x, y, report::kBlue, 2, 1);
  const auto mark = [&](const std::optional<double>& lr, const char* name, const char* colour, double height) {
    if (!lr) return;
    plot.vertical(std::log10(*lr), colour);
    plot.note(std::log10(*lr), low + height * (top - low), text(name, " ", *lr));
  };
  mark(s.valley, "valley", report::kGreen, 0.95);
  mark(s.steep, "steep", report::kVermilion, 0.85);
  return plot.svg();
}

std::string shown_rate(const std::optional<double>& lr) { return lr ? text(*lr) : std::string("n/a"); }

void run_lr_find(const LrFindCommand& command) {
  const ChosenOptions chosen = command.words.resolve();
  TrainOptions options = chosen.values().train;
  check_output_folder(command.output, {command.manifest, command.splits, options.weights}, {"lr_find.csv", "lr_find.svg"});
  const Manifest manifest = read_noted_manifest(command.manifest);
  const Splits splits = read_splits(command.splits, manifest);
  if (command.fold < 0 || static_cast<std::size_t>(command.fold) >= splits.folds.size())
    throw UsageError(text("--fold is ", command.fold, ", the split has the folds 0 to ", splits.folds.size() - 1));
  note_starting_weights(options);
  if (options.keeping.audit != "off") note("--audit has no effect here: lr-find trains a copy and keeps nothing of it");
  DeviceChoice{chosen.values().device}.choose(options);
  if (command.words.dry_run) {
    print_options(chosen);
    note("dry run: options, manifest, split and folder are accepted; nothing was written");
    return;
  }
  Progress progress(command.progress);
  const Dataset train =
      load_dataset(manifest, splits.folds[static_cast<std::size_t>(command.fold)].train, input_configuration(options.inputs));
  const LrCurve curve = find_lr(train, options, command.range, progress);
  if (curve.lr.size() < 2) throw NumericalError("the loss is not finite in the first steps; use a smaller --start");
  const LrSuggestions s = suggestions(curve);
  make_directory(command.output);
  const std::filesystem::path out = command.output;
  write_file(out / "lr_find.csv", lr_curve_csv(curve));
  write_file(out / "lr_find.svg", curve_svg(curve, s));
  std::printf("%zu of %d steps, from %s to %s%s\n", curve.lr.size(), curve.steps, text(curve.lr.front()).c_str(),
              text(curve.lr.back()).c_str(),
              curve.lr.size() < static_cast<std::size_t>(curve.steps) ? ", where the loss broke" : "");
  std::printf("valley   %s\nsteep    %s\nminimum  %s  (a tenth of the rate with the smallest loss)\n",
              shown_rate(s.valley).c_str(), shown_rate(s.steep).c_str(), shown_rate(s.minimum).c_str());
  std::printf("curve: %s, %s\n", shown(out / "lr_find.csv").c_str(), shown(out / "lr_find.svg").c_str());
}

}  // namespace

void add_lr_find(Command app, Chosen& chosen) {
  const auto command = std::make_shared<LrFindCommand>();
  const auto sub = app.add_subcommand("lr-find", "find a learning rate: a short training on a copy with a growing rate");
  sub.add_option("manifest", command->manifest, "manifest.csv of prepared crops").required();
  sub.add_option("--splits", command->splits, "JSON made by `vitrine split`").required();
  sub.add_option("-o,--output", command->output, "folder for lr_find.csv and lr_find.svg").required();
  sub.add_option("--fold", command->fold, "whose training part is used, from 0").capture_default_str();
  sub.add_option("--start", command->range.start, "first learning rate").capture_default_str();
  sub.add_option("--end", command->range.end, "last learning rate").capture_default_str();
  sub.add_option("--steps", command->range.steps, "steps between them, 10 to 100000").capture_default_str();
  command->words.groups = groups_with("data");
  add_rows(sub, "data", taken_by(command->words));
  add_progress_options(sub, command->progress);
  add_run_options(sub, command->words);
  sub.footer("Example: vitrine lr-find prep/manifest.csv --splits splits.json -o lr --weights efficientnet_b0.pth");
  sub.callback([=, &chosen] { chosen = [=] { run_lr_find(*command); }; });
}

}  // namespace vitrine::cli
