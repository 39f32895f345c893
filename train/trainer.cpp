#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/lock.h"
#include "base/number.h"
#include "nn/efficientnet/checkpoint.h"
#include "tensor/math.h"
#include "train/choice.h"
#include "train/device/epoch_training.h"
#include "train/epoch_plan.h"
#include "train/resume.h"
#include "train/schedule.h"
#include "train/test_views.h"
#include "train/watch/fold_watch.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

using Clock = std::chrono::steady_clock;  // for the progress line and for what is measured

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string minutes(double seconds) {
  const int whole = static_cast<int>(std::ceil(seconds));
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + ":" + (rest.size() < 2 ? "0" : "") + rest;
}

// One fold in training; a member function per part of the loop.
class FoldTraining {
 public:
  FoldTraining(const FoldData& data, const TrainOptions& options, const std::filesystem::path& folder, const std::string& key,
               const std::string& title, Progress& progress)
      : data_(data),
        options_(options),
        folder_(folder),
        title_(title),
        progress_(progress),
        watch_(folder, options, progress),
        net_(starting_network(options, static_cast<int>(data.train.classes.size()))),
        optimizer_(optimizer_options(options)),
        select_(select_from_name(options.select)),
        monitor_(monitor_from_name(options.monitor)),
        views_(test_views_from_name(options.tta)) {
    state_.key = key;
    be_at_its_start();
    for (const Dataset* part : {&data.train, &data.whole}) check_batches(*part);
  }

  FoldFiles run() {
    const Resumed resumed = read_resume_state(folder_, options_.epochs, state_, net_, optimizer_);
    plan_epochs();
    if (!resumed.note.empty())
      progress_.warn(
          text(title_, ": ", resumed.note, resumed.found ? "; the state before it is used" : "; the fold starts again"));
    if (state_.steps >= steps_per_epoch_)
      throw DataError(text(folder_, ": its saved state is ", state_.steps, " steps into an epoch of ", steps_per_epoch_,
                           "; delete last.safetensors and last-before.safetensors to train the fold anew"));
    if (resumed.found)
      progress_.line(text(title_, "  resumed after ", epoch_of(static_cast<int>(state_.history.size())),
                          state_.steps > 0 ? text(" and ", state_.steps, " steps") : ""));
    check_space();
    saved_ = Clock::now();
    ResumeWriter writer(folder_);
    writer_ = &writer;
    train(resumed.note);
    if (select_ == Select::nested_refit && !is_refit()) {
      begin_refit();
      train({});
    }
    writer.wait();
    return finish();
  }

 private:
  // The second training of --select nested-refit: all of the training part, for as many epochs as the chosen one counts.
  bool is_refit() const { return state_.chosen > 0; }
  const Dataset& part() const { return is_refit() ? data_.whole : data_.train; }
  std::string epoch_of(int epoch) const { return text(is_refit() ? "refit epoch " : "epoch ", epoch, "/", epochs_); }

  void be_at_its_start() {
    net_.frozen_parts = frozen_in(options_, 1).parts;
    be_used_as_trained();
    plan_epochs();
  }

  void begin_refit() {
    if (step_watch_) step_watch_->finished();
    step_watch_.reset();
    state_.choice = std::move(state_.history);
    state_.chosen = std::exchange(state_.best_epoch, 0);
    state_.history.clear();
    state_.best = {};
    training_.reset();
    net_ = starting_network(options_, static_cast<int>(data_.train.classes.size()));
    optimizer_ = Optimizer(optimizer_options(options_));
    be_at_its_start();
    progress_.line(text(title_, "  epoch ", state_.chosen, " of ", options_.epochs,
                        " was chosen; all of the training part is trained for so many"));
  }

  // The epochs and steps of the training at hand; its schedule spans them.
  void plan_epochs() {
    epochs_ = is_refit() ? state_.chosen : options_.epochs;
    steps_per_epoch_ = steps_of_epoch(part(), options_);
    schedule_ = {schedule_from_name(options_.schedule), options_.lr, steps_per_epoch_ * epochs_};
  }

  void check_batches(const Dataset& part) const {
    if (!net_.concat_head || part.images.empty()) return;
    const std::size_t images = training_order(part, options_, 1).size();
    if (images % static_cast<std::size_t>(options_.batch_size) == 1)
      throw UsageError(text("--head concat-pool needs two images in a batch for its batch norm; of ", images,
                            " images an epoch the last batch of ", options_.batch_size,
                            " has one; choose another --batch-size"));
  }

