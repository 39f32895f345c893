#include "train/trainer.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tests/cuda_devices.h"
#include "tests/train/small_fold.h"
#include "train/cross_validation.h"
#include "train/resume.h"
#include "train/step.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;

// One step of b0 on the discs; the names of the tensors, running statistics included, that it changed.
std::vector<std::string> changed_by_a_step(int frozen, const std::map<std::string, double>& scales) {
  EfficientNet net(architecture("b0"), Semantics{}, 2);
  net.initialize(3);
  net.frozen_parts = frozen;
  std::map<std::string, std::vector<float>> before;
  net.visit([&](const NamedTensor& t) { before[t.name].assign(t.value->host().begin(), t.value->host().end()); });
  const Dataset data = discs(8, 1);
  std::vector<const Tensor*> images;
  for (const Tensor& image : data.images) images.push_back(&image);
  std::vector<float> targets;
  for (const int label : data.labels) {
    targets.push_back(label == 0 ? 1.0f : 0.0f);
    targets.push_back(label == 0 ? 0.0f : 1.0f);
  }
  Optimizer optimizer(OptimizerOptions{});
  train_step(net, optimizer, {stack_images(images, input_normalisation(net.semantics)), Tensor::from({8, 2}, targets)},
             {.lr = 1e-2, .lr_scale = scales});
  std::vector<std::string> changed;
  net.visit([&](const NamedTensor& t) {
    const std::vector<float>& old = before.at(t.name);
    if (!std::equal(old.begin(), old.end(), t.value->host().begin())) changed.push_back(t.name);
  });
  return changed;
}

TEST(TransferLearning, FrozenPartsKeepWeightsAndStatistics) {
  const std::vector<std::string>& parts = network_parts();
  for (const int frozen : {0, 1, 4, 9}) {
    for (const std::string& name : changed_by_a_step(frozen, {})) {
      const auto part = std::find(parts.begin(), parts.end(), part_of_tensor(name)) - parts.begin();
      EXPECT_GE(part, frozen) << name;
    }
  }
  EXPECT_EQ(changed_by_a_step(9, {}), (std::vector<std::string>{"classifier.weight", "classifier.bias"}));
  EXPECT_EQ(changed_by_a_step(0, {}).size(), 311u);  // every tensor of b0
}

TEST(TransferLearning, AFactorOfZeroStopsAPartButNotItsStatistics) {
  for (const std::string& name : changed_by_a_step(0, {{"stage3", 0.0}})) {
    if (part_of_tensor(name) != "stage3") continue;
    EXPECT_NE(name.find("running_"), std::string::npos) << name;
  }
}

TEST(TransferLearning, AOneChannelNetworkTrainsAndItsFileSaysSo) {
  Progress quiet(true);
  TrainOptions options = small_options();
  options.epochs = 1;
  options.inputs = "t1c";
  options.first_conv = "sum";
  const FoldData data = small_fold();
  const fs::path folder = fresh_folder("one-channel");
  train_fold(data, options, folder, "key", "t1c", quiet);
  const TensorFile file = read_checkpoint(folder / "best.safetensors");
  EXPECT_EQ(file.metadata.at("vitrine.channels"), "1");
  EXPECT_EQ(file.at("conv_stem.weight").shape, (Shape{32, 1, 3, 3}));
  // From that file on: its own channel count, its padding, another classifier.
  options.weights = (folder / "best.safetensors").string();
  options.first_conv = "replicate";
  EXPECT_EQ(starting_network(options, 5).semantics.channels, 1);
  options.inputs = "t1c+flair+t2";  // FLAIR and T2 would not be read
  EXPECT_THROW(starting_network(options, 5), UsageError);
  options.first_conv = "extend";
  EXPECT_EQ(starting_network(options, 5).semantics.channels, 3);
  fs::remove_all(folder);
}

TEST(TransferLearning, OptionsAreChecked) {
  EXPECT_EQ(frozen_parts("none"), 0);
  EXPECT_EQ(frozen_parts("stem"), 1);
  EXPECT_EQ(frozen_parts("head"), 9);
  EXPECT_THROW(frozen_parts("classifier"), UsageError);
  EXPECT_THROW(frozen_parts("stage7"), UsageError);
  EXPECT_EQ(lr_scales("stem=0.1,head=2"), (std::map<std::string, double>{{"stem", 0.1}, {"head", 2}}));
  for (const char* bad : {"stem", "stem=", "stem=x", "stem=-1", "body=1", "stem=1,stem=2", "stem=1,,head=1", "stem=nan"})
    EXPECT_THROW(lr_scales(bad), UsageError) << bad;
}

TEST(Trainer, SameBytesForOneAndTwoThreadsAndOnRepeat) {
  Progress quiet(true);
  const FoldData data = small_fold();
  std::string first;
  const int before = thread_count();
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    const fs::path folder = fresh_folder("threads");
    train_fold(data, small_options(), folder, "key", "test", quiet);
    if (first.empty()) first = hash_of(folder);
    EXPECT_EQ(hash_of(folder), first) << threads << " threads";
    fs::remove_all(folder);
  }
  set_thread_count(before);
}

