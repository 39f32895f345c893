// What the command-line library does not do: find the word that was probably meant, and `help`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace vitrine::cli {

// UsageError naming the nearest one when `argv` has a command or an option that does not exist. Called before the library parses, which would
// say instead that something else is missing.
void check_words(const CLI::App& app, int argc, const char* const* argv);

// For `vitrine help` and `vitrine help COMMAND`: the text to print; empty for any other command line.
std::string asked_help(CLI::App& app, int argc, const char* const* argv);
// Refuses numbers with leading zeros and of other bases, which CLI11 would read as octal, hexadecimal or binary. For options that are numbers
// only: their type says so.
void read_numbers_as_decimal(CLI::App& app);
// What shows the help of the command that was begun: "vitrine mri prep --help".
std::string help_command(const CLI::App& app);

// For unsigned options: the library takes -1 for 2^64 - 1, and every larger number for that, too.
CLI::Validator whole_number();

}  // namespace vitrine::cli