  void train(const std::string& warning) {
    net_.to(options_.device);
    training_ = epoch_training(net_, optimizer_, part(), options_);
    if (options_.keeping.watch_steps)
      step_watch_ = options_.keeping.watch_steps(
          {folder_, state_.key, options_, data_, steps_made(), net_, optimizer_, is_refit(), epochs_, part()});
    started_ = Clock::now();
    images_ = 0;
    watch_.begin(state_, warning);
    const std::size_t first = state_.history.size();
    for (std::size_t epoch = first + 1; epoch <= static_cast<std::size_t>(epochs_); ++epoch) {
      train_epoch(static_cast<int>(epoch));
      report(epoch, epoch - first);
      watch_.epoch(state_.history.back(), times_.back());
      save(epoch);
    }
  }

  // What the files of the network say, so that it is shown what it was trained on.
  void be_used_as_trained() {
    const Shape& crop = data_.train.images.front().shape();
    net_.trained_on = {data_.train.classes, options_.inputs, data_.train.orientation, crop[0], crop[1]};
    net_.semantics.input_size = net_.semantics.resize = std::min(crop[0], crop[1]);
  }

  // Room for two states, each of the network, its best epoch and two moments, and for the network that stays.
  void check_space() {
    constexpr std::uint64_t kNetworks = 2 * 4 + 1;
    const std::uint64_t needed = kNetworks * sizeof(float) * static_cast<std::uint64_t>(net_.parameter_count());
    std::error_code unknown;
    const std::filesystem::space_info space = std::filesystem::space(folder_, unknown);
    std::uint64_t replaced = 0;  // states that are there already give their room back
    for (const std::filesystem::path& file : entries_of(folder_)) {
      if (file.extension() == ".safetensors") replaced += std::filesystem::file_size(file, unknown);
    }
    if (unknown || space.available + replaced >= needed) return;
    throw FileError(text("cannot train in ", folder_, ": saved states need ", needed >> 20, " MiB, ", space.available >> 20,
                         " MiB are free; free space or choose another folder"));
  }

  // At the end of every save_every-th epoch that ends at least save_seconds after the state before; at once when the run is to stop. When the
  // disk has not yet taken the state before, the next epoch's will do; the last one before the fold ends is not needed.
  void save(std::size_t epoch) {
    const Clock::time_point start = Clock::now();
    const bool due = (epoch % static_cast<std::size_t>(options_.keeping.save_every) == 0 &&
                      seconds_since(saved_) >= options_.keeping.save_seconds) ||
                     interrupt_requested();
    const bool ends = epoch == static_cast<std::size_t>(epochs_) && (is_refit() || select_ != Select::nested_refit);
    if (due && !ends && !writer_->busy()) {
      write_state();
      saved_ = start;
    }
    times_.back().keeping += seconds_since(start);
    if (!interrupt_requested()) return;
    writer_->wait();
    check_interrupt(text("training (", title_, ", ", epoch_of(static_cast<int>(epoch)), ")"));
  }

  std::vector<int> order(std::uint32_t epoch) const { return training_order(part(), options_, epoch); }

  std::int64_t steps_made() const { return static_cast<std::int64_t>(state_.history.size()) * steps_per_epoch_ + state_.steps; }
  // The state as it is now goes to the disk, and with it whoever watches the steps.
  void write_state() {
    if (step_watch_) step_watch_->keep();
    writer_->write(resume_file(state_, net_, optimizer_));
  }