TEST(Trainer, WritesTheSameBytesOnACudaDeviceInThePortableTier) {
  const TierScope scope(cuda::Tier::portable);
  Progress progress(true);
  TrainOptions options = small_options();
  options.epochs = 2;
  const fs::path cpu = fresh_folder("cpu");
  train_fold(small_fold(), options, cpu, "key", "test", progress);
  for (const Device device : cuda_devices()) {
    options.device = device;
    const fs::path there = fresh_folder("device");
    train_fold(small_fold(), options, there, "key", "test", progress);
    EXPECT_EQ(hash_of(there), hash_of(cpu)) << device.text();
    fs::remove_all(there);
  }
  fs::remove_all(cpu);
}

TEST(Trainer, LearnsAndKeepsTheBestEpoch) {
  Progress quiet(true);
  TrainOptions options = small_options();
  options.epochs = 12;
  options.lr = 3e-3;  // 24 steps are few
  options.mixup = 0;
  options.drop_connect = 0;
  const fs::path folder = fresh_folder("learns");
  const FoldFiles files = train_fold(small_fold(), options, folder, "key", "test", quiet);
  ASSERT_EQ(files.history.size(), 12u);
  EXPECT_LT(files.history.back().train_loss, 0.6 * files.history.front().train_loss);
  const EpochRecord& best = files.history[static_cast<std::size_t>(files.best_epoch - 1)];
  for (const EpochRecord& e : files.history) {
    EXPECT_LE(e.validation_accuracy, best.validation_accuracy);
    if (e.epoch < files.best_epoch) {
      EXPECT_LT(e.validation_accuracy, best.validation_accuracy) << "a later epoch of equals was kept";
    }
  }
  EXPECT_DOUBLE_EQ(metrics_of(files.validation, files.classes).accuracy, best.validation_accuracy);
  fs::remove_all(folder);
}

TEST(Trainer, AFinishedFoldIsKept) {
  Progress quiet(true);
  const fs::path folder = fresh_folder("kept");
  train_fold(small_fold(), small_options(), folder, "key", "test", quiet);
  const auto written = fs::last_write_time(folder / "best.safetensors");
  const FoldFiles again = train_fold(small_fold(), small_options(), folder, "key", "test", quiet);
  EXPECT_EQ(fs::last_write_time(folder / "best.safetensors"), written);
  EXPECT_EQ(again.history.size(), 3u);
  fs::remove_all(folder);
}

TEST(Trainer, NonFiniteLossNamesTheFirstOp) {
  Progress quiet(true);
  FoldData data = small_fold();
  data.train.images[0] = Tensor::full({32, 32, 3}, std::numeric_limits<float>::infinity());
  TrainOptions options = small_options();
  options.augmentation = false;
  options.mixup = 0;
  const fs::path folder = fresh_folder("nan");
  try {
    train_fold(data, options, folder, "key", "test", quiet);
    FAIL() << "an infinite pixel was accepted";
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("conv2d"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("epoch 1"), std::string::npos) << error.what();
  }
  fs::remove_all(folder);
}

TEST(Trainer, OptionsOutOfRangeAreRefused) {
  TrainOptions options = small_options();
  options.epochs = 0;
  EXPECT_THROW(check(options), UsageError);
  options = small_options();
  options.lr = std::nan("");
  EXPECT_THROW(check(options), UsageError);
  for (const double decay : {-1.0, 1e9, std::nan("")}) {
    options = small_options();
    options.optimizer.weight_decay = decay;
    EXPECT_THROW(check(options), UsageError) << decay;
  }
}

// What is recorded is what is done.
TEST(Trainer, OptionsAreRecordedAsTheyAre) {
  TrainOptions options = small_options();
  const auto recorded = [&](const std::string& name) {
    for (const auto& [key, value] : describe(options)) {
      if (key == name) return value;
    }
    return std::string();
  };
  EXPECT_EQ(recorded("optimizer"), "adam");
  EXPECT_EQ(recorded("weight_decay"), "0.01");
  EXPECT_EQ(recorded("decay_vectors"), "no");
  EXPECT_EQ(recorded("schedule"),
            "one-cycle-v2, lr / 25 -> lr -> lr / 1e5, up in 0.25 of the steps, momentum 0.95 -> 0.85 -> 0.95 (fast.ai 2)");
  EXPECT_EQ(recorded("select"), "best epoch by validation accuracy, the first of equals");
  options.select = "nested";
  options.monitor = "auc";
  EXPECT_EQ(recorded("select"), "best epoch by auc on an inner part of the training subjects, the first of equals");
  EXPECT_EQ(optimizer_options(options).rule, Rule::adam);
  options.rule = "rmsprop";
  EXPECT_EQ(optimizer_options(options).rule, Rule::rmsprop);
}

