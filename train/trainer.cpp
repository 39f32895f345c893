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
#include "nn/efficientnet/first_conv.h"
#include "tensor/math.h"
#include "train/choice.h"
#include "train/device/epoch_training.h"
#include "train/epoch_plan.h"
#include "train/resume.h"
#include "train/schedule.h"
#include "train/watch/fold_watch.h"
#include "weights/checkpoint_file.h"
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
        monitor_(monitor_from_name(options.monitor)) {
    state_.key = key;
    net_.frozen_parts = frozen_in(options, 1).parts;
    be_used_as_trained();
    steps_per_epoch_ = static_cast<int>((order(1).size() + static_cast<std::size_t>(options.batch_size) - 1) /
                                        static_cast<std::size_t>(options.batch_size));
    if (net_.concat_head && order(1).size() % static_cast<std::size_t>(options.batch_size) == 1)
      throw UsageError(text("--head concat-pool needs two images in a batch for its batch norm; of ", order(1).size(),
                            " images an epoch the last batch of ", options.batch_size,
                            " has one; choose another --batch-size"));
    schedule_ = {schedule_from_name(options.schedule), options.lr, steps_per_epoch_ * options.epochs};
  }

  FoldFiles run() {
    const Resumed resumed = read_resume_state(folder_, options_.epochs, state_, net_, optimizer_);
    if (!resumed.note.empty())
      progress_.warn(
          text(title_, ": ", resumed.note, resumed.found ? "; the state before it is used" : "; the fold starts again"));
    if (state_.steps >= steps_per_epoch_)
      throw DataError(text(folder_, ": its saved state is ", state_.steps, " steps into an epoch of ", steps_per_epoch_,
                           "; delete last.safetensors and last-before.safetensors to train the fold anew"));
    if (resumed.found)
      progress_.line(text(title_, "  resumed after epoch ", state_.history.size(), " of ", options_.epochs,
                          state_.steps > 0 ? text(" and ", state_.steps, " steps") : ""));
    check_space();
    net_.to(options_.device);
    training_ = epoch_training(net_, optimizer_, data_.train, options_);
    if (options_.keeping.watch_steps)
      step_watch_ = options_.keeping.watch_steps({folder_, state_.key, options_, data_, steps_made(), net_, optimizer_});
    started_ = saved_ = Clock::now();
    watch_.begin(state_.history, resumed.note);
    const std::size_t first = state_.history.size();
    ResumeWriter writer(folder_);
    writer_ = &writer;
    for (std::size_t epoch = first + 1; epoch <= static_cast<std::size_t>(options_.epochs); ++epoch) {
      train_epoch(static_cast<int>(epoch));
      report(epoch, epoch - first);
      watch_.epoch(state_.history.back(), times_.back());
      save(writer, epoch);
    }
    writer.wait();
    return finish();
  }

 private:
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
  void save(ResumeWriter& writer, std::size_t epoch) {
    const Clock::time_point start = Clock::now();
    const bool due = (epoch % static_cast<std::size_t>(options_.keeping.save_every) == 0 &&
                      seconds_since(saved_) >= options_.keeping.save_seconds) ||
                     interrupt_requested();
    if (due && epoch < static_cast<std::size_t>(options_.epochs) && !writer.busy()) {
      write_state();
      saved_ = start;
    }
    times_.back().keeping += seconds_since(start);
    if (!interrupt_requested()) return;
    writer.wait();
    check_interrupt(text("training (", title_, ", epoch ", epoch, ")"));
  }

  std::vector<int> order(std::uint32_t epoch) const { return training_order(data_.train, options_, epoch); }

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
    const EpochWatch watch{
        text(title_, ", epoch ", epoch),
        [&](int step, double loss) {
          state_.loss_sum += loss;
          state_.steps = step + 1;
          const double mean = state_.loss_sum / (step + 1);
          const ProgressFacts facts = watch_.of_step(epoch, step + 1, steps_per_epoch_, mean);
          progress_.update(text(title_, "  epoch ", epoch, "/", options_.epochs, "  step ", step + 1, "/", steps_per_epoch_,
                                "  loss ", fixed(mean, 3), "  ETA ", minutes(*facts.eta_seconds)),
                           facts);
          save_within(start);
        },
        [] { return interrupt_requested(); }, step_watch_.get(), static_cast<std::int64_t>(epoch - 1) * steps_per_epoch_};
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
    if (state_.steps > 0 || !state_.history.empty()) write_state();
    writer_->wait();
    check_interrupt(text("training (", title_, ", epoch ", epoch, ", step ", state_.steps, ")"));
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
    const Dataset& judge = select_ == Select::nested ? data_.inner : data_.validation;
    evaluate(training_->predictions(judge.images), judge.labels, static_cast<int>(judge.classes.size()), record);
    const double evaluated = seconds_since(start);
    record.train_loss = loss_sum / steps_per_epoch_;
    if (state_.best_epoch == 0 || select_ == Select::last ||
        is_better(record, state_.history[static_cast<std::size_t>(state_.best_epoch - 1)], monitor_)) {
      state_.best_epoch = epoch;
      state_.best = to_tensor_file(net_, {});
    }
    state_.history.push_back(record);
    times_.push_back({static_cast<std::int64_t>(visit.size()), steps, evaluated - steps, seconds_since(start) - evaluated});
  }

  void report(std::size_t epoch, std::size_t done_now) {
    const EpochRecord& e = state_.history.back();
    const double elapsed = seconds_since(started_);
    const double left =
        elapsed / static_cast<double>(done_now) * static_cast<double>(static_cast<std::size_t>(options_.epochs) - epoch);
    const std::string line =
        text(title_, "  epoch ", epoch, "/", options_.epochs, "  loss ", fixed(e.train_loss, 3), "  val loss ",
             fixed(e.validation_loss, 3), "  val accuracy ", fixed(e.validation_accuracy, 3), "  ",
             fixed(static_cast<double>(images_) / elapsed, 0), " images/s  ETA ", minutes(left));
    const ProgressFacts facts = watch_.of_epoch(e, static_cast<double>(images_) / elapsed, left);
    const bool last = epoch == static_cast<std::size_t>(options_.epochs);
    if (last || epoch % 10 == 0 || options_.epochs <= 20) {
      progress_.line(line, facts);
    } else {
      progress_.update(line, facts);
    }
  }

  FoldFiles finish() {
    load_tensors(net_, state_.best, Family::timm, Head::as_in_file, "the best epoch");
    net_.to(options_.device);
    FoldFiles files;
    files.classes = data_.train.classes;
    files.history = state_.history;
    files.best_epoch = state_.best_epoch;
    files.times = times_;
    files.validation = predictions_of(data_.validation, training_->predictions(data_.validation.images));
    files.test = predictions_of(data_.test, training_->predictions(data_.test.images));
    write_sealed_safetensors(folder_ / "best.safetensors", state_.best);
    if (step_watch_) step_watch_->finished();
    write_fold(folder_, files, state_.key);
    remove_resume_files(folder_);
    finish_watching(folder_, files.history, options_.keeping);
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
  Schedule schedule_;
  int steps_per_epoch_ = 0;
  ResumeState state_;
  ResumeWriter* writer_ = nullptr;     // while it trains
  Clock::time_point started_, saved_;  // saved_: when the last state was given to the disk
  std::int64_t images_ = 0;
  std::vector<EpochTime> times_;
};

}  // namespace

