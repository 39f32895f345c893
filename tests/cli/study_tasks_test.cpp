// A study's tasks, done by several processes: whatever the order, and whoever is killed, the files are those of `vitrine study`.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/csv.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/output.h"
#include "base/sha256.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "tests/imaging/prepared_cohort.h"

namespace vitrine::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOptions = " --folds 2 --epochs 3 --arch lite0 --no-augmentation --save-seconds 0 --threads 1 -q ";
constexpr int kProcesses = 4;

struct Task {
  int number = 0;
  std::string stage, subject, inputs, fold;

  // Where the task works, and the file that says that it is done.
  fs::path place(const fs::path& out) const {
    return stage == "prepare" ? out / "prep" / "qc" / subject : out / "runs" / inputs / ("fold_" + fold);
  }
  fs::path last_file(const fs::path& out) const {
    return stage == "prepare" ? out / "prep" / "subjects" / (subject + ".json") : place(out) / "fold.json";
  }
};

std::vector<Task> plan_of(const fs::path& out) {
  const CsvTable csv = read_csv(out / "plan.csv");
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < csv.size(); ++i) {
    const auto cell = [&](const char* column) { return std::string(csv[i][csv.column(column)]); };
    tasks.push_back({std::stoi(cell("task")), cell("stage"), cell("subject"), cell("inputs"), cell("fold")});
  }
  return tasks;
}

std::string task_words(const fs::path& out, int number) {
  return "task " + out.string() + " " + std::to_string(number) + " --threads 1 -q";
}
Outcome do_task(const fs::path& out, int number) { return vitrine_program(task_words(out, number)); }
void expect_done(const fs::path& out, int number) {
  const Outcome done = do_task(out, number);
  EXPECT_EQ(done.code, 0) << "task " << number << "\n" << done.output;
}

// The line of each task in the list: its state and what it is.
struct Listed {
  int number = 0;
  std::string state, what;
};
std::vector<Listed> listed(const fs::path& out) {
  const Outcome list = vitrine_program("task " + out.string());
  EXPECT_EQ(list.code, 0) << list.output;
  std::vector<Listed> all;
  std::istringstream lines(list.output);
  for (std::string line; std::getline(lines, line);) {
    Listed l;
    std::istringstream words(line);
    words >> l.number >> l.state >> std::ws;
    std::getline(words, l.what);
    all.push_back(std::move(l));
  }
  return all;
}

// Names and hashes of all files of a study but its plan.
std::map<std::string, std::string> files_of(const fs::path& out) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(out)) {
    const std::string name = fs::relative(entry.path(), out).string();
    if (entry.is_regular_file() && name != "plan.csv") all[name] = sha256_of_file(entry.path(), 1u << 30);
  }
  return all;
}
void expect_same_files(const fs::path& out, const fs::path& reference) {
  const auto found = files_of(out), wanted = files_of(reference);
  EXPECT_GT(wanted.size(), 30u);
  EXPECT_EQ(found, wanted);
}

class Process {
 public:
  explicit Process(const std::string& arguments) {
    std::vector<std::string> words{VITRINE_PROGRAM};
    std::istringstream in(arguments);
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    number_ = ::fork();
    if (number_ != 0) return;
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, 1);
    ::dup2(nowhere, 2);
    ::execv(VITRINE_PROGRAM, argv.data());
    ::_exit(127);
  }
  pid_t number() const { return number_; }
  void signal(int which) const { ::kill(number_, which); }
  bool is_running() {
    if (!ended_) ended_ = ::waitpid(number_, &status_, WNOHANG) == number_;
    return !ended_;
  }
  int code() {
    if (!ended_) ::waitpid(number_, &status_, 0);
    ended_ = true;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 1000 + WTERMSIG(status_);
  }
  // As soon as the file is there and not empty (a lock is made first and then says whose it is); false when the process ended before.
  bool reaches(const fs::path& file) {
    const auto is_written = [&] {
      std::error_code none;
      const std::uintmax_t bytes = fs::file_size(file, none);
      return !none && bytes > 0;
    };
    while (!is_written()) {
      if (!is_running()) return is_written();
      ::usleep(500);
    }
    return true;
  }

 private:
  pid_t number_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

