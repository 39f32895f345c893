// What training leaves on disk and trusts later: saved states, finished folds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "base/version.h"
#include "nn/efficientnet/checkpoint.h"
#include "tensor/parallel.h"
#include "tests/train/small_fold.h"
#include "train/resume.h"
#include "train/trainer.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

// A fold that was killed after its second saved state, and what it would have become.
class SavedStates : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    whole = fresh_folder("whole-state");
    stopped = fresh_folder("stopped-state");
    Progress quiet(true);
    train_fold(small_fold(), options(), whole, "key", "test", quiet);
    set_thread_count(1);  // no worker threads may live across fork
    const pid_t child = ::fork();
    if (child == 0) {
      std::thread([] {  // no handler has a chance
        while (!fs::exists(stopped / "last-before.safetensors") || !fs::exists(stopped / "last.safetensors")) ::usleep(200);
        ::kill(::getpid(), SIGKILL);
      })
          .detach();
      train_fold(small_fold(), options(), stopped, "key", "test", quiet);
      ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    was_killed = WIFSIGNALED(status);
  }
  static void TearDownTestSuite() {
    fs::remove_all(whole);
    fs::remove_all(stopped);
  }

  static TrainOptions options() {
    TrainOptions o = small_options();
    o.epochs = 12;  // enough for two states on a slow disk: one that is not yet taken is left out
    return o;
  }

  void SetUp() override {
    ASSERT_TRUE(was_killed) << "the fold ended before it could be killed";
    folder = fresh_folder("state");
    fs::copy(stopped, folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  // What the next call prints when it goes on in `folder`; it must end as if nothing had happened.
  std::string resumed() {
    ::testing::internal::CaptureStderr();
    Progress progress;
    train_fold(small_fold(), options(), folder, "key", "test", progress);
    const std::string printed = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(hash_of(folder), hash_of(whole)) << printed;
    EXPECT_FALSE(fs::exists(folder / "last.safetensors"));
    EXPECT_FALSE(fs::exists(folder / "last-before.safetensors"));
    return printed;
  }

  // The same without the training: what is found in `folder`.
  Resumed found() {
    ResumeState state;
    state.key = "key";
    EfficientNet net = starting_network(options(), 2);
    Optimizer optimizer(options().optimizer);
    Resumed resumed = read_resume_state(folder, options().epochs, state, net, optimizer);
    EXPECT_EQ(resumed.found, !state.history.empty());
    return resumed;
  }

  void flip(const std::string& name, double place) {
    std::string bytes = read_file(folder / name, 1u << 28);
    bytes[static_cast<std::size_t>(place * static_cast<double>(bytes.size() - 1))] ^= 4;
    write_file(folder / name, bytes);
  }

  // Rewrites the newest state with good checksums.
  void change(const std::function<void(TensorFile&)>& how) {
    TensorFile file = read_safetensors(folder / "last.safetensors");
    for (StoredTensor& t : file.tensors) t = t.in_memory();
    how(file);
    write_sealed_safetensors(folder / "last.safetensors", file);
    fs::remove(folder / "last-before.safetensors");
  }

  static fs::path whole, stopped;
  static bool was_killed;
  fs::path folder;
};
fs::path SavedStates::whole, SavedStates::stopped;
bool SavedStates::was_killed = false;

TEST_F(SavedStates, AreGoneOnFromAfterAKill) { EXPECT_THAT(resumed(), HasSubstr("resumed after epoch")); }

TEST_F(SavedStates, OneFlippedBitAnywhereIsNamedAndTheStateBeforeIsUsed) {
  for (const double place : {0.00001, 0.0005, 0.01, 0.2, 0.45, 0.7, 0.95, 1.0}) {
    fs::remove_all(folder);
    fs::copy(stopped, folder);
    flip("last.safetensors", place);
    const Resumed resumed = found();
    EXPECT_TRUE(resumed.found) << place;
    EXPECT_THAT(resumed.note, HasSubstr("last.safetensors cannot be used")) << place;
  }
  EXPECT_THAT(resumed(), HasSubstr("the state before it is used"));
}

TEST_F(SavedStates, WithoutAGoneOneTheFoldStartsAgain) {
  flip("last.safetensors", 0.5);
  flip("last-before.safetensors", 0.5);
  EXPECT_THAT(resumed(), HasSubstr("the fold starts again"));
}

TEST_F(SavedStates, ACutOrEmptyOneIsNamed) {
  fs::resize_file(folder / "last.safetensors", fs::file_size(folder / "last.safetensors") / 2);
  EXPECT_THAT(found().note, HasSubstr("cannot be used"));
  fs::resize_file(folder / "last.safetensors", 0);
  EXPECT_THAT(found().note, HasSubstr("cannot be used"));
}

TEST_F(SavedStates, RangesAndShapesAreCheckedBesideTheChecksums) {
  const std::vector<std::pair<std::string, std::function<void(TensorFile&)>>> changes{
      {"best epoch", [](TensorFile& f) { f.metadata["vitrine.best_epoch"] = "99999999"; }},
      {"best epoch", [](TensorFile& f) { f.metadata["vitrine.best_epoch"] = "0"; }},
      {"belongs to no parameter",
       [](TensorFile& f) {
         for (StoredTensor& t : f.tensors) {
           if (t.name == "optimizer/conv_stem.weight:first") t = StoredTensor::from(t.name, Tensor::full({1}, 0.0f));
         }
       }},
      {"history",
       [](TensorFile& f) {
         for (StoredTensor& t : f.tensors) {
           if (t.name == "history") t = StoredTensor::from(t.name, Shape{1, 5}, std::vector<double>(5, 1.0));
         }
       }},
      {"not finite",
       [](TensorFile& f) {
         for (StoredTensor& t : f.tensors) {
           if (t.name == "history")
             t = StoredTensor::from(t.name, Shape{1, 8}, std::vector<double>{1, std::nan(""), 0, 0, 0, 0, 0, 0});
         }
       }},
      {"not fit", [](TensorFile& f) { f.tensors.erase(f.tensors.begin()); }},
      {"other options", [](TensorFile& f) { f.metadata["vitrine.resume_key"] = "another"; }}};
  for (const auto& [part, how] : changes) {
    fs::remove_all(folder);
    fs::copy(stopped, folder);
    change(how);
    const Resumed resumed = found();
    EXPECT_FALSE(resumed.found) << part;
    EXPECT_THAT(resumed.note, HasSubstr(part));
  }
}

// A finished fold; each test damages a copy.
class FinishedFolds : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fresh_folder("finished");
    options.epochs = 1;
    finish();
  }
  void TearDown() override { fs::remove_all(folder); }

  void finish() {
    Progress quiet(true);
    train_fold(small_fold(), options, folder, "key", "test", quiet);
  }
  std::string refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  void edit(const std::string& name, const std::string& from, const std::string& to) {
    std::string bytes = read_file(folder / name, 1u << 28);
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos) << name;
    write_file(folder / name, bytes.replace(at, from.size(), to));
  }

  TrainOptions options = small_options();
  fs::path folder;
};