// A state of every step, as far as the disk follows: killed again and again, the fold ends with the bytes of one that was never stopped.
TEST(Trainer, KilledWithinEpochsEndsWithTheSameBytes) {
  Progress quiet(true);
  TrainOptions options = small_options();
  options.batch_size = 2;
  options.epochs = 2;
  options.keeping.save_seconds = 1e-9;
  const fs::path whole = fresh_folder("unkilled"), killed = fresh_folder("killed");
  train_fold(small_fold(), options, whole, "key", "test", quiet);
  set_thread_count(1);  // no worker threads may live across fork
  for (int attempt = 1; attempt < 60 && !fs::exists(killed / "fold.json"); ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      Progress none(true);
      train_fold(small_fold(), options, killed, "key", "test", none);
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100 * attempt));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  ASSERT_TRUE(fs::exists(killed / "fold.json"));
  EXPECT_EQ(hash_of(killed), hash_of(whole));
  fs::remove_all(whole);
  fs::remove_all(killed);
}

// The state within the first epoch, where there is no history and no best network yet, and within a later one.
TEST(Trainer, AStateWithinAnEpochIsReadBack) {
  const fs::path folder = fresh_folder("within");
  fs::create_directories(folder);
  EfficientNet net = starting_network(small_options(), 2);
  Optimizer optimizer({});
  ResumeState state;
  state.key = "key";
  for (const int finished : {0, 1}) {
    state.steps = 3;
    state.loss_sum = 1.0 / 3;
    if (finished > 0) {
      state.history = {{1, 0.5, 0.4, 0.5, -1, 0.25, 1e-3, 0.9}};
      state.best_epoch = 1;
      state.best = to_tensor_file(net, {});
    }
    write_sealed_safetensors(folder / "last.safetensors", resume_file(state, net, optimizer));
    ResumeState back;
    back.key = "key";
    const Resumed resumed = read_resume_state(folder, 5, back, net, optimizer);
    EXPECT_TRUE(resumed.found) << resumed.note;
    EXPECT_EQ(back.steps, 3);
    EXPECT_EQ(back.loss_sum, 1.0 / 3);
    EXPECT_EQ(back.history.size(), static_cast<std::size_t>(finished));
    EXPECT_EQ(back.best_epoch, finished);
  }
  fs::remove_all(folder);
}

TEST(Trainer, ShortEpochsDoNotSaveStates) {
  Progress quiet(true);
  const fs::path folder = fresh_folder("short-epochs");
  TrainOptions options = small_options();
  options.keeping.save_seconds = 1e4;
  std::atomic<bool> done{false}, seen{false};
  std::thread watch([&] {
    while (!done) {
      if (fs::exists(folder / "last.safetensors")) seen = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  train_fold(small_fold(), options, folder, "key", "test", quiet);
  done = true;
  watch.join();
  EXPECT_FALSE(seen);
  fs::remove_all(folder);
}

// Interrupts itself: the stop request is process-wide and stays, so this runs in a child process.
TEST(Trainer, AResumedFoldEndsWithTheSameBytes) {
  Progress quiet(true);
  const fs::path whole = fresh_folder("whole"), stopped = fresh_folder("stopped");
  train_fold(small_fold(), small_options(), whole, "key", "test", quiet);
  set_thread_count(1);  // no worker threads may live across fork
  const pid_t child = ::fork();
  if (child == 0) {
    std::_Exit([&] {
      install_interrupt_handler();
      std::thread([&] {  // when the first epoch is saved
        while (!fs::exists(stopped / "last.safetensors")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::raise(SIGINT);
      })
          .detach();
      try {
        train_fold(small_fold(), small_options(), stopped, "key", "test", quiet);
      } catch (const Interrupted&) {
        return 130;
      } catch (...) {
      }
      return 1;
    }());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 130);
  ASSERT_TRUE(fs::exists(stopped / "last.safetensors"));
  EXPECT_FALSE(fs::exists(stopped / "fold.json"));
  train_fold(small_fold(), small_options(), stopped, "key", "test", quiet);
  EXPECT_EQ(hash_of(stopped), hash_of(whole));
  EXPECT_FALSE(fs::exists(stopped / "last.safetensors"));
  fs::remove_all(whole);
  fs::remove_all(stopped);
}

TEST(CrossValidation, MeansAreOverTheFoldsWhereAMetricIsDefined) {
  Metrics a, b;
  a.count = b.count = 4;
  a.accuracy = 0.5;
  b.accuracy = 1.0;
  a.auc = 0.75;
  a.classes = {{"NSCLC", 1.0, 0.5, 2.0 / 3, 2}};
  b.classes = {{"NSCLC", std::nullopt, 0.0, std::nullopt, 2}};
  const PartSummary part = summarize({a, b});
  EXPECT_DOUBLE_EQ(part.accuracy->mean, 0.75);
  EXPECT_DOUBLE_EQ(part.accuracy->sd, std::sqrt(0.125));
  EXPECT_EQ(part.auc->count, 1);
  EXPECT_EQ(part.classes[0].precision->count, 1);
  EXPECT_DOUBLE_EQ(part.classes[0].recall->mean, 0.25);
}

}  // namespace
}  // namespace vitrine::testing
