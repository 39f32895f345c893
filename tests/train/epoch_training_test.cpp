// An epoch on the host and on CUDA devices, behind one face: the same bits, and who hears of the steps.
#include "train/device/epoch_training.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "nn/efficientnet/prediction.h"
#include "tests/cuda_devices.h"
#include "tests/train/small_fold.h"
#include "train/device/host_training.h"
#include "train/step.h"

namespace vitrine::testing {
namespace {

constexpr std::uint32_t kEpochs = 2;

TrainOptions options_on(Device device) {
  TrainOptions o = small_options();
  o.batch_size = 4;
  o.label_smoothing = 0.1;
  o.lr_scale = "stem=0.5,head=0.25";
  o.device = device;
  return o;
}

EfficientNet network(bool concat_pool = false) {
  EfficientNet net(architecture("lite0"), Semantics{}, 2);
  net.set_head(concat_pool);
  net.initialize(2);
  net.set_drop_rates(0.2, 0.2);
  return net;
}

std::vector<StepRates> rates() { return {{1e-3, 0.9}, {2e-3, 0.85}, {1e-3, 0.95}}; }

std::vector<int> order_of(std::uint32_t epoch) {
  std::vector<int> order;
  for (std::uint32_t i = 0; i < 10; ++i) order.push_back(static_cast<int>((i * 3 + epoch) % 10));
  return order;
}

struct Trained {
  std::vector<double> losses;
  std::vector<std::vector<double>> probability;  // after each epoch
  std::vector<std::vector<float>> tensors;

