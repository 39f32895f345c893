#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/standard_streams.h"
#include "base/toml.h"

namespace vitrine::cli {
namespace {

// The library keeps groups of options as commands without a name.
void collect(const CLI::App& app, std::vector<std::string>& options, std::vector<std::string>& commands) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
    for (const std::string& name : option->get_snames()) options.push_back("-" + name);
  }
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (sub->get_name().empty()) {
      collect(*sub, options, commands);
    } else {
      commands.push_back(sub->get_name());
    }
  }
}

std::string meant(std::string_view word, const std::vector<std::string>& names) {
  const std::string near = nearest_name(word, names);
  return near.empty() ? std::string() : text("; is it ", near, "?");
}

bool is_option(std::string_view word) {
  const bool is_number = word.size() > 1 && (word[1] == '.' || (word[1] >= '0' && word[1] <= '9'));
  return word.size() > 1 && word[0] == '-' && !is_number;
}

const CLI::App* subcommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (!name.empty() && sub->get_name() == name) return sub;
  }
  return nullptr;
}

// UsageError naming the nearest one when `argv` has a command or an option that does not exist. Called before the library parses, which would
// say instead that something else is missing.
void check_words(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  std::string path;
  std::vector<std::string> options, commands;
  collect(app, options, commands);
  bool after_option = false;  // the next word may be its value
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") return;
    if (is_option(word)) {
      const std::string name = word[1] == '-' ? word.substr(0, word.find('=')) : word.substr(0, 2);
      if (std::find(options.begin(), options.end(), name) == options.end())
        throw UsageError(
            text("the option ", printable(name), " does not exist", meant(name, options), "; see `vitrine ", path, "--help`"));
      after_option = name.size() == word.size();
      continue;
    }
    if (const CLI::App* sub = subcommand(*at, word)) {
      at = sub;
      path += word + " ";
      commands.clear();
      collect(*sub, options, commands);
    } else if (!commands.empty() && !after_option) {
      throw UsageError(text("'", printable(word), "' is no command",
                            path.empty() ? "" : " of " + path.substr(0, path.size() - 1), meant(word, commands),
                            "; see `vitrine ", path, "--help`"));
    }
    after_option = false;
  }
}

// For `vitrine help` and `vitrine help COMMAND`: the text to print; empty for any other command line.
std::string asked_help(CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || std::string_view(argv[1]) != "help") return {};
  const CLI::App* at = &app;
  std::string before = "vitrine";
  for (int i = 2; i < argc; ++i) {
    if (i > 2) before += " " + at->get_name();
    std::vector<std::string> options, commands;
    collect(*at, options, commands);
    const CLI::App* sub = subcommand(*at, argv[i]);
    if (sub == nullptr)
      throw UsageError(text("'", printable(argv[i]), "' is no command", meant(argv[i], commands), "; see `vitrine help`"));
    at = sub;
  }
  return at == &app ? at->help() : at->help(before);
}

// What shows the help of the command that was begun: "vitrine mri prep --help".
std::string help_command(const CLI::App& app) {
  std::string words = "vitrine";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    words += " " + at->get_name();
  }
  return words + " --help";
}

// Refuses numbers with leading zeros and of other bases, which CLI11 would read as octal, hexadecimal or binary. For options that are numbers
// only: their type says so.
void read_numbers_as_decimal(CLI::App& app) {
  const CLI::Validator plain(
      [](std::string& value) {
        return begins_with_zero(value)
                   ? text("'", printable(value), "' begins with a zero; write the number plainly, in decimal")
                   : std::string();
      },
      "");
  for (CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    if (type.starts_with("INT") || type.starts_with("UINT")) option->check(plain);
  }
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) read_numbers_as_decimal(*sub);
}

}  // namespace

CommandLine::CommandLine(const char* about, const char* name, const std::string& version)
    : app_(std::make_unique<CLI::App>(about, name)) {
  app_->set_version_flag("--version", version);
  app_->set_help_all_flag("--help-all", "help of every subcommand");
}

CommandLine::~CommandLine() = default;

Command CommandLine::command() const { return Command(app_.get()); }

bool CommandLine::read(int argc, const char* const* argv) {
  read_numbers_as_decimal(*app_);
  if (const std::string help = asked_help(*app_, argc, argv); !help.empty()) {
    write_standard_output(help);
    return false;
  }
  check_words(*app_, argc, argv);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success))
      throw UsageError(text(error.what(), "; see `", help_command(*app_), "`"));
    app_->exit(error);  // prints help or version
    return false;
  } catch (const std::logic_error&) {  // of std::stoll, by which the library reads --flag=value
    throw UsageError(
        text("a flag has a value that is none; write it alone, or with =true or =false; see `", help_command(*app_), "`"));
  }
  return true;
}

std::string whole_number(const std::string& word) {
  std::uint64_t number = 0;
  return parse_number(word, number) ? std::string() : text("'", printable(word), "' is no whole number from 0 to 2^64 - 1");
}

}  // namespace vitrine::cli