TEST_F(FinishedFolds, AreKeptOnlyWhileEveryFileIsWhatItWas) {
  const std::string before = hash_of(folder);
  const fs::path good = fresh_folder("finished-good");
  fs::copy(folder, good);
  const std::vector<std::pair<std::string, std::function<void()>>> damages{
      {"best.safetensors",
       [&] {
         std::string bytes = read_file(folder / "best.safetensors", 1u << 28);
         bytes[bytes.size() / 2] ^= 1;
         write_file(folder / "best.safetensors", bytes);
       }},
      {"best.safetensors", [&] { fs::resize_file(folder / "best.safetensors", 1000); }},
      {"best.safetensors does not exist", [&] { fs::remove(folder / "best.safetensors"); }},
      {"preds_val.csv", [&] { edit("preds_val.csv", ",NSCLC,", ",SCLC,"); }},
      {"preds_test.csv", [&] { edit("preds_test.csv", "0.", "0.1"); }},
      {"history.csv", [&] { fs::remove(folder / "history.csv"); }},
      {"fold.json", [&] { edit("fold.json", "\"best_epoch\": 1", "\"best_epoch\": 7"); }},
      {"fold.json", [&] { write_file(folder / "fold.json", "{}"); }},
      {"fold.json", [&] { write_file(folder / "fold.json", "{\"key\": \"key\", \"sha256\": 3}"); }}};
  for (const auto& [part, damage] : damages) {
    damage();
    const std::string why = refusal([&] { finish(); });
    EXPECT_THAT(why, HasSubstr(part));
    EXPECT_THAT(why, HasSubstr("--retrain-damaged"));
    EXPECT_THAT(refusal([&] { read_fold(folder); }), HasSubstr(part.substr(0, part.find(' '))));
    fs::remove_all(folder);
    fs::copy(good, folder);
  }
  fs::remove_all(good);
  damages.front().second();
  options.keeping.retrain_damaged = true;
  finish();
  EXPECT_EQ(hash_of(folder), before);
}

