#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <vector>

namespace vitrine::cli {

Option Option::required() const { return Option(option_->required()); }

Option Option::check(const Check& check) const {
  return Option(option_->check(CLI::Validator([check](std::string& word) { return check(word); }, "")));
}

Option Option::range(int low, int high) const { return Option(option_->check(CLI::Range(low, high))); }
Option Option::range(std::int64_t low, std::int64_t high) const { return Option(option_->check(CLI::Range(low, high))); }
Option Option::range(double low, double high) const { return Option(option_->check(CLI::Range(low, high))); }

Option Option::one_of(std::initializer_list<const char*> words) const {
  return Option(option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end()))));
}

Option Option::needs(Option other) const { return Option(option_->needs(other.option_)); }
Option Option::excludes(Option other) const { return Option(option_->excludes(other.option_)); }

Option Option::capture_default_str() const { return Option(option_->capture_default_str()); }
Option Option::default_str(const std::string& text) const { return Option(option_->default_str(text)); }
Option Option::type_name(const std::string& name) const { return Option(option_->type_name(name)); }
Option Option::option_text(const std::string& text) const { return Option(option_->option_text(text)); }
Option Option::group(const std::string& heading) const { return Option(option_->group(heading)); }

bool Option::is_given() const { return option_->count() > 0; }

void Option::set(const std::string& value) const {
  option_->add_result(value);
  option_->run_callback();
}

Command Command::add_subcommand(const std::string& name, const std::string& about) const {
  return Command(command_->add_subcommand(name, about));
}

Command Command::add_option_group(const std::string& name) const { return Command(command_->add_option_group(name)); }

template <typename Value>
Option Command::add_option(const std::string& name, Value& value, const std::string& about) const {
  return Option(command_->add_option(name, value, about));
}

template Option Command::add_option(const std::string&, std::string&, const std::string&) const;
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&) const;
template Option Command::add_option(const std::string&, int&, const std::string&) const;
template Option Command::add_option(const std::string&, std::int64_t&, const std::string&) const;
template Option Command::add_option(const std::string&, std::uint64_t&, const std::string&) const;
template Option Command::add_option(const std::string&, double&, const std::string&) const;
template Option Command::add_option(const std::string&, std::optional<std::string>&, const std::string&) const;
template Option Command::add_option(const std::string&, std::optional<int>&, const std::string&) const;
template Option Command::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&) const;

Option Command::add_option_function(const std::string& name, const std::function<void(const std::string& word)>& take,
                                    const std::string& about) const {
  return Option(command_->add_option_function<std::string>(name, take, about));
}

Option Command::add_flag(const std::string& name, bool& value, const std::string& about) const {
  return Option(command_->add_flag(name, value, about));
}

Option Command::add_flag_callback(const std::string& name, const std::function<void()>& take, const std::string& about) const {
  return Option(command_->add_flag_callback(name, take, about));
}

Option Command::add_flag_function(const std::string& name, const std::function<void(bool on)>& take,
                                  const std::string& about) const {
  const auto taken = [take](std::int64_t on) { take(on > 0); };
  return Option(command_->add_flag_function(name, taken, about)->multi_option_policy(CLI::MultiOptionPolicy::Throw));
}

Option Command::get_option(const std::string& name) const { return Option(command_->get_option(name)); }

Command Command::footer(const std::string& text) const { return Command(command_->footer(text)); }
Command Command::require_subcommand() const { return Command(command_->require_subcommand(1)); }
Command Command::fallthrough() const { return Command(command_->fallthrough()); }
Command Command::prefix_command() const { return Command(command_->prefix_command()); }
Command Command::callback(const std::function<void()>& chosen) const { return Command(command_->callback(chosen)); }

}  // namespace vitrine::cli
