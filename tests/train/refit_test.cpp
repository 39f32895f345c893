// --select nested-refit: the second training of a fold, on all of its training part.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "nn/efficientnet/checkpoint.h"
#include "tensor/parallel.h"
#include "tests/train/small_fold.h"
#include "train/choice.h"
#include "train/resume.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

void append(Dataset& all, const Dataset& part) {
  all.classes = part.classes;
  all.images.insert(all.images.end(), part.images.begin(), part.images.end());
  all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
  all.samples.insert(all.samples.end(), part.samples.begin(), part.samples.end());
}

FoldData nested_fold() {
  FoldData data = small_fold();
  data.inner = discs(6, 4);
  append(data.whole, data.train);
  append(data.whole, data.inner);
  return data;
}

TrainOptions refit_options() {
  TrainOptions options = small_options();
  options.select = "nested-refit";
  return options;
}

std::string bytes_of(const fs::path& folder, const char* name) { return read_file(folder / name, 1u << 28); }

// What the second training is: the choice of `nested`, and the network of `last` on all of the training part for so many epochs.
TEST(Refit, IsTheLastEpochOfATrainingAsLongAsWasChosen) {
  Progress quiet(true);
  TrainOptions options = refit_options();
  options.monitor = "loss";
  const fs::path refit = fresh_folder("refit"), nested = fresh_folder("nested"), last = fresh_folder("last");
  const FoldFiles found = train_fold(nested_fold(), options, refit, "key", "test", quiet);
  options.select = "nested";
  const FoldFiles chosen = train_fold(nested_fold(), options, nested, "key", "test", quiet);
  EXPECT_EQ(found.best_epoch, chosen.best_epoch);
  EXPECT_EQ(bytes_of(refit, "history.csv"), bytes_of(nested, "history.csv"));
  FoldData whole = small_fold();
  whole.train = nested_fold().whole;
  options.select = "last";
  options.epochs = chosen.best_epoch;
  const FoldFiles shorter = train_fold(whole, options, last, "key", "test", quiet);
  for (const char* name : {"best.safetensors", "preds_val.csv", "preds_test.csv"})
    EXPECT_EQ(bytes_of(refit, name), bytes_of(last, name)) << name;
  ASSERT_EQ(found.refit.size(), shorter.history.size());
  for (std::size_t i = 0; i < found.refit.size(); ++i) {
    EXPECT_EQ(found.refit[i].train_loss, shorter.history[i].train_loss);
    EXPECT_EQ(found.refit[i].lr, shorter.history[i].lr);
  }
  for (const fs::path& folder : {refit, nested, last}) fs::remove_all(folder);
}