// Begins the task and kills it: a training once the state of an epoch is saved, a preparation once it has its folder. False when it was faster.
bool killed_within(const fs::path& out, const Task& task) {
  Process process(task_words(out, task.number));
  process.reaches(task.place(out) / (task.stage == "train" ? "last.safetensors" : ".vitrine-lock"));
  process.signal(SIGKILL);
  const int code = process.code();
  if (code == 1000 + SIGKILL && !fs::exists(task.last_file(out))) return true;
  EXPECT_EQ(fs::exists(task.last_file(out)), true) << "task " << task.number << " ended with code " << code;
  return false;
}

// The tasks of one stage, four processes at a time in a drawn order; the first that can be caught at work is killed when `kill`: its number.
std::optional<Task> work_off(const fs::path& out, const std::string& stage, std::uint64_t seed, bool kill) {
  std::vector<Task> tasks;
  for (Task& t : plan_of(out)) {
    if (t.stage == stage) tasks.push_back(std::move(t));
  }
  const Draw draw{.seed = seed};
  const auto count = static_cast<std::uint32_t>(tasks.size());
  for (std::uint32_t i = 0; i < count; ++i) std::swap(tasks[i], tasks[i + draw.below(i, count - i)]);
  std::atomic<std::size_t> next{0};
  std::optional<Task> victim;
  std::vector<std::thread> threads;
  for (int p = 0; p < kProcesses; ++p)
    threads.emplace_back([&, p] {
      for (std::size_t i = next++; i < tasks.size(); i = next++) {
        if (p == 0 && kill && !victim) {
          if (killed_within(out, tasks[i])) victim = tasks[i];
        } else {
          expect_done(out, tasks[i].number);
        }
      }
    });
  for (std::thread& t : threads) t.join();
  return victim;
}

// The lost task is named by the list and by the task that needs it, and then done alone.
void expect_named_and_mend(const fs::path& out, const Task& victim, int needs_it) {
  const std::string number = std::to_string(victim.number);
  for (const Listed& l : listed(out)) {
    if (l.number != victim.number) continue;
    EXPECT_EQ(l.state, "open");
    EXPECT_THAT(l.what, AllOf(HasSubstr("left by process "), HasSubstr("which has ended")));
  }
  const Outcome refused = do_task(out, needs_it);
  EXPECT_EQ(refused.code, 1) << refused.output;
  EXPECT_THAT(refused.output, AllOf(HasSubstr("needs the task " + number + " (" + victim.stage), HasSubstr("left by process "),
                                    HasSubstr("run it with `vitrine task ")));
  EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
  expect_done(out, victim.number);
}

class StudyTasks : public Program {
 protected:
  std::string study(const std::string& out, const std::string& more = "") const {
    return "study " + path("m/manifest.csv") + " -o " + path(out) + kOptions + more;
  }
  // Asked for with another word: "--epochs 5" for "--epochs 3".
  std::string other_study(const std::string& out, const std::string& from, const std::string& to) const {
    std::string words = study(out);
    return words.replace(words.find(from), from.size(), to);
  }
  void run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    ASSERT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
  }
  // A study done in one process, and the plan of the same.
  void make(const CropsOptions& o = {.subjects = 8, .crops = 2}) {
    write_crops(folder / "m", o);
    run(study("one"));
    run(study("many", "--plan"));
  }
  void edit(const std::string& name, const std::string& from, const std::string& to) {
    std::string bytes = read_file(folder / name, 1u << 28);
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos) << from << " is not in " << name;
    write_file(folder / name, bytes.replace(at, from.size(), to));
  }
};

TEST_F(StudyTasks, FourProcessesInAnyOrderAndAKilledOneEndWithTheStudysBytes) {
  make();
  const fs::path out = folder / "many";
  const int report = plan_of(out).back().number;
  work_off(out, "split", 1, false);
  const std::optional<Task> victim = work_off(out, "train", 1, true);
  ASSERT_TRUE(victim) << "no training was caught at work";
  expect_named_and_mend(out, *victim, report);
  expect_done(out, report);
  for (const Listed& l : listed(out)) EXPECT_EQ(l.state, "done") << l.what;
  expect_same_files(out, folder / "one");
}

