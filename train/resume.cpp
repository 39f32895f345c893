#include "train/resume.h"

#include <cmath>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/version.h"
#include "nn/efficientnet/checkpoint.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNow = "now/", kBest = "best/", kOptimizer = "optimizer/";
constexpr const char *kLast = "last.safetensors", *kBefore = "last-before.safetensors";
constexpr const char *kKey = "vitrine.resume_key", *kBestEpoch = "vitrine.best_epoch", *kSteps = "vitrine.steps";
constexpr const char *kHistory = "history", *kLossSum = "loss_sum", *kChoice = "choice", *kChosen = "vitrine.chosen_epoch";
constexpr std::int64_t kMostSteps = 1'000'000'000;
constexpr std::int64_t kColumns = 8;  // of the history

void append(TensorFile& file, std::string_view prefix, const TensorFile& part) {
  for (StoredTensor tensor : part.tensors) {
    tensor.name = text(prefix, tensor.name);
    file.tensors.push_back(std::move(tensor));
  }
}

TensorFile part_of(const TensorFile& file, std::string_view prefix) {
  TensorFile part;
  for (const StoredTensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(prefix)) continue;
    part.tensors.push_back(tensor);
    part.tensors.back().name = tensor.name.substr(prefix.size());
  }
  return part;
}

StoredTensor history_tensor(const char* name, const std::vector<EpochRecord>& history) {
  std::vector<double> values;
  for (const EpochRecord& e : history) {
    values.insert(values.end(), {static_cast<double>(e.epoch), e.train_loss, e.validation_loss, e.validation_accuracy,
                                 e.validation_auc, e.validation_f1, e.lr, e.momentum});
  }
  return StoredTensor::from(name, Shape{static_cast<std::int64_t>(history.size()), kColumns}, values);
}

std::vector<EpochRecord> history_of(const StoredTensor& tensor, int epochs) {
  const Shape& shape = tensor.shape;
  if (shape.rank() != 2 || shape[1] != kColumns || shape[0] < 1 || shape[0] > epochs)
    throw DataError(text("its history is ", shape.text(), ", at most [", epochs, ", ", kColumns, "] is expected"));
  const std::vector<double> v = tensor.to_double();
  std::vector<EpochRecord> history;
  for (std::size_t i = 0; i < v.size(); i += kColumns) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      if (!std::isfinite(v[i + c])) throw DataError("its history holds a number that is not finite");
    }
    if (v[i] != static_cast<double>(history.size() + 1)) throw DataError("its history has an epoch out of order");
    history.push_back({static_cast<int>(v[i]), v[i + 1], v[i + 2], v[i + 3], v[i + 4], v[i + 5], v[i + 6], v[i + 7]});
  }
  return history;
}

double loss_sum_of(const StoredTensor& tensor) {
  if (!(tensor.shape == Shape{1}) || !std::isfinite(tensor.to_double()[0]))
    throw DataError(text("its sum of losses is ", tensor.shape.text(), ", one finite number is expected"));
  return tensor.to_double()[0];
}

// The network's own metadata.
std::map<std::string, std::string> network_metadata(std::map<std::string, std::string> metadata) {
  for (const char* key : {kKey, kBestEpoch, kSteps, kChosen, kChecksums}) metadata.erase(key);
  return metadata;
}

std::string made_by_another(const std::map<std::string, std::string>& metadata) {
  const auto made_by = metadata.find("vitrine.version");
  if (made_by == metadata.end()) return text("it was made by version 0.2.0 or older, this is ", version());
  if (made_by->second != version()) return text("it was made by version ", printable(made_by->second), ", this is ", version());
  return "it belongs to a run with other options or data";
}

std::int64_t number_in(const TensorFile& file, const char* key, std::int64_t low, std::int64_t high, const char* flaw) {
  std::int64_t number = 0;
  if (!parse_number(required_metadata(file.metadata, key, "it"), number) || number < low || number > high)
    throw DataError(flaw);
  return number;
}

// The history, and of a second training the first one's.
void read_histories(const TensorFile& file, int epochs, ResumeState& found) {
  found.steps = static_cast<int>(number_in(file, kSteps, 0, kMostSteps, "its number of steps is none"));
  if (file.metadata.contains(kChosen)) {
    found.choice = history_of(file.at(kChoice), epochs);
    found.chosen =
        static_cast<int>(number_in(file, kChosen, 1, std::ssize(found.choice), "its chosen epoch is not one of its epochs"));
  }
  const bool in_first_epoch = (found.steps > 0 || found.chosen > 0) && file.find(kHistory) == nullptr;
  if (!in_first_epoch) found.history = history_of(file.at(kHistory), found.chosen > 0 ? found.chosen : epochs);
  const bool has_best = !in_first_epoch && found.chosen == 0;
  found.best_epoch = static_cast<int>(number_in(file, kBestEpoch, has_best ? 1 : 0, has_best ? std::ssize(found.history) : 0,
                                                "its best epoch is not one of its epochs"));
}

