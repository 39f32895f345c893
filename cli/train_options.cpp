#include "cli/train_options.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "cli/command.h"
#include "cli/command_line.h"

namespace vitrine::cli {

void add_row(Command app, const OptionRow& row, const TakeWord& take) {
  const std::string name = text("--", row.name);
  if (is_flag(row)) {
    app.add_flag_function(
        name, [take, &row](bool on) { take(row, on ? "true" : "false"); }, row.help);
    return;
  }
  const Option option = app.add_option_function(
      name, [take, &row](const std::string& word) { take(row, word); }, row.help);
  option.type_name(type_name(row)).default_str(value_text(row, RunOptions{}));
  if (type_name(row) == "UINT") option.check(whole_number);
  if (row.shows_range) option.range(static_cast<std::int64_t>(row.low), static_cast<std::int64_t>(row.high));
}

void add_rows(Command app, std::string_view group, const TakeWord& take) {
  for (const OptionRow& row : option_rows()) {
    if (row.group == group) add_row(app, row, take);
  }
}

void add_device_rows(Command group, std::optional<Command> together, const TakeWord& take) {
  for (const OptionRow& row : option_rows()) {
    if (row.group != std::string_view("device")) continue;
    const std::optional<Command> app = row.name == std::string_view("devices") ? together : group;
    if (app) add_row(*app, row, take);
  }
}

void add_split_options(Command app, SplitOptions& options) {
  add_rows(app, "split", [&options](const OptionRow& row, const std::string& word) {
    RunOptions all;
    all.split = options;
    assign(row, all, word);
    options = all.split;
  });
}

ChosenOptions ChosenWords::resolve() const {
  ChosenOptions options(groups);
  if (!recipe.empty()) options.apply(find_recipe(recipe));
  if (!config.empty()) options.apply_file(config);
  for (const auto& [row, word] : words) options.apply_word(*row, word);
  check(options.values().train);
  return options;
}

std::vector<std::string_view> groups_with(std::string_view group) {
  return {group, "network", "training", "choice", "keeping", "device"};
}

TakeWord taken_by(ChosenWords& words) {
  return [&words](const OptionRow& row, const std::string& word) { words.words.emplace_back(&row, word); };
}

void add_run_options(Command app, ChosenWords& words) {
  const TakeWord take = taken_by(words);
  std::string names;
  for (const Recipe& r : recipes()) names += text(names.empty() ? "" : "; ", r.name, ": ", r.about);
  const auto some = [](const std::string& name) {
    return name.empty() ? std::string("is empty; name one, or leave it out") : std::string();
  };
  app.add_option("--recipe", words.recipe, "named values of options: " + names).check(some);
  app.add_option("--config", words.config, "TOML file of options; the command line wins over it, and it over a recipe")
      .check(some);
  app.add_flag("--dry-run", words.dry_run,
               "print every option, its value and where it is from, check the inputs, write nothing");
  for (const char* name : {"network", "training", "choice", "keeping"}) add_rows(app.add_option_group(name), name, take);
  add_device_rows(app.add_option_group("device"), app, take);
}

void print_options(const ChosenOptions& options) {
  const auto shown_value = [](const std::string& value) { return value.empty() ? std::string("-") : printable(value, 200); };
  const std::vector<ChosenOptions::Line> lines = options.lines();
  std::size_t name = 6, value = 5;  // "option", "value"
  for (const ChosenOptions::Line& line : lines) {
    name = std::max(name, line.name.size());
    value = std::max(value, shown_value(line.value).size());
  }
  const auto print = [&](const std::string& a, const std::string& b, const std::string& c) {
    std::printf("%-*s  %-*s  %s\n", static_cast<int>(name), a.c_str(), static_cast<int>(value), b.c_str(), c.c_str());
  };
  print("option", "value", "origin");
  for (const ChosenOptions::Line& line : lines) print(line.name, shown_value(line.value), line.origin);
}

}  // namespace vitrine::cli
