#include "train/chosen_options.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/nearest.h"
#include "base/toml.h"

namespace vitrine {
namespace {

std::string is_it(std::string_view word, const std::vector<std::string>& names, const char* before = "",
                  const char* after = "") {
  const std::string near = nearest_name(word, names);
  return near.empty() ? "" : text("; is it ", before, near, after, "?");
}

std::vector<std::string> names_of_rows() {
  std::vector<std::string> names;
  for (const OptionRow& row : option_rows()) names.emplace_back(row.name);
  return names;
}

void check_sections(const TomlFile& file) {
  std::vector<std::string> groups;
  std::string list;
  for (const OptionRow& row : option_rows()) {
    if (std::find(groups.begin(), groups.end(), row.group) != groups.end()) continue;
    groups.emplace_back(row.group);
    list += text(list.empty() ? "" : ", ", row.group);
  }
  for (const TomlSection& s : file.sections) {
    if (std::find(groups.begin(), groups.end(), s.name) != groups.end()) continue;
    const std::string near = is_it(s.name, groups, "[", "]");
    throw UsageError(text(file.where(s.line), "there is no section [", printable(s.name, 40), "]",
                          near.empty() ? "; the sections are " + list : near));
  }
}

// A value must be of the row's type: nothing is converted in silence.
void check_kind(const OptionRow& row, const TomlEntry& e, const std::string& where) {
  const TomlKind wanted = is_flag(row)   ? TomlKind::truth
                          : is_text(row) ? TomlKind::text
                          : is_real(row) ? TomlKind::real
                                         : TomlKind::whole;
  if (e.kind == wanted || (wanted == TomlKind::real && e.kind == TomlKind::whole)) return;
  const std::string expected = wanted == TomlKind::real || wanted == TomlKind::whole
                                   ? text(is_real(row) ? "a number" : "a whole number", " from ", range_text(row))
                               : wanted == TomlKind::text ? "a text in double quotes"
                                                          : "true or false, without quotes";
  const bool quoted = e.kind == TomlKind::text && wanted != TomlKind::truth;
  throw UsageError(text(where, row.name, " is ", kind_text(e.kind), ", ", printable(e.value, 40), "; expected ", expected,
                        quoted ? ", without quotes" : ""));
}

}  // namespace

const Recipe& find_recipe(const std::string& name) {
  std::vector<std::string> names;
  std::string list;
  for (const Recipe& r : recipes()) {
    if (r.name == name) return r;
    names.emplace_back(r.name);
    list += text(list.empty() ? "" : ", ", r.name);
  }
  const std::string near = is_it(name, names);
  throw UsageError(
      text("--recipe is '", printable(name, 40), "', which does not exist", near.empty() ? "; choose one of " + list : near));
}

ChosenOptions::ChosenOptions(std::vector<std::string_view> groups)
    : groups_(std::move(groups)), origins_(option_rows().size(), "default") {}

bool ChosenOptions::has(const OptionRow& row) const {
  return std::find(groups_.begin(), groups_.end(), row.group) != groups_.end();
}

void ChosenOptions::set(const OptionRow& row, const std::string& value, const std::string& where, const std::string& origin) {
  assign(row, values_, value, where);
  origins_[static_cast<std::size_t>(&row - option_rows().data())] = origin;
}

void ChosenOptions::apply(const Recipe& recipe) {
  for (const auto& [name, value] : recipe.values) {
    const OptionRow& row = option_row(name);
    if (has(row)) set(row, value, text("recipe ", recipe.name, ": "), text("recipe ", recipe.name));
  }
}

void ChosenOptions::apply_file(const std::filesystem::path& path) {
  const TomlFile file = read_toml(path);
  check_sections(file);
  if (file.entries.empty()) throw UsageError(text(path, " sets no option; expected lines such as batch-size = 16"));
  std::map<std::string, int> lines;
  for (const TomlEntry& e : file.entries) {
    const std::string where = file.where(e.line);
    const OptionRow* row = find_option(e.key);
    if (row == nullptr) {
      const std::string near = is_it(e.key, names_of_rows());
      throw UsageError(text(where, "'", printable(e.key, 40), "' is no option that a file sets",
                            near.empty() ? "; docs/training.md lists them" : near));
    }
    if (!e.section.empty() && e.section != row->group)
      throw UsageError(text(where, row->name, " stands in [", e.section, "]; it belongs in [", row->group, "]"));
    if (const auto [before, is_new] = lines.emplace(e.key, e.line); !is_new)
      throw UsageError(text(where, row->name, " is there twice, first in line ", before->second));
    if (!has(*row)) throw UsageError(text(where, "this command has no option ", row->name, "; take the line out"));
    check_kind(*row, e, where);
    set(*row, e.value, where, text(path.filename(), ":", e.line));
  }
}

void ChosenOptions::apply_word(const OptionRow& row, const std::string& value) { set(row, value, "", "command line"); }

std::vector<ChosenOptions::Line> ChosenOptions::lines() const {
  std::vector<Line> all;
  for (const OptionRow& row : option_rows()) {
    if (has(row))
      all.push_back({row.name, value_text(row, values_), origins_[static_cast<std::size_t>(&row - option_rows().data())]});
  }
  return all;
}

}  // namespace vitrine
