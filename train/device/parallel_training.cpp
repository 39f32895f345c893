#include "train/device/parallel_training.h"

#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "nn/efficientnet/prediction.h"

namespace vitrine {
namespace {

EfficientNet copied(const EfficientNet& source, Device device) {
  EfficientNet copy = source;
  copy.visit([&](const NamedTensor& t) { *t.value = t.value->to(Device::cpu()).clone().to(device); });
  return copy;
}

}  // namespace

ParallelTraining::ParallelTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options)
    : net_(net), batch_size_(options.batch_size) {
  std::vector<Device> devices{options.device};
  devices.insert(devices.end(), options.more_devices.begin(), options.more_devices.end());
  const auto count = static_cast<int>(devices.size());
  if (options.batch_size % count != 0)
    throw UsageError(text("--batch-size is ", options.batch_size, ", expected a multiple of the ", count, " devices"));
  if (count > 1) communicators_ = cuda::communicators(devices);
  for (int rank = 0; rank < count; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    if (rank > 0) {
      replicas_.push_back(std::make_unique<Replica>(Replica{copied(net, devices[r]), Optimizer(optimizer.options())}));
      replicas_.back()->optimizer.restore(optimizer.state(), net.parameter_shapes());
    }
    trainings_.push_back(std::make_unique<DeviceTraining>(rank == 0 ? net : replicas_.back()->net,
                                                          rank == 0 ? optimizer : replicas_.back()->optimizer, data, options,
                                                          DeviceShare{rank, count}));
  }
}

ParallelTraining::~ParallelTraining() = default;

std::vector<std::vector<double>> ParallelTraining::predictions(const std::vector<Tensor>& images) {
  if (inference_) {
    inference_->refold(net_);
  } else {
    inference_.emplace(net_);
  }
  return predict(*inference_, net_, images, batch_size_);
}

std::vector<double> ParallelTraining::run_epoch(const std::vector<int>& order, std::uint32_t epoch,
                                                const std::vector<StepRates>& rates, const EpochWatch& watch,
                                                std::size_t first_step) {
  std::vector<double> losses = means_over_devices(order, epoch, rates, first_step);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (!std::isfinite(losses[i]))
      throw NumericalError(text(watch.name, ", step ", first_step + i + 1, ": the loss on ", net_.device().text(),
                                " is not finite; lower --lr, or run with --device cpu to have the first such op named"));
  }
  return losses;
}

std::vector<double> ParallelTraining::means_over_devices(const std::vector<int>& order, std::uint32_t epoch,
                                                         const std::vector<StepRates>& rates, std::size_t first_step) {
  if (trainings_.size() == 1) return trainings_.front()->run_epoch(order, epoch, rates, first_step);
  std::vector<std::vector<double>> losses(trainings_.size());
  std::exception_ptr failure;  // the first in time: those of the others follow from it
  std::vector<std::thread> aborts;
  std::mutex mutex;
  const auto run = [&](std::size_t rank) {
    const cuda::CommunicatorScope scope(communicators_[rank].get());
    try {
      losses[rank] = trainings_[rank]->run_epoch(order, epoch, rates, first_step);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (failure != nullptr) return;
      failure = std::current_exception();
      for (const auto& c : communicators_) aborts.emplace_back([&c] { c->abort(); });
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t rank = 1; rank < trainings_.size(); ++rank) threads.emplace_back(run, rank);
  run(0);
  for (std::thread& t : threads) t.join();
  if (failure != nullptr) {
    trainings_.clear();  // with their recorded graphs, which the aborts wait for
    for (std::thread& t : aborts) t.join();
    std::rethrow_exception(failure);
  }
  std::vector<double> means = losses.front();
  for (std::size_t i = 0; i < means.size(); ++i) {
    for (std::size_t rank = 1; rank < losses.size(); ++rank) means[i] += losses[rank][i];
    means[i] /= static_cast<double>(losses.size());
  }
  return means;
}

}  // namespace vitrine