TEST_F(FinishedFolds, OfAnotherRunAreRefused) {
  Progress quiet(true);
  EXPECT_THAT(refusal([&] { train_fold(small_fold(), options, folder, "other key", "test", quiet); }), HasSubstr("another"));
}

TEST_F(FinishedFolds, OfAnotherVersionAreRefusedByName) {
  Progress quiet(true);
  Json done = parse_sealed_json(read_file(folder / "fold.json", 1u << 20));
  EXPECT_EQ(done.at("version"), std::string(version()));
  done["version"] = "0.1.7";
  write_file(folder / "fold.json", sealed_json_text(done));
  const auto other = [&] { return refusal([&] { train_fold(small_fold(), options, folder, "other key", "test", quiet); }); };
  EXPECT_THAT(other(), HasSubstr(text("it was made by version 0.1.7, this is ", version())));
  done.erase("version");
  write_file(folder / "fold.json", sealed_json_text(done));
  EXPECT_THAT(other(), HasSubstr("0.2.0 or older"));
}

// Tables that contradict each other, with hashes that fit.
TEST_F(FinishedFolds, TablesAreHeldAgainstEachOther) {
  FoldFiles files = read_fold(folder);
  const FoldFiles good = files;
  const auto refused = [&](const FoldFiles& f) {
    write_fold(folder, f, "key");
    return refusal([&] { read_fold(folder); });
  };
  files.validation.front().probability = {0.5, 0.6};
  EXPECT_THAT(refused(files), HasSubstr("add up to"));
  files = good;
  files.validation.front().probability = {-0.5, 1.5};
  EXPECT_THAT(refused(files), HasSubstr("a number from 0 to 1"));
  files = good;
  files.test.front() = files.validation.front();
  EXPECT_THAT(refused(files), HasSubstr("in the validation and in the test part"));
  files = good;
  files.validation.push_back(files.validation.front());
  EXPECT_THAT(refused(files), HasSubstr("appears twice"));
  files = good;
  files.best_epoch = 5;
  EXPECT_THAT(refused(files), HasSubstr("best_epoch"));
  // One probability column more in one of the two tables.
  write_fold(folder, good, "key");
  EXPECT_EQ(refusal([&] { read_fold(folder); }), "accepted");
  for (Prediction& p : files.validation) p.probability.push_back(0);
  files.validation.resize(good.validation.size());
  write_file(folder / "preds_val.csv", predictions_csv(files.validation, {"NSCLC", "SCLC", "third"}));
  Json done = parse_sealed_json(read_file(folder / "fold.json", 1u << 20));
  done["files"]["preds_val.csv"] = sha256_of_file(folder / "preds_val.csv", 1u << 20);
  write_file(folder / "fold.json", sealed_json_text(done));
  EXPECT_THAT(refusal([&] { read_fold(folder); }), HasSubstr("other classes"));
}

TEST(ResumeWriters, TellAFailureAtTheNextCallAndKeepTheStateBefore) {
  const fs::path folder = fresh_folder("writer");
  fs::create_directories(folder);
  TensorFile state;
  state.tensors.push_back(StoredTensor::from("a", Tensor::full({4}, 1.0f)));
  ResumeWriter writer(folder);
  writer.write(state);
  writer.wait();
  ASSERT_TRUE(fs::exists(folder / "last.safetensors"));
  fs::create_directories(folder / "last-before.safetensors" / "in the way");
  state.tensors.push_back(state.tensors.front());  // two of one name cannot be written
  writer.write(state);
  EXPECT_THROW(writer.wait(), Error);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::testing
