// A command of the program and its options, as the files of cli/ name them: handles on those of CLI11, with its words. The library itself is
// compiled in command.cpp and command_line.cpp alone: included, it costs three seconds a file.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vitrine::cli {

// What is wrong with a word; empty: nothing.
using Check = std::function<std::string(const std::string& word)>;

// Lives as long as its command.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required() const;
  Option check(const Check& check) const;
  // From `low` to `high`, which the help shows.
  Option range(int low, int high) const;
  Option range(std::int64_t low, std::int64_t high) const;
  Option range(double low, double high) const;
  Option one_of(std::initializer_list<const char*> words) const;  // which the help shows
  Option needs(Option other) const;
  Option excludes(Option other) const;

  // The help: its value of now as the default, or `text`; the kind of its value; the heading it stands under.
  Option capture_default_str() const;
  Option default_str(const std::string& text) const;
  Option type_name(const std::string& name) const;
  Option option_text(const std::string& text) const;  // in the place of all three
  Option group(const std::string& heading) const;

  bool is_given() const;
  void set(const std::string& value) const;  // as if it were given

 private:
  CLI::Option* option_;
};

// Lives as long as the CommandLine (cli/command_line.h). Values and functions that are handed to it are kept by reference where they are not const.
class Command {
 public:
  explicit Command(CLI::App* command) : command_(command) {}

  Command add_subcommand(const std::string& name, const std::string& about) const;
  Command add_option_group(const std::string& name) const;

  // `Value`: one of those that command.cpp lists: text, numbers, several texts, or std::optional of some.
  template <typename Value>
  Option add_option(const std::string& name, Value& value, const std::string& about) const;
  Option add_option_function(const std::string& name, const std::function<void(const std::string& word)>& take,
                             const std::string& about) const;
  Option add_flag(const std::string& name, bool& value, const std::string& about) const;
  Option add_flag_callback(const std::string& name, const std::function<void()>& take, const std::string& about) const;
  // Once at most; `take` gets false for --NAME=false.
  Option add_flag_function(const std::string& name, const std::function<void(bool on)>& take, const std::string& about) const;

  Option get_option(const std::string& name) const;
  Command footer(const std::string& text) const;
  Command require_subcommand() const;  // one of them
  Command fallthrough() const;         // options of the command around it may stand among its own; inherited
  Command prefix_command() const;      // takes whatever follows
  Command callback(const std::function<void()>& chosen) const;

 private:
  CLI::App* command_;
};

}  // namespace vitrine::cli