// The state in one file. Throws when it is not one that `net` can go on from.
void read_state(const fs::path& path, int epochs, ResumeState& state, EfficientNet& net, Optimizer& optimizer) {
  const TensorFile file = read_safetensors(path);
  if (!is_sealed(file)) throw DataError("it carries no checksums");
  if (required_metadata(file.metadata, kKey, "it") != state.key) throw DataError(made_by_another(file.metadata));
  ResumeState found;
  found.key = state.key;
  read_histories(file, epochs, found);
  if (found.steps > 0) found.loss_sum = loss_sum_of(file.at(kLossSum));
  EfficientNet restored = net;
  if (found.best_epoch > 0) {
    found.best = part_of(file, kBest);
    for (StoredTensor& t : found.best.tensors) t = t.in_memory();  // the file will be replaced
    found.best.metadata = network_metadata(file.metadata);
    EfficientNet best = net;
    load_tensors(best, found.best, Family::timm, Head::as_in_file, "its best epoch");
  }
  load_tensors(restored, part_of(file, kNow), Family::timm, Head::as_in_file, "its network");
  std::vector<std::pair<std::string, Tensor>> moments;
  for (const StoredTensor& t : part_of(file, kOptimizer).tensors) moments.emplace_back(t.name, t.to_float());
  optimizer.restore(moments, restored.parameter_shapes());
  net = std::move(restored);
  state = std::move(found);
}

}  // namespace

TensorFile resume_file(const ResumeState& state, EfficientNet& net, const Optimizer& optimizer) {
  TensorFile file;
  const TensorFile now = to_tensor_file(net, {});
  append(file, kNow, now);
  append(file, kBest, state.best);
  for (const auto& [name, value] : optimizer.state()) file.tensors.push_back(StoredTensor::from(text(kOptimizer, name), value));
  if (!state.history.empty()) file.tensors.push_back(history_tensor(kHistory, state.history));
  if (state.chosen > 0) file.tensors.push_back(history_tensor(kChoice, state.choice));
  if (state.steps > 0) file.tensors.push_back(StoredTensor::from(kLossSum, Shape{1}, std::vector<double>{state.loss_sum}));
  file.metadata = now.metadata;
  file.metadata[kKey] = state.key;
  file.metadata[kSteps] = std::to_string(state.steps);
  file.metadata[kBestEpoch] = std::to_string(state.best_epoch);
  if (state.chosen > 0) file.metadata[kChosen] = std::to_string(state.chosen);
  return file;
}

Resumed read_resume_state(const fs::path& folder, int epochs, ResumeState& state, EfficientNet& net, Optimizer& optimizer) {
  Resumed resumed;
  for (const char* name : {kLast, kBefore}) {
    const fs::path path = folder / name;
    if (!path_exists(path)) continue;
    try {
      read_state(path, epochs, state, net, optimizer);
      resumed.found = true;
      return resumed;
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      if (resumed.note.empty()) resumed.note = text(path, " cannot be used: ", error.what());
    }
  }
  return resumed;
}

void remove_resume_files(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {kLast, kBefore}) fs::remove(folder / name, ignored);
}

ResumeWriter::ResumeWriter(fs::path folder) : folder_(std::move(folder)) {
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
  }
}

ResumeWriter::~ResumeWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ResumeWriter::put(const TensorFile& state) const {
  const fs::path last = folder_ / kLast;
  std::error_code none;
  if (path_exists(last)) fs::rename(last, folder_ / kBefore, none);
  write_sealed_safetensors(last, state);
}

void ResumeWriter::work() {
  const InterruptsDeferred until_written;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return pending_ || stopping_; });
    if (!pending_) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      put(*pending_);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    pending_.reset();
    if (failure) failure_ = failure;
    changed_.notify_all();
  }
}

bool ResumeWriter::busy() {
  const std::scoped_lock lock(mutex_);
  return pending_.has_value();
}

void ResumeWriter::wait_until_idle(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return !pending_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ResumeWriter::write(TensorFile state) {
  if (!thread_.joinable()) return put(state);
  std::unique_lock lock(mutex_);
  wait_until_idle(lock);
  pending_ = std::move(state);
  changed_.notify_all();
}

void ResumeWriter::wait() {
  std::unique_lock lock(mutex_);
  wait_until_idle(lock);
}

}  // namespace vitrine
