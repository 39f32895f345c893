// The words that the program was called with, read by CLI11, and what that library does not do: find the word that was probably meant, `help`,
// and whole numbers as people write them.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"

namespace vitrine::cli {

class CommandLine {
 public:
  // With --help, --help-all, which prints the help of every subcommand, and --version, which prints `version`.
  CommandLine(const char* about, const char* name, const std::string& version);
  ~CommandLine();

  Command command() const;  // the program itself

  // Sets every option, and calls back the command that is named. False when nothing is left to do: help or the version was printed. UsageError.
  bool read(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

// A check for unsigned options: the library takes -1 for 2^64 - 1, and every larger number for that, too.
std::string whole_number(const std::string& word);

}  // namespace vitrine::cli
