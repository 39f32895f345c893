// Runs the program and checks how it refuses: the base of the tests in tests/cli.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace vitrine::testing {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string output;  // stdout and stderr
};

// What a shell's command prints on standard output.
inline Outcome shell(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  Outcome outcome;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) outcome.output.append(buffer, n);
  const int status = ::pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  return outcome;
}

// environment: settings for this run, as before a command of a shell.
inline Outcome vitrine_program(const std::string& arguments, const std::string& environment = "") {
  return shell(environment + " " + VITRINE_PROGRAM + " " + arguments + " 2>&1");
}

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-cli-" + std::to_string(::getpid()) + "-" +
                                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string path(const std::string& name) const { return (folder / name).string(); }

  // One line that starts with the program's name and holds every one of `parts`; nothing but that line.
  void expect_refusal(const std::string& arguments, int code, const std::vector<std::string>& parts,
                      const std::string& environment = "") {
    const Outcome outcome = vitrine_program(arguments, environment);
    EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.output;
    EXPECT_EQ(outcome.output.rfind("vitrine: ", 0), 0u) << outcome.output;
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.output.find(part), std::string::npos) << part << " is not in: " << outcome.output;
  }

  // Whether the program was built with ITK, which most of `mri`, `data`, `study` and `simulate` need.
  static bool has_itk() { return vitrine_program("doctor").output.find("imaging (ITK)     built in") != std::string::npos; }

  fs::path folder;
};

}  // namespace vitrine::testing
