// What an op's header promises, as text: its leading comment, embedded when the program is built (cmake/op_contracts.cmake).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine::op_pages {

struct EmbeddedContract {
  std::string_view op, text;  // the comment as it stands in the header
};
std::span<const EmbeddedContract> embedded_contracts();  // in alphabetical order of ops

// Where a piece of an op stands in the source tree.
struct OpSource {
  std::string_view op, role, file;
  int line;
  std::string_view holds;  // what stands in that line
};
std::span<const OpSource> embedded_sources();

struct ContractSection {
  std::string name;                // "Forward"
  std::vector<std::string> lines;  // without the comment's margin; indented lines keep what is beyond it
};
struct Contract {
  std::string op, purpose;
  std::vector<ContractSection> sections;  // in the header's order

  // Empty for a section that the header does not have.
  std::vector<std::string> lines_of(std::string_view section) const;
};

std::vector<std::string> op_names();  // of all ops that have a page, in alphabetical order
bool is_op(std::string_view name);
Contract contract_of(std::string_view op);  // UsageError naming the nearest
std::vector<OpSource> sources_of(std::string_view op);

}  // namespace vitrine::op_pages