EfficientNet starting_network(const TrainOptions& options, int classes) {
  const Architecture arch = architecture(options.arch);
  const FirstConv rule = first_conv_from_name(options.first_conv);
  const bool concat_pool = options.head == "concat-pool";
  const auto given = static_cast<std::int64_t>(1 + std::count(options.inputs.begin(), options.inputs.end(), '+'));
  const auto ready = [&](EfficientNet net) {
    net.set_drop_rates(options.dropout, options.drop_connect);
    if (options.bn_momentum > 0) net.set_bn_momentum(options.bn_momentum);
    return net;
  };
  if (options.weights.empty()) {
    EfficientNet net(arch, published_semantics(Family::torchvision, arch), classes);
    net.set_head(concat_pool);
    net.initialize(options.seed);
    adapt_to_inputs(net, given, rule, options.inputs);
    return ready(std::move(net));
  }
  const std::string name = shown(options.weights);
  const TensorFile file = read_checkpoint(options.weights, options.ema ? WeightSet::averaged : WeightSet::plain);
  const CheckpointFacts facts =
      checkpoint_facts(file, {.arch = options.arch, .from = options.from, .head = Head::keep_mine}, name);
  EfficientNet net(facts.architecture, facts.semantics, classes);
  load_tensors(net, file, facts.family, Head::keep_mine, name);
  adapt_to_inputs(net, given, rule, options.inputs);
  net.set_head(concat_pool);
  net.initialize_classifier(options.seed);
  return ready(std::move(net));
}

FoldFiles train_fold(const FoldData& data, const TrainOptions& options, const std::filesystem::path& folder,
                     const std::string& key, const std::string& title, Progress& progress) {
  check(options);
  if (data.train.images.empty() || data.validation.images.empty()) {
    throw DataError(text(title, ": the training part has ", data.train.images.size(), " images, the validation part ",
                         data.validation.images.size(), "; both need at least one"));
  }
  if (select_from_name(options.select) == Select::nested && data.inner.images.empty())
    throw DataError(
        text(title,
             ": --select nested needs an inner part of the training subjects, which this fold of the split has not; make "
             "the split again with `vitrine split`, where each class has two training subjects or more"));
  const Dataset& judge = select_from_name(options.select) == Select::nested ? data.inner : data.validation;
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
      FoldFiles files = read_fold(folder);
      finish_watching(folder, files.history, options.keeping);
      return files;
    }
  } catch (const DataError& error) {
    if (!options.keeping.retrain_damaged) throw;
    progress.warn(text(title, " is trained again: ", error.what()));
  }
  return FoldTraining(data, options, folder, key, title, progress).run();
}

}  // namespace vitrine