TEST(Refit, IsReadBackAndHeldToWhatWasWritten) {
  Progress quiet(true);
  const fs::path folder = fresh_folder("refit-files");
  const FoldFiles written = train_fold(nested_fold(), refit_options(), folder, "key", "test", quiet);
  EXPECT_FALSE(fs::exists(folder / "last.safetensors"));
  const FoldFiles read = read_fold(folder);
  EXPECT_EQ(read.best_epoch, written.best_epoch);
  EXPECT_EQ(history_csv(read.history), history_csv(written.history));
  EXPECT_EQ(refit_csv(read.refit), refit_csv(written.refit));
  const auto refusal = [&] {
    try {
      read_fold(folder);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string bytes = bytes_of(folder, "refit.csv");
  write_file(folder / "refit.csv", bytes + "9,0.5,0.1,0.9\n");
  EXPECT_THAT(refusal(), HasSubstr("refit.csv"));
  write_file(folder / "refit.csv", bytes);
  EXPECT_EQ(refusal(), "accepted");
  fs::remove(folder / "refit.csv");
  EXPECT_THAT(refusal(), HasSubstr("refit.csv"));
  FoldFiles longer = written;
  longer.refit.push_back(longer.refit.back());
  longer.refit.back().epoch = static_cast<int>(longer.refit.size());
  write_fold(folder, longer, "key");
  EXPECT_THAT(refusal(), HasSubstr("were chosen"));
  fs::remove_all(folder);
}

TEST(Refit, NeedsAnInnerPartAndTheWholeOne) {
  Progress quiet(true);
  const fs::path folder = fresh_folder("refit-parts");
  FoldData data = nested_fold();
  data.inner = {};
  EXPECT_THROW(train_fold(data, refit_options(), folder, "key", "test", quiet), DataError);
  data = nested_fold();
  data.whole = {};
  EXPECT_THROW(train_fold(data, refit_options(), folder, "key", "test", quiet), DataError);
  EXPECT_FALSE(fs::exists(folder)) << "refused before the first file";
}

TEST(Refit, StateWithinItIsReadBack) {
  const fs::path folder = fresh_folder("refit-state");
  fs::create_directories(folder);
  EfficientNet net = starting_network(small_options(), 2);
  Optimizer optimizer({});
  ResumeState state;
  state.key = "key";
  state.choice = {{1, 0.5, 0.4, 0.5, -1, 0.25, 1e-3, 0.9}, {2, 0.4, 0.4, 0.75, 1, 0.5, 1e-3, 0.9}};
  state.chosen = 2;
  for (const int finished : {0, 0, 1}) {  // before its first step, within its first epoch, within its second one
    if (finished > 0) state.history = {{1, 0.5, 0, 0, 0, 0, 1e-3, 0.9}};
    write_sealed_safetensors(folder / "last.safetensors", resume_file(state, net, optimizer));
    ResumeState back;
    back.key = "key";
    const Resumed resumed = read_resume_state(folder, 2, back, net, optimizer);
    EXPECT_TRUE(resumed.found) << resumed.note;
    EXPECT_EQ(back.chosen, 2);
    EXPECT_EQ(history_csv(back.choice), history_csv(state.choice));
    EXPECT_EQ(std::ssize(back.history), finished);
    EXPECT_EQ(back.best_epoch, 0);
    EXPECT_EQ(back.steps, state.steps);
    ++state.steps;
  }
  const auto refused = [&](const ResumeState& wrong) {
    write_sealed_safetensors(folder / "last.safetensors", resume_file(wrong, net, optimizer));
    ResumeState back;
    back.key = "key";
    return !read_resume_state(folder, 2, back, net, optimizer).found;
  };
  ResumeState wrong = state;
  wrong.chosen = 3;
  EXPECT_TRUE(refused(wrong)) << "of two epochs the third was not chosen";
  wrong = state;
  wrong.chosen = 1;
  wrong.history.push_back({2, 0.5, 0, 0, 0, 0, 1e-3, 0.9});
  EXPECT_TRUE(refused(wrong)) << "longer than what was chosen";
  EXPECT_FALSE(refused(state));
  fs::remove_all(folder);
}

bool is_in_refit(const fs::path& folder) {
  try {
    return read_safetensors(folder / "last.safetensors").metadata.contains("vitrine.chosen_epoch");
  } catch (const Error&) {
    return false;  // not there, or just being replaced
  }
}

// Waits until `child` has saved so many states, or the fold is finished: by what is there and not by the clock, so that a busy machine only takes
// longer.
void wait_for_states(const fs::path& folder, int states) {
  const auto saved = [&] {
    std::error_code none;
    const fs::file_time_type when = fs::last_write_time(folder / "last.safetensors", none);
    return none ? fs::file_time_type() : when;
  };
  fs::file_time_type before = saved();
  for (int i = 0; i < 60'000 && states > 0 && !fs::exists(folder / "fold.json"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const fs::file_time_type now = saved();
    if (now != fs::file_time_type() && now != before) --states;
    before = now == fs::file_time_type() ? before : now;
  }
}

// Killed twice before the second training and twice within it: the bytes of one that was never stopped.
TEST(Refit, KilledWithinItEndsWithTheSameBytes) {
  Progress quiet(true);
  TrainOptions options = refit_options();
  options.epochs = 2;
  options.monitor = "loss";
  options.batch_size = 2;
  options.keeping.save_seconds = 1e-9;
  const fs::path whole = fresh_folder("refit-unkilled"), killed = fresh_folder("refit-killed");
  const FoldFiles peace = train_fold(nested_fold(), options, whole, "key", "test", quiet);
  ASSERT_GT(peace.refit.size(), 0u);
  set_thread_count(1);  // no worker threads may live across fork
  int in_refit = 0;
  for (int attempt = 0; attempt < 10 && !fs::exists(killed / "fold.json"); ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      Progress none(true);
      train_fold(nested_fold(), options, killed, "key", "test", none);
      ::_exit(0);
    }
    if (attempt < 2) wait_for_states(killed, 2);
    for (int i = 0; i < 60'000 && attempt >= 2 && (in_refit > 1 || !is_in_refit(killed)) && !fs::exists(killed / "fold.json");
         ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (attempt >= 2 && in_refit == 1) wait_for_states(killed, 1);
    if (!fs::exists(killed / "fold.json")) ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    in_refit += is_in_refit(killed) ? 1 : 0;
  }
  ASSERT_TRUE(fs::exists(killed / "fold.json"));
  EXPECT_GT(in_refit, 0) << "no kill fell into the second training";
  EXPECT_EQ(hash_of(killed), hash_of(whole));
  EXPECT_EQ(bytes_of(killed, "refit.csv"), bytes_of(whole, "refit.csv"));
  for (const fs::path& folder : {whole, killed}) fs::remove_all(folder);
}

TEST(Refit, IsNamedInTheRecordOfARun) {
  TrainOptions options = refit_options();
  options.monitor = "auc";
  for (const auto& [name, value] : describe(options)) {
    if (name != "select") continue;
    EXPECT_THAT(value, HasSubstr("trained anew on all training subjects for as many epochs as the best by auc"));
    const auto choice = choice_of_description(value);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->select, "nested-refit");
    EXPECT_EQ(choice->monitor, "auc");
  }
  EXPECT_FALSE(choice_of_description("the epoch of another version"));
}

}  // namespace
}  // namespace vitrine::testing