  bool operator==(const Trained&) const = default;
};

void add_tensors(EfficientNet& net, Trained& t) {
  net.visit([&](const NamedTensor& n) {
    const Tensor here = n.value->to(Device::cpu());
    t.tensors.emplace_back(here.host().begin(), here.host().end());
  });
}

// What an epoch is: ten images in steps of 4, 4 and 2.
Trained step_by_step(const Dataset& data, const TrainOptions& o) {
  EfficientNet net = network(o.head == "concat-pool");
  Optimizer optimizer(optimizer_options(o));
  Trained t;
  for (std::uint32_t epoch = 1; epoch <= kEpochs; ++epoch) {
    for (std::uint32_t i = 0; i < 3; ++i) {
      const Batch batch = training_batch(data, order_of(epoch), 4 * i, net.semantics, o, epoch);
      const StepRates now = rates()[i];
      const Frozen frozen = frozen_in(o, static_cast<int>(epoch));
      net.frozen_parts = frozen.parts;
      const StepOptions step{now.lr,     now.momentum, o.label_smoothing, {o.seed, epoch, 4 * i}, lr_scales(o.lr_scale),
                             frozen.held};
      t.losses.push_back(train_step(net, optimizer, batch, step).loss);
    }
    for (const auto& p : predict(net, data.images, o.batch_size)) t.probability.push_back(p);
  }
  add_tensors(net, t);
  return t;
}

Trained by_epochs(const Dataset& data, const TrainOptions& o) {
  EfficientNet net = network(o.head == "concat-pool");
  net.to(o.device);
  Optimizer optimizer(optimizer_options(o));
  const std::unique_ptr<EpochTraining> training = epoch_training(net, optimizer, data, o);
  Trained t;
  for (std::uint32_t epoch = 1; epoch <= kEpochs; ++epoch) {
    for (const double loss : training->run_epoch(order_of(epoch), epoch, rates(), {"a test"})) t.losses.push_back(loss);
    for (const auto& p : training->predictions(data.images)) t.probability.push_back(p);
  }
  add_tensors(net, t);
  return t;
}

TEST(EpochTraining, HostAndDevicesLeaveTheBitsOfTheSteps) {
  const TierScope scope(cuda::Tier::portable);
  const Dataset data = discs(10, 1);
  const Trained want = step_by_step(data, options_on(Device::cpu()));
  ASSERT_EQ(want.losses.size(), 6u);
  EXPECT_TRUE(by_epochs(data, options_on(Device::cpu())) == want);
  for (const Device device : cuda_devices()) EXPECT_TRUE(by_epochs(data, options_on(device)) == want) << device.text();
}

// What recipes choose: freezing with and without batch norm, thawing in the second epoch, the rules of update, one share of mixup for a batch,
// warp, fast.ai's head.
TEST(EpochTraining, EveryWayOfTrainingHasTheSameBitsEverywhere) {
  const TierScope scope(cuda::Tier::portable);
  const Dataset data = discs(10, 1);
  using Change = void (*)(TrainOptions&);
  const std::vector<std::pair<const char*, Change>> ways{
      {"frozen, thawed", [](TrainOptions& o) { o.freeze = "stage3", o.unfreeze_at = 2; }},
      {"norms train", [](TrainOptions& o) { o.freeze = "head", o.train_frozen_norm = true, o.unfreeze_at = 2; }},
      {"sgd", [](TrainOptions& o) { o.rule = "sgd", o.mixup_mode = "batch"; }},
      {"rmsprop", [](TrainOptions& o) { o.rule = "rmsprop", o.augment.max_warp = 0.2, o.flip = "both"; }},
      {"fast.ai", [](TrainOptions& o) { o.head = "concat-pool", o.optimizer.decay_vectors = true, o.lr_scale = "0.01:1"; }}};
  std::vector<Trained> all;
  for (const auto& [name, change] : ways) {
    TrainOptions o = options_on(Device::cpu());
    change(o);
    all.push_back(step_by_step(data, o));
    EXPECT_TRUE(by_epochs(data, o) == all.back()) << name;
    for (const Device device : cuda_devices()) {
      o.device = device;
      EXPECT_TRUE(by_epochs(data, o) == all.back()) << name << " on " << device.text();
    }
  }
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_FALSE(all[i] == all[0]);
}

// An epoch that was stopped after two of its three steps goes on from there, on the host or on a device, with the bits of one that was not.
TEST(EpochTraining, AnEpochGoesOnFromAnyStep) {
  const TierScope scope(cuda::Tier::portable);
  const Dataset data = discs(10, 1);
  const auto trained = [&](Device device, int stop_after) {
    const TrainOptions o = options_on(device);
    EfficientNet net = network();
    Optimizer optimizer(optimizer_options(o));
    Trained t;
    if (stop_after > 0) {  // the first part is always the host's
      TrainOptions host = o;
      host.device = Device::cpu();
      int asked = 0;
      const EpochWatch watch{"a test", {}, [&] { return asked++ == stop_after; }};
      t.losses = epoch_training(net, optimizer, data, host)->run_epoch(order_of(1), 1, rates(), watch);
      EXPECT_EQ(t.losses.size(), static_cast<std::size_t>(stop_after));
    }
    net.to(device);
    const auto first = static_cast<std::size_t>(stop_after);
    for (const double loss : epoch_training(net, optimizer, data, o)->run_epoch(order_of(1), 1, rates(), {"a test"}, first))
      t.losses.push_back(loss);
    add_tensors(net, t);
    return t;
  };
  const Trained want = trained(Device::cpu(), 0);
  std::vector<Device> devices = cuda_devices();
  devices.push_back(Device::cpu());
  for (const Device device : devices) {
    for (const int step : {1, 2}) EXPECT_TRUE(trained(device, step) == want) << device.text() << " from step " << step;
  }
}

// In the first epoch nothing up to the head moves but what is asked for; in the second all does.
TEST(EpochTraining, FrozenPartsStayUntilTheyAreThawed) {
  const Dataset data = discs(10, 1);
  for (const bool norms : {false, true}) {
    TrainOptions o = options_on(Device::cpu());
    o.freeze = "head";
    o.train_frozen_norm = norms;
    o.unfreeze_at = 2;
    EfficientNet net = network();
    Optimizer optimizer(optimizer_options(o));
    const auto training = epoch_training(net, optimizer, data, o);
    const auto values = [&] {
      std::map<std::string, std::vector<float>> all;
      net.visit([&](const NamedTensor& t) { all[t.name] = {t.value->host().begin(), t.value->host().end()}; });
      return all;
    };
    const auto start = values();
    training->run_epoch(order_of(1), 1, rates(), {"a test"});
    const auto first = values();
    for (const auto& [name, v] : first) {
      const bool norm = name.find("bn") != std::string::npos;  // scale, shift and statistics
      EXPECT_EQ(v != start.at(name), part_of_tensor(name) == "classifier" || (norms && norm)) << name;
    }
    training->run_epoch(order_of(2), 2, rates(), {"a test"});
    for (const auto& [name, v] : values()) EXPECT_NE(v, first.at(name)) << name;
  }
}

TEST(EpochTraining, TheWatchHearsOfEachStepOfTheHost) {
  const Dataset data = discs(10, 1);
  const TrainOptions o = options_on(Device::cpu());
  EfficientNet net = network();
  Optimizer optimizer(o.optimizer);
  std::vector<double> heard;
  const EpochWatch watch{"a test", [&](int step, double loss) {
                           EXPECT_EQ(step, static_cast<int>(heard.size()));
                           heard.push_back(loss);
                         }};
  EXPECT_EQ(epoch_training(net, optimizer, data, o)->run_epoch(order_of(1), 1, rates(), watch), heard);
  EXPECT_EQ(heard.size(), 3u);
}

// Of the ten images the one in the second step has no finite pixel.
TEST(EpochTraining, ALossThatIsNotFiniteNamesItsStep) {
  Dataset data = discs(10, 1);
  data.images[static_cast<std::size_t>(order_of(1)[5])] = Tensor::full({32, 32, 3}, std::numeric_limits<float>::infinity());
  std::vector<Device> devices = cuda_devices();
  devices.push_back(Device::cpu());
  for (const Device device : devices) {
    TrainOptions o = options_on(device);
    o.augmentation = false;
    o.mixup = 0;
    EfficientNet net = network();
    net.to(device);
    Optimizer optimizer(o.optimizer);
    try {
      epoch_training(net, optimizer, data, o)->run_epoch(order_of(1), 1, rates(), {"fold 1, epoch 1"});
      FAIL() << "an infinite pixel was accepted on " << device.text();
    } catch (const NumericalError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("fold 1, epoch 1, step 2"), std::string::npos) << message;
      EXPECT_NE(message.find(device.is_cuda() ? "run with --device cpu" : "conv2d"), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace vitrine::testing
