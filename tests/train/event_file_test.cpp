// TensorBoard's files against bytes that were worked out by hand, and what a fold leaves for those who watch it.
#include "train/watch/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "tests/train/small_fold.h"
#include "train/watch/fold_watch.h"
#include "weights/crc32.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int v : values) out += static_cast<char>(v);
  return out;
}

TEST(EventFiles, ChecksumsAreMasked) {
  // RFC 3720, B.4: the CRC-32C of 32 zeros is 0x8a9136aa. Turned right by 15 bits it is 0x6d551522; plus 0xa282ead8, 0x0fd7fffa.
  const std::string zeros(32, '\0');
  ASSERT_EQ(crc32c(zeros), 0x8a9136aau);
  EXPECT_EQ(masked_crc32c(zeros), 0x0fd7fffau);
}

TEST(EventFiles, ARecordIsFramed) {
  const std::string record = event_record("abc");
  const std::string length = bytes({3, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_EQ(record.size(), 8u + 4 + 3 + 4);
  EXPECT_EQ(record.substr(0, 8), length);
  EXPECT_EQ(record.substr(12, 3), "abc");
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value |= static_cast<std::uint32_t>(static_cast<unsigned char>(record[at + i])) << 8 * i;
    return value;
  };
  EXPECT_EQ(word(8), masked_crc32c(length));
  EXPECT_EQ(word(15), masked_crc32c("abc"));
}

TEST(EventFiles, TheFirstRecordNamesTheVersion) {
  // wall_time: field 1, eight bytes, 0.0; file_version: field 3, 13 bytes.
  const std::string event = bytes({0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a, 13}) + "brain.Event:2";
  EXPECT_EQ(event_file_header(), event_record(event));
}

TEST(EventFiles, AnEpochIsOneEventOfFiveScalars) {
  EpochRecord e{300, 0.5, 1, 0.75, 0.8, 0.7, 0.001, 0.95};
  // 300.0 as a double is 40 72 c0 00 ...; step 300 as a varint ac 02; a value is tag (field 1) and float (field 2, four bytes).
  const auto value = [](const std::string& tag, const std::string& number) {
    const std::string inner = bytes({0x0a, static_cast<int>(tag.size())}) + tag + bytes({0x15}) + number;
    return bytes({0x0a, static_cast<int>(inner.size())}) + inner;
  };
  const std::string summary = value("train_loss", bytes({0, 0, 0, 0x3f})) +
                              value("validation_loss", bytes({0, 0, 0x80, 0x3f})) +
                              value("validation_accuracy", bytes({0, 0, 0x40, 0x3f})) +
                              value("lr", bytes({0x6f, 0x12, 0x83, 0x3a})) + value("momentum", bytes({0x33, 0x33, 0x73, 0x3f}));
  ASSERT_EQ(summary.size(), 10u + 15 + 19 + 2 + 8 + 5 * 9);  // below 128: one byte of length
  const std::string event =
      bytes({0x09, 0, 0, 0, 0, 0, 0xc0, 0x72, 0x40, 0x10, 0xac, 0x02, 0x2a, static_cast<int>(summary.size())}) + summary;
  EXPECT_EQ(epoch_event(e), event_record(event));
  EXPECT_EQ(event_file({e, e}), event_file_header() + event_record(event) + event_record(event));
}

ResumeState after(const std::vector<EpochRecord>& history) {
  ResumeState state;
  state.history = history;
  return state;
}

FoldFiles finished(const std::vector<EpochRecord>& history) {
  FoldFiles files;
  files.history = history;
  return files;
}

class WatchedFold : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fresh_folder(::testing::UnitTest::GetInstance()->current_test_info()->name()) / "fold_3";
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder.parent_path()); }

  fs::path folder;
  std::vector<EpochRecord> history{{1, 0.7, 0.6, 0.5, 0.8, 0.5, 1e-3, 0.95}, {2, 0.6, 0.5, 0.75, 0.9, 0.7, 2e-3, 0.9}};
  TrainOptions options = small_options();
};

