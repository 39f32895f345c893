#include "train/watch/fold_watch.h"

#include <system_error>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/output.h"
#include "train/watch/event_file.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxEvents = std::uint64_t{64} << 20;

std::optional<std::int64_t> number_of_fold(const fs::path& folder) {
  constexpr std::string_view kBefore = "fold_";
  const std::string name = folder.filename().string();
  std::int64_t number = 0;
  if (!name.starts_with(kBefore) || !parse_number(std::string_view(name).substr(kBefore.size()), number)) return std::nullopt;
  return number;
}

std::string row(const EpochRecord& e, bool judged, const std::string& images, const std::string& seconds) {
  const auto of_judge = [&](double value) { return judged && value >= 0 ? shortest(value) : std::string("n/a"); };
  return csv_line({std::to_string(e.epoch), shortest(e.train_loss), of_judge(e.validation_loss),
                   of_judge(e.validation_accuracy), of_judge(e.validation_auc), of_judge(e.validation_f1), shortest(e.lr),
                   shortest(e.momentum), images, seconds});
}

}  // namespace

FoldWatch::FoldWatch(fs::path folder, const TrainOptions& options, Progress& progress)
    : folder_(std::move(folder)),
      inputs_(options.inputs),
      monitor_(options.monitor),
      epochs_(options.epochs),
      tensorboard_(options.keeping.tensorboard),
      progress_(progress),
      fold_(number_of_fold(folder_)),
      began_(Clock::now()) {}

template <class Work>
void FoldWatch::unless_it_fails(const Work& work) {
  try {
    work();
  } catch (const FileError& error) {
    epochs_file_.reset();
    events_.reset();
    progress_.warn(text(error.what(), "; the training goes on, but cannot be watched any more"));
  }
}

void FoldWatch::begin(const ResumeState& state, const std::string& warning) {
  began_ = Clock::now();
  resumed_after_ = static_cast<int>(state.history.size());
  refit_ = state.chosen > 0;
  if (refit_) epochs_ = state.chosen;
  std::string bytes = text("# inputs ", printable(inputs_), "\n# epochs ", epochs_, "\n# monitor ", monitor_, "\n");
  if (refit_) bytes += text("# refit-after ", state.choice.size(), "\n");
  if (!warning.empty()) bytes += text("# warning ", printable(warning, 300), "\n");
  bytes += csv_line({"epoch", "train_loss", "validation_loss", "validation_accuracy", "validation_auc", "validation_f1", "lr",
                     "momentum", "images", "seconds"});
  for (const EpochRecord& e : state.history) bytes += row(e, !refit_, "", "");
  unless_it_fails([&] {
    epochs_file_.emplace(folder_ / kLastEpochs, bytes);
    if (tensorboard_)
      events_.emplace(folder_ / kEventFile, refit_ ? event_file(state.choice, state.history) : event_file(state.history));
  });
}

void FoldWatch::epoch(const EpochRecord& record, const EpochTime& time) {
  const double seconds = time.steps + time.evaluation + time.keeping;
  unless_it_fails([&] {
    if (epochs_file_) epochs_file_->append(row(record, !refit_, std::to_string(time.images), fixed(seconds, 4)));
    if (events_) events_->append(refit_ ? refit_event(record) : epoch_event(record));
  });
}

ProgressFacts FoldWatch::facts(std::string_view event, int epoch) const {
  return {.event = event, .inputs = inputs_, .fold = fold_, .epoch = epoch, .epochs = epochs_};
}

ProgressFacts FoldWatch::of_step(int epoch, int step, int steps, double loss) const {
  ProgressFacts f = facts(refit_ ? "refit-step" : "step", epoch);
  f.step = step;
  f.steps = steps;
  f.loss = loss;
  const double elapsed = std::chrono::duration<double>(Clock::now() - began_).count();
  const double done = static_cast<double>(epoch - 1 - resumed_after_) * steps + step;
  const double left = static_cast<double>(epochs_ - epoch) * steps + (steps - step);
  f.eta_seconds = elapsed / done * left;
  return f;
}

ProgressFacts FoldWatch::of_epoch(const EpochRecord& record, double images_per_second, double eta_seconds) const {
  ProgressFacts f = facts(refit_ ? "refit-epoch" : "epoch", record.epoch);
  f.loss = record.train_loss;
  if (!refit_) {
    f.validation_loss = record.validation_loss;
    f.validation_accuracy = record.validation_accuracy;
  }
  f.images_per_second = images_per_second;
  f.eta_seconds = eta_seconds;
  return f;
}

void finish_watching(const fs::path& folder, const FoldFiles& files, const Keeping& keeping) {
  std::error_code ignored;
  fs::remove(folder / kLastEpochs, ignored);
  if (!keeping.tensorboard) return;
  const std::string events = event_file(files.history, files.refit);
  const fs::path path = folder / kEventFile;
  if (!path_flaw(path).empty() || read_file(path, kMaxEvents) != events) write_file(path, events);
}

}  // namespace vitrine