TEST_F(StudyTasks, GreedyProcessesGoOnWhereATaskIsTakenOrNotYetPossible) {
  make();
  const fs::path out = folder / "many";
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int p = 0; p < kProcesses; ++p)
    threads.emplace_back([&, p] {
      const Draw draw{.seed = static_cast<std::uint64_t>(p)};
      for (std::uint32_t turn = 0; !fs::exists(out / "report.html"); ++turn) {
        std::vector<Listed> left;
        for (Listed& l : listed(out)) {
          if (l.state != "done") left.push_back(std::move(l));
        }
        if (left.empty()) return;
        const Listed& mine = left[draw.below(turn, static_cast<std::uint32_t>(left.size()))];
        const Outcome outcome = do_task(out, mine.number);
        if (outcome.code == 0) continue;
        ++refused;
        EXPECT_EQ(outcome.code, 1) << outcome.output;
        EXPECT_THAT(outcome.output, AnyOf(HasSubstr("needs the task"), HasSubstr("is in use by process ")));
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_GT(refused, 0);
  expect_same_files(out, folder / "one");
}

TEST_F(StudyTasks, ATaskIsDoneByOneAtATime) {
  make();
  const fs::path out = folder / "many";
  const std::vector<Task> tasks = plan_of(out);
  {
    const FolderLock elsewhere(out);
    const std::string holder = "is in use by process " + std::to_string(::getpid());
    expect_refusal(task_words(out, tasks.front().number), 1, {holder});
    EXPECT_EQ(listed(out).front().state, "taken");
  }
  expect_done(out, tasks.front().number);
  const Task& train = tasks[1];
  Process first(task_words(out, train.number));
  ASSERT_TRUE(first.reaches(train.place(out) / "last.safetensors"));
  first.signal(SIGSTOP);
  const std::string holder = "process " + std::to_string(first.number());
  expect_refusal(task_words(out, train.number), 1, {"is in use by " + holder, "fold_0"});
  EXPECT_EQ(listed(out)[1].state, "taken");
  EXPECT_THAT(listed(out)[1].what, HasSubstr("in work by " + holder));
  first.signal(SIGCONT);
  EXPECT_EQ(first.code(), 0);
  for (std::size_t i = 2; i + 1 < tasks.size(); ++i) expect_done(out, tasks[i].number);
  {
    const FolderLock elsewhere(out);
    expect_refusal(task_words(out, tasks.back().number), 1, {"is in use by process " + std::to_string(::getpid())});
  }
  for (const Task& again : {tasks.back(), train, tasks.front(), tasks.back()}) expect_done(out, again.number);  // harmless
  expect_same_files(out, folder / "one");
}

TEST_F(StudyTasks, WhatIsNoTaskOfThisStudyIsRefused) {
  write_crops(folder / "m");
  run(study("many", "--plan"));
  const std::string many = path("many");
  expect_refusal("task " + many + " 10", 2, {"task 10 does not exist", "0 to 9"});
  expect_refusal("task " + many + " -1", 2, {"task -1 does not exist"});
  expect_refusal("task " + many + " 99999999999999999999", 2, {});
  expect_refusal("task " + path("m") + " 0", 3, {"holds no study", "--plan"});
  expect_refusal("task " + path("none") + " 0", 3, {"holds no study", "--plan"});
  expect_refusal("task " + many + " 9", 1, {"needs the task 0 (split), which is not done; run it with"});
  expect_refusal("task " + many + " 3", 1, {"task 3 (train flair fold 0) needs the task 0 (split)"});
  const std::string plan = read_file(folder / "many/study.json", 1u << 20);
  const char* others[][3] = {{"--epochs 3", "--epochs 5", "epochs = 3; asked: epochs = 5"},
                             {"--folds 2", "--folds 3", "folds = 2; asked: folds = 3"},
                             {"-q", "-q --seed 7", "seed = 42; asked: seed = 7"}};
  for (const auto& [from, to, differs] : others) {
    for (const char* plan_again : {" --plan", ""})
      expect_refusal(other_study("many", from, to) + plan_again, 2,
                     {"plan of a study with other options", differs, "--force-new"});
  }
  EXPECT_EQ(read_file(folder / "many/study.json", 1u << 20), plan);
  run(study("many", "--plan --save-every 2"));  // no result depends on it
  run(other_study("many", "--epochs 3", "--epochs 5") + " --plan --force-new");
  EXPECT_TRUE(fs::exists(folder / "many.old-1/plan.csv"));
  edit("many/study.json", "\"epochs\": \"5\"", "\"epochs\": \"five\"");
  expect_refusal("task " + many + " 0", 3, {"study.json: --epochs is 'five'"});
  edit("many/study.json", "\"epochs\": \"five\"", "\"epochs\": \"5\"");
  edit("many/study.json", "\"version\": \"", "\"version\": \"9.");
  expect_refusal("task " + many + " 0", 3, {"study.json: it was made by version 9."});
  edit("many/study.json", "\"version\": \"9.", "\"version\": \"");
  edit("m/manifest.csv", "S1_l1_s0", "S1_l1_s1");
  expect_refusal("task " + many + " 0", 3, {"manifest.csv was changed since the study", "restore it"});
  expect_refusal("task " + many, 3, {"manifest.csv was changed since the study"});
}

TEST_F(StudyTasks, AStudyIsTheSameFromWhereverItIsSeen) {
  make();
  const fs::path far = folder / "a" / "b" / "c";
  fs::create_directories(far.parent_path());
  fs::rename(folder / "many", far);
  fs::create_directories(folder / "x" / "y");
  fs::create_directory_symlink(far, folder / "x" / "y" / "link");
  expect_refusal("task " + far.string() + " 0", 3, {"manifest.csv does not exist"});  // it was moved away from its crops
  fs::remove_all(far);
  fs::create_directory(far);
  run("study " + path("m/manifest.csv") + " -o " + path("x/y/link") + kOptions + "--plan");
  const auto from = [&](const std::string& folder_name, const std::string& out, int number) {
    const Outcome done = shell("cd " + path(folder_name) + " && " + VITRINE_PROGRAM + " " + task_words(out, number) + " 2>&1");
    EXPECT_EQ(done.code, 0) << done.output;
  };
  const std::string places[][2] = {{"", "x/y/link"}, {"x", "y/link"}, {"a", "b/c"}, {"a/b/c", "."}, {"m", "../a/b/c/"}};
  for (int number = 0; number < 10; ++number) from(places[number % 5][0], places[number % 5][1], number);
  auto found = files_of(far), wanted = files_of(folder / "one");
  for (auto* files : {&found, &wanted}) {  // these name the crops relative to themselves
    std::erase_if(*files, [](const auto& f) { return f.first == "study.json" || f.first.ends_with("source.json"); });
  }
  EXPECT_EQ(found, wanted);
  const Outcome seen = vitrine_program("report " + path("x/y/link") + " -o " + path("r.html"));
  EXPECT_EQ(seen.code, 0) << seen.output;
  EXPECT_EQ(read_file(folder / "r.html", 1u << 28), read_file(folder / "one/report.html", 1u << 28));
}

TEST_F(StudyTasks, ADamagedFoldIsTrainedAgainWhenAsked) {
  make();
  const fs::path out = folder / "many";
  for (int number = 0; number < 9; ++number) expect_done(out, number);
  edit("many/runs/flair/fold_1/preds_val.csv", "0.", "1.");
  for (const int number : {4, 9}) expect_refusal(task_words(out, number), 3, {"preds_val.csv", "--retrain-damaged"});
  expect_refusal(study("many"), 3, {"preds_val.csv", "--retrain-damaged"});
  run(task_words(out, 4) + " --retrain-damaged");
  expect_done(out, 9);
  expect_same_files(out, folder / "one");
}

TEST_F(StudyTasks, SeriesThatNoSubjectHasAreNotLeftOpen) {
  Manifest manifest = write_crops(folder / "m");
  for (Sample& s : manifest.samples) {
    TensorFile crop = read_safetensors(folder / "m" / s.file);
    const Tensor all = crop.at("image").to_float();
    Tensor two = Tensor::uninitialized({all.shape()[0], all.shape()[1], 2});
    for (std::size_t i = 0; i < two.host().size(); ++i) two.mutable_host()[i] = all.host()[i / 2 * 3 + i % 2];
    crop.tensors = {StoredTensor::from("image", two)};
    crop.metadata["channels"] = "t1c,flair";
    crop.metadata["without"] = "t2";
    write_safetensors(folder / "m" / s.file, crop);
    s.sha256 = sha256_of_file(folder / "m" / s.file, 1u << 20);
  }
  write_manifest(manifest);
  run(study("one"));
  run(study("many", "--plan"));
  for (int number = 0; number < 10; ++number) {
    if (number < 5) expect_done(folder / "many", number);  // the split, T1c and FLAIR
    if (number == 9) expect_done(folder / "many", number);
  }
  for (const Listed& l : listed(folder / "many")) {
    EXPECT_EQ(l.state, "done") << l.what;
    EXPECT_EQ(l.what.ends_with("no subject has these series"), l.number >= 5 && l.number < 9) << l.what;
  }
  EXPECT_FALSE(fs::exists(folder / "many/runs/t2"));
  EXPECT_EQ(files_of(folder / "many"), files_of(folder / "one"));
}

// Of volumes: six heads, three of each class.
class StudyTasksOfVolumes : public imaging::PreparedCohort {
 protected:
  fs::path volume_of(int patient, const std::string& column) {
    const imaging::Vec3 centre{-18.0 + 7 * patient, 12.0 - 4 * patient, patient % 2 == 0 ? 8.0 : -6.0};
    int n = 0;
    const imaging::Volume v = volume([&](const imaging::Vec3& p) -> double {
      const bool lesion = radius({p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]}) < 9;
      if (column == "mask") return lesion ? 1 : 0;
      if (column == "brain_mask") return in_brain(patient, p) ? 1 : 0;
      const double noise = static_cast<double>((++n * 7919 + patient * 104729) % 101) / 50;
      if (!in_brain(patient, p)) return noise;
      const double f = tissue(patient, p);
      if (column == "t1c") return noise + (lesion ? 130 : 40 + 60 * f);
      if (column == "flair") return noise + (lesion ? 120 : 100 - 50 * f * f);
      return noise + (lesion ? 140 : 150 - 90 * f);
    });
    return written("p" + std::to_string(patient) + "_" + column, v);
  }
  fs::path six_heads() {
    std::string csv = csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask", "brain_mask", "coregistered"});
    for (int p = 1; p <= 6; ++p) {
      std::vector<std::string> row{"P" + std::to_string(p), p % 2 == 0 ? "SCLC" : "NSCLC"};
      for (const char* column : {"t1c", "flair", "t2", "mask", "brain_mask"}) row.push_back(volume_of(p, column).string());
      row.push_back("1");
      csv += csv_line(row);
    }
    write_file(folder / "cohort.csv", csv);
    return folder / "cohort.csv";
  }
};

TEST_F(StudyTasksOfVolumes, FourProcessesInAnyOrderAndKilledOnesEndWithTheStudysBytes) {
  const std::string study = "study " + six_heads().string() + kOptions + " --test-fraction 0.3 ";
  const Outcome one = vitrine_program(study + "-o " + (folder / "one").string());
  ASSERT_EQ(one.code, 0) << one.output;
  const fs::path out = folder / "many";
  const Outcome planned = vitrine_program(study + "--plan -o " + out.string());
  ASSERT_EQ(planned.code, 0) << planned.output;
  EXPECT_THAT(planned.output, AllOf(HasSubstr("16 tasks"), HasSubstr("0 to 5   prepare a subject each")));
  std::optional<Task> victim = work_off(out, "prepare", 3, true);
  ASSERT_TRUE(victim) << "no preparation was caught at work";
  expect_named_and_mend(out, *victim, 6);
  work_off(out, "split", 3, false);
  victim = work_off(out, "train", 3, true);
  ASSERT_TRUE(victim) << "no training was caught at work";
  expect_named_and_mend(out, *victim, 15);
  expect_done(out, 15);
  expect_same_files(out, folder / "one");
  // A subject that is lost after the split is prepared again, and nothing that hangs on it stands until then.
  fs::remove(out / "prep/subjects/P2.json");
  EXPECT_EQ(listed(out)[1].state, "open");
  const Outcome refused = do_task(out, 15);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output, HasSubstr("needs the task 1 (prepare P2), which is not done"));
  for (const int number : {1, 6, 15}) expect_done(out, number);
  expect_same_files(out, folder / "one");
}

}  // namespace
}  // namespace vitrine::testing