  // All steps of an epoch. Their losses, added up in order.
  double run_steps(int epoch, const std::vector<int>& visit) {
    const std::vector<StepRates> rates = epoch_rates(schedule_, epoch, steps_per_epoch_);
    const int begun = state_.steps;
    const Clock::time_point start = Clock::now();
    const EpochWatch watch{text(title_, ", ", is_refit() ? "refit " : "", "epoch ", epoch),
                           [&](int step, double loss) {
                             state_.loss_sum += loss;
                             state_.steps = step + 1;
                             const double mean = state_.loss_sum / (step + 1);
                             const ProgressFacts facts = watch_.of_step(epoch, step + 1, steps_per_epoch_, mean);
                             progress_.update(text(title_, "  ", epoch_of(epoch), "  step ", step + 1, "/", steps_per_epoch_,
                                                   "  loss ", fixed(mean, 3), "  ETA ", minutes(*facts.eta_seconds)),
                                              facts);
                             save_within(start);
                           },
                           [] { return interrupt_requested(); }, step_watch_.get(),
                           static_cast<std::int64_t>(epoch - 1) * steps_per_epoch_};
    const double sum_before = state_.loss_sum;
    const std::vector<double> losses =
        training_->run_epoch(visit, static_cast<std::uint32_t>(epoch), rates, watch, static_cast<std::size_t>(begun));
    images_ +=
        std::min(static_cast<std::int64_t>(losses.size()) * options_.batch_size, static_cast<std::int64_t>(visit.size()));
    const double sum = std::accumulate(losses.begin(), losses.end(), sum_before);
    if (begun + static_cast<int>(losses.size()) < steps_per_epoch_) stop_within(epoch);
    state_.steps = 0;
    state_.loss_sum = 0;
    return sum;
  }

  // Within an epoch that alone takes longer than save_seconds.
  void save_within(Clock::time_point epoch_start) {
    const Clock::time_point now = Clock::now();
    const double seconds = options_.keeping.save_seconds;
    if (seconds <= 0 || state_.steps >= steps_per_epoch_ || seconds_since(std::max(saved_, epoch_start)) < seconds ||
        writer_->busy())
      return;
    write_state();
    saved_ = now;
  }

  // The run is to stop: what was trained of this epoch is kept.
  void stop_within(int epoch) {
    if (state_.steps > 0 || !state_.history.empty() || is_refit()) write_state();
    writer_->wait();
    check_interrupt(text("training (", title_, ", ", epoch_of(epoch), ", step ", state_.steps, ")"));
    throw InternalError("an epoch ended early without being asked to");
  }

  void train_epoch(int epoch) {
    const std::vector<int> visit = order(static_cast<std::uint32_t>(epoch));
    EpochRecord record;
    record.epoch = epoch;
    const int last_step = epoch * steps_per_epoch_ - 1;
    record.lr = schedule_.lr(last_step);
    record.momentum = schedule_.momentum(last_step);
    if (record.momentum < 0) record.momentum = options_.rule == "adam" ? options_.optimizer.beta1 : options_.optimizer.momentum;
    const Clock::time_point start = Clock::now();
    const double loss_sum = run_steps(epoch, visit);
    const double steps = seconds_since(start);
    if (step_watch_)
      step_watch_->epoch_done(static_cast<std::uint32_t>(epoch), static_cast<std::int64_t>(epoch) * steps_per_epoch_, net_,
                              optimizer_);
    record.train_loss = loss_sum / steps_per_epoch_;
    if (!is_refit()) judge(record);
    const double evaluated = seconds_since(start);
    if (!is_refit() && is_best(record)) {
      state_.best_epoch = epoch;
      state_.best = to_tensor_file(net_, {});
    }
    state_.history.push_back(record);
    times_.push_back({static_cast<std::int64_t>(visit.size()), steps, evaluated - steps, seconds_since(start) - evaluated});
  }

  std::vector<std::vector<double>> predictions(const Dataset& part) { return mean_over_views(*training_, part.images, views_); }

  void judge(EpochRecord& record) {
    const Dataset& part = is_nested(select_) ? data_.inner : data_.validation;
    evaluate(predictions(part), part.labels, static_cast<int>(part.classes.size()), record);
  }
  bool is_best(const EpochRecord& record) const {
    return state_.best_epoch == 0 || select_ == Select::last ||
           is_better(record, state_.history[static_cast<std::size_t>(state_.best_epoch - 1)], monitor_);
  }

  void report(std::size_t epoch, std::size_t done_now) {
    const EpochRecord& e = state_.history.back();
    const double elapsed = seconds_since(started_);
    const double left =
        elapsed / static_cast<double>(done_now) * static_cast<double>(static_cast<std::size_t>(epochs_) - epoch);
    const std::string judged =
        is_refit() ? std::string()
                   : text("  val loss ", fixed(e.validation_loss, 3), "  val accuracy ", fixed(e.validation_accuracy, 3));
    const std::string line = text(title_, "  ", epoch_of(e.epoch), "  loss ", fixed(e.train_loss, 3), judged, "  ",
                                  fixed(static_cast<double>(images_) / elapsed, 0), " images/s  ETA ", minutes(left));
    const ProgressFacts facts = watch_.of_epoch(e, static_cast<double>(images_) / elapsed, left);
    const bool last = epoch == static_cast<std::size_t>(epochs_);
    if (last || epoch % 10 == 0 || epochs_ <= 20) {
      progress_.line(line, facts);
    } else {
      progress_.update(line, facts);
    }
  }