TEST_F(WatchedFold, LeavesARowForEachEpoch) {
  Progress quiet(true);
  FoldWatch watch(folder, options, quiet);
  watch.begin(after({history[0]}), "a state\ncannot be used");
  watch.epoch(history[1], {24, 0.5, 0.25, 0});
  EXPECT_EQ(read_file(folder / kLastEpochs, 10000),
            "# inputs t1c+flair+t2\n# epochs 3\n# monitor accuracy\n# warning a state\\ncannot be used\n"
            "epoch,train_loss,validation_loss,validation_accuracy,validation_auc,validation_f1,lr,momentum,images,seconds\n"
            "1,0.7,0.6,0.5,0.8,0.5,0.001,0.95,,\n"
            "2,0.6,0.5,0.75,0.9,0.7,0.002,0.9,24,0.7500\n");
  EXPECT_FALSE(fs::exists(folder / kEventFile)) << "nobody asked for it";
  finish_watching(folder, finished(history), options.keeping);
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(WatchedFold, WritesEventsThatAreWholeAfterEveryEpoch) {
  Progress quiet(true);
  options.keeping.tensorboard = true;
  FoldWatch watch(folder, options, quiet);
  watch.begin({}, "");
  watch.epoch(history[0], {});
  EXPECT_EQ(read_file(folder / kEventFile, 10000), event_file({history[0]}));
  watch.epoch(history[1], {});
  EXPECT_EQ(read_file(folder / kEventFile, 10000), event_file(history));
  FoldWatch(folder, options, quiet).begin(after({history[0]}), "");  // resumed after the first epoch: no step twice
  EXPECT_EQ(read_file(folder / kEventFile, 10000), event_file({history[0]}));
  finish_watching(folder, finished(history), options.keeping);
  EXPECT_EQ(read_file(folder / kEventFile, 10000), event_file(history));
}

// The second training of --select nested-refit begins the table anew and goes on in the event file, under other names.
TEST_F(WatchedFold, ShowsASecondTraining) {
  Progress quiet(true);
  options.keeping.tensorboard = true;
  ResumeState state;
  state.choice = history;
  state.chosen = 1;
  FoldWatch watch(folder, options, quiet);
  watch.begin(state, "");
  EpochRecord e;
  e.epoch = 1;
  e.train_loss = 0.25;
  e.lr = 1e-3;
  e.momentum = 0.9;
  watch.epoch(e, {24, 0.5, 0, 0});
  EXPECT_EQ(read_file(folder / kLastEpochs, 10000),
            "# inputs t1c+flair+t2\n# epochs 1\n# monitor accuracy\n# refit-after 2\n"
            "epoch,train_loss,validation_loss,validation_accuracy,validation_auc,validation_f1,lr,momentum,images,seconds\n"
            "1,0.25,n/a,n/a,n/a,n/a,0.001,0.9,24,0.5000\n");
  EXPECT_EQ(read_file(folder / kEventFile, 10000), event_file(history, {e}));
  EXPECT_THAT(event_file(history, {e}), HasSubstr("refit_train_loss"));
  const ProgressFacts facts = watch.of_epoch(e, 100, 5);
  EXPECT_EQ(facts.event, "refit-epoch");
  EXPECT_FALSE(facts.validation_loss) << "nothing judges it";
  FoldFiles files = finished(history);
  files.refit = {e};
  finish_watching(folder, files, options.keeping);
  EXPECT_EQ(read_file(folder / kEventFile, 10000), event_file(history, {e}));
}

TEST_F(WatchedFold, WhatCannotBeWrittenIsNoReasonToStop) {
  Progress progress(ProgressMode::none);
  fs::create_directories(folder / kLastEpochs / "in the way");
  ::testing::internal::CaptureStderr();
  FoldWatch watch(folder, options, progress);
  watch.begin(after(history), "");
  watch.epoch(history[1], {});
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("the training goes on, but cannot be watched any more"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(WatchedFold, FactsSayWhereTheWorkStands) {
  Progress quiet(true);
  options.epochs = 10;
  FoldWatch watch(folder, options, quiet);
  watch.begin(after({history[0]}), "");
  ::usleep(20'000);
  const ProgressFacts step = watch.of_step(2, 3, 6, 0.25);
  EXPECT_EQ(step.event, "step");
  EXPECT_EQ(step.fold, 3);
  EXPECT_EQ(step.epoch, 2);
  EXPECT_EQ(step.epochs, 10);
  EXPECT_EQ(step.loss, 0.25);
  EXPECT_GE(*step.eta_seconds, 0.02 * 51 / 3) << "three steps took 20 ms, 51 are left";
  EXPECT_EQ(watch.of_epoch(history[1], 100, 5).validation_accuracy, 0.75);
}

// The files of a run are the same with and without those who watch.
TEST(WatchedTraining, ChangesNoByteOfTheResults) {
  const fs::path plain = fresh_folder("unwatched"), watched = fresh_folder("watched");
  Progress quiet(true);
  TrainOptions options = small_options();
  train_fold(small_fold(), options, plain, "key", "test", quiet);
  options.keeping.tensorboard = true;
  const FoldFiles files = train_fold(small_fold(), options, watched, "key", "test", quiet);
  EXPECT_EQ(hash_of(plain), hash_of(watched));
  EXPECT_EQ(read_file(watched / kEventFile, 100'000), event_file(files.history));
  for (const char* name : {kLastEpochs, "last.safetensors"}) EXPECT_FALSE(fs::exists(watched / name)) << name;
  // A fold that is finished gets the file when it is asked for afterwards.
  train_fold(small_fold(), options, plain, "key", "test", quiet);
  EXPECT_EQ(read_file(plain / kEventFile, 100'000), event_file(files.history));
  for (const fs::path& folder : {plain, watched}) fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::testing
