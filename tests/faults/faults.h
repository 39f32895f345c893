// Every allocation and every file call of the main commands fails once, or the process is killed there: each run must end in the old or the
// new state of its outputs, in one sentence, with the right exit code; after a kill the same command must bring the new state.
//
// A short test takes samples: the calls 1 + k * stride, where the stride follows from the number of calls and of samples. The tests called Long take
// every call (allocations of the commands that train: every seventh). VITRINE_FAULT_STRIDE overrides both.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "tests/cli/program.h"

namespace vitrine::testing {

using State = std::map<std::string, std::string>;  // of the outputs: name and hash of each file

struct Fault {
  std::string kind;
  std::uint64_t samples = 0;  // 0: every `stride`-th
  std::uint64_t stride = 1;
};

struct Ended {
  int code = -1, signal = 0;
  std::string errors;
  std::uint64_t allocations = 0, calls = 0;
};

inline bool is_transient(const std::string& name) {
  const std::string base = fs::path(name).filename().string();
  return (base.starts_with(".vitrine-") && base.ends_with(".tmp")) || base.starts_with("last");
}

class Faults : public Program {
 protected:
  Ended run(const std::string& arguments, const std::string& fault) const {
    std::vector<std::string> words{VITRINE_PROGRAM};
    std::istringstream in(arguments);
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string errors = path("errors"), count = path("count");
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("LD_PRELOAD", VITRINE_FAULT_SHIM, 1);
      ::setenv("VITRINE_FAULT_COUNT", count.c_str(), 1);
      if (!fault.empty()) ::setenv("VITRINE_FAULT", fault.c_str(), 1);
      ::dup2(::open("/dev/null", O_WRONLY), 1);
      ::dup2(::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      ::execv(VITRINE_PROGRAM, argv.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    Ended e;
    e.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    e.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    e.errors = read_file(errors, 1u << 20);
    if (fault.empty()) std::istringstream(read_file(count, 1000)) >> e.allocations >> e.calls;
    return e;
  }

  State state() const {
    State s;
    for (const std::string& output : outputs) {
      if (fs::is_regular_file(folder / output)) s[output] = sha256_of_file(folder / output, 1u << 28);
      if (!fs::is_directory(folder / output)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder / output)) {
        if (entry.path().filename() == ".vitrine-lock")
          continue;  // a file that stays where it cannot be removed; what locks is held open
        if (entry.is_regular_file()) s[fs::relative(entry.path(), folder).string()] = sha256_of_file(entry.path(), 1u << 28);
      }
    }
    return s;
  }
  void restore_old() {
    for (const std::string& output : outputs) {
      fs::remove_all(folder / output);
      if (fs::exists(folder / "old" / output)) fs::copy(folder / "old" / output, folder / output, fs::copy_options::recursive);
    }
  }

  // What holds for the files together, beyond each.
  virtual void expect_whole(const std::string&) const {}

  // Every file is the old one or the new one; files that are neither in the old nor the new state only where a run may keep them.
  void expect_old_or_new(const std::string& what, bool killed) {
    const State now = state();
    for (const auto& [name, hash] : now) {
      const bool is_old = old_state.contains(name) && old_state.at(name) == hash;
      const bool is_new = new_state.contains(name) && new_state.at(name) == hash;
      const std::string base = fs::path(name).filename().string();
      const bool kept = withdrawn.contains(name) || base.starts_with("last") || (killed && is_transient(name));
      EXPECT_TRUE(is_old || is_new || kept) << what << ": " << name << " is neither old nor new";
    }
    for (const auto& [name, hash] : old_state) {
      const bool may_go = withdrawn.contains(name) || !new_state.contains(name);
      EXPECT_TRUE(may_go || now.contains(name)) << what << ": " << name << " is gone";
    }
    expect_whole(what);
  }

  void try_one(const std::string& arguments, const std::string& fault) {
    restore_old();
    const Ended e = run(arguments, fault);
    const bool kills = fault.starts_with("kill") || fault.starts_with("torn");
    const std::string what = fault + " of " + arguments.substr(0, arguments.find(' ')) + "\n" + e.errors;
    ++tried;
    if (kills && e.signal == SIGKILL) {
      expect_old_or_new(what, true);
      const Ended again = run(arguments, "");
      EXPECT_EQ(again.code, 0) << what << again.errors;
      EXPECT_EQ(state(), new_state) << what << "after its rerun";
      return;
    }
    EXPECT_EQ(e.signal, 0) << what;
    expect_old_or_new(what, false);
    if (e.code == 0) {
      EXPECT_EQ(state(), new_state) << what;
      return;
    }
    EXPECT_TRUE(e.code >= 1 && e.code <= 5) << "exit code " << e.code << ", " << what;
    EXPECT_EQ(std::count(e.errors.begin(), e.errors.end(), '\n'), 1) << what;
    EXPECT_TRUE(e.errors.starts_with("vitrine: ")) << what;
    EXPECT_LE(e.errors.size(), 300u) << what;
    EXPECT_EQ(e.errors.find("internal error"), std::string::npos) << what;
  }

  // Old outputs are what lies there now; the new ones are made by a run without faults.
  void enumerate(const std::string& arguments, std::vector<std::string> files, const std::vector<Fault>& faults) {
    outputs = std::move(files);
    fs::create_directories(folder / "old");
    for (const std::string& output : outputs) {
      if (fs::exists(folder / output)) fs::copy(folder / output, folder / "old" / output, fs::copy_options::recursive);
    }
    old_state = state();
    const Ended good = run(arguments, "");
    ASSERT_EQ(good.code, 0) << arguments << "\n" << good.errors;
    new_state = state();
    ASSERT_NE(new_state, old_state);
    for (const Fault& f : faults) {
      const std::uint64_t total = f.kind == "alloc" ? good.allocations : good.calls;
      const char* const wish = std::getenv("VITRINE_FAULT_STRIDE");
      const std::uint64_t stride = wish != nullptr ? std::strtoull(wish, nullptr, 10)
                                   : f.samples > 0 ? total / f.samples + 1
                                                   : f.stride;
      tried = 0;
      for (std::uint64_t n = 1; n <= total + 1; n += stride) try_one(arguments, f.kind + ":" + std::to_string(n));
      std::printf("%-10s %-6s %8llu calls, every %llu-th: %llu runs\n", arguments.substr(0, arguments.find(' ')).c_str(),
                  f.kind.c_str(), static_cast<unsigned long long>(total), static_cast<unsigned long long>(stride),
                  static_cast<unsigned long long>(tried));
    }
  }

  static std::vector<Fault> sampled(std::uint64_t allocations) {
    return {{"alloc", allocations}, {"error", 12}, {"short", 4}, {"kill", 6}, {"torn", 4}};
  }
  static std::vector<Fault> all(std::uint64_t allocation_stride = 1) {
    return {{"alloc", 0, allocation_stride}, {"error"}, {"short"}, {"kill"}, {"torn"}};
  }

  std::vector<std::string> outputs;
  std::set<std::string> withdrawn;  // files that a run takes back before it begins: expect_whole says when they are right
  State old_state, new_state;
  std::uint64_t tried = 0;
};

}  // namespace vitrine::testing
