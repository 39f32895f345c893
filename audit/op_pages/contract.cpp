#include "audit/op_pages/contract.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"

namespace vitrine::op_pages {
namespace {

constexpr std::size_t kMargin = 11;  // of a section's text behind its name: "Forward    y = x"

std::vector<std::string> lines_of_comment(std::string_view comment) {
  std::vector<std::string> lines;
  while (!comment.empty()) {
    const std::size_t end = std::min(comment.find('\n'), comment.size());
    std::string_view line = comment.substr(0, end);
    comment.remove_prefix(std::min(comment.size(), end + 1));
    if (!line.starts_with("//")) continue;
    line.remove_prefix(std::min<std::size_t>(line.size(), line.starts_with("// ") ? 3 : 2));
    lines.emplace_back(line);
  }
  return lines;
}

// "Forward    y = ..." begins a section: a word, two spaces or more, text at the margin. Its other lines begin with spaces.
bool begins_section(const std::string& line) {
  const std::size_t name = line.find("  ");
  return name != std::string::npos && name > 0 && name < kMargin && line.size() > kMargin && line[0] >= 'A' && line[0] <= 'Z' &&
         line.find(' ') == name && line.find_first_not_of(' ', name) == kMargin;
}

}  // namespace

std::vector<std::string> Contract::lines_of(std::string_view section) const {
  const auto found = std::ranges::find(sections, section, &ContractSection::name);
  return found == sections.end() ? std::vector<std::string>() : found->lines;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const EmbeddedContract& c : embedded_contracts()) names.emplace_back(c.op);
  return names;
}

bool is_op(std::string_view name) { return std::ranges::count(embedded_contracts(), name, &EmbeddedContract::op) > 0; }

Contract contract_of(std::string_view op) {
  const std::vector<std::string> names = op_names();
  const EmbeddedContract& embedded = embedded_contracts()[chosen_name("the op", op, names)];
  Contract contract{std::string(op), {}, {}};
  const std::vector<std::string> lines = lines_of_comment(embedded.text);
  for (const std::string& line : lines) {
    if (begins_section(line)) {
      contract.sections.push_back({line.substr(0, line.find(' ')), {line.substr(kMargin)}});
    } else if (!contract.sections.empty()) {
      const std::size_t text = std::min(line.find_first_not_of(' '), line.size());
      if (text < line.size()) contract.sections.back().lines.push_back(line.substr(std::min(text, kMargin)));
    } else if (!line.empty()) {
      contract.purpose += (contract.purpose.empty() ? "" : " ") + line;
    }
  }
  return contract;
}

std::vector<OpSource> sources_of(std::string_view op) {
  std::vector<OpSource> found;
  for (const OpSource& source : embedded_sources()) {
    if (source.op == op) found.push_back(source);
  }
  return found;
}

}  // namespace vitrine::op_pages