  FoldFiles finish() {
    if (is_refit()) {
      state_.best = to_tensor_file(net_, {});
    } else {
      load_tensors(net_, state_.best, Family::timm, Head::as_in_file, "the best epoch");
      net_.to(options_.device);
    }
    FoldFiles files;
    files.classes = data_.train.classes;
    files.history = is_refit() ? state_.choice : state_.history;
    files.best_epoch = is_refit() ? state_.chosen : state_.best_epoch;
    if (is_refit()) files.refit = state_.history;
    files.times = times_;
    files.validation = predictions_of(data_.validation, predictions(data_.validation));
    files.test = predictions_of(data_.test, predictions(data_.test));
    write_sealed_safetensors(folder_ / "best.safetensors", state_.best);
    if (step_watch_) step_watch_->finished();
    write_fold(folder_, files, state_.key);
    remove_resume_files(folder_);
    finish_watching(folder_, files, options_.keeping);
    return files;
  }

  const FoldData& data_;
  const TrainOptions& options_;
  std::filesystem::path folder_;
  std::string title_;
  Progress& progress_;
  FoldWatch watch_;
  EfficientNet net_;
  Optimizer optimizer_;
  std::unique_ptr<EpochTraining> training_;
  std::unique_ptr<StepWatch> step_watch_;  // null: nobody looks
  Select select_;
  Monitor monitor_;
  TestViews views_;
  Schedule schedule_;
  int epochs_ = 0, steps_per_epoch_ = 0;  // of the training at hand
  ResumeState state_;
  ResumeWriter* writer_ = nullptr;     // while it trains
  Clock::time_point started_, saved_;  // saved_: when the last state was given to the disk
  std::int64_t images_ = 0;
  std::vector<EpochTime> times_;
};

}  // namespace

FoldFiles train_fold(const FoldData& data, const TrainOptions& options, const std::filesystem::path& folder,
                     const std::string& key, const std::string& title, Progress& progress) {
  check(options);
  if (data.train.images.empty() || data.validation.images.empty()) {
    throw DataError(text(title, ": the training part has ", data.train.images.size(), " images, the validation part ",
                         data.validation.images.size(), "; both need at least one"));
  }
  const bool nested = is_nested(options.select);
  if (nested && data.inner.images.empty())
    throw DataError(text(title, ": --select ", options.select,
                         " needs an inner part of the training subjects, which this fold of the split has not; make "
                         "the split again with `vitrine split`, where each class has two training subjects or more"));
  if (select_from_name(options.select) == Select::nested_refit && data.whole.images.empty())
    throw DataError(text(title, ": --select nested-refit needs all of the training part, which has no image"));
  const Dataset& judge = nested ? data.inner : data.validation;
  const bool one_class = std::ranges::count(judge.labels, judge.labels.front()) == std::ssize(judge.labels);
  if (one_class && options.select != "last" && monitor_from_name(options.monitor) == Monitor::auc)
    throw DataError(
        text(title,
             ": --monitor auc chooses an epoch by a part that has crops of one class alone; its AUC does not exist; "
             "take another --monitor, or fewer --folds"));
  make_directory(folder);
  const FolderLock lock(folder);
  check_plain_files(folder);
  try {
    if (fold_is_finished(folder, key)) {
      progress.line(text(title, "  already finished, kept"));
      if (options.keeping.audit != "off")
        progress.warn(text(title, " is finished already: --audit ", options.keeping.audit,
                           " records steps while they are made, and none is made now; --force-new trains anew"));
      FoldFiles files = read_fold(folder);
      finish_watching(folder, files, options.keeping);
      return files;
    }
  } catch (const DataError& error) {
    if (!options.keeping.retrain_damaged) throw;
    progress.warn(text(title, " is trained again: ", error.what()));
  }
  if (options.keeping.audit == "off" && path_exists(folder.parent_path() / "audit" / folder.filename() / "run.json"))
    progress.warn(text(title,
                       " was begun with --audit and goes on without: its audit ends here and will be refused as cut off; ",
                       "stop and pass --audit as it was to keep it"));
  return FoldTraining(data, options, folder, key, title, progress).run();
}

}  // namespace vitrine
