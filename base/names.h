// Names that people give: identifiers of subjects and samples, labels, columns.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

// Without white space at both ends: ASCII's, the no-break space, zero-width marks and a byte-order mark, as spreadsheets leave them.
std::string_view trimmed(std::string_view text);

// The pieces between separators, empty ones too; one for an empty text.
std::vector<std::string> split_at(std::string_view text, char separator);

// Equal for names that differ by case alone: ASCII, Latin, Greek and Cyrillic letters.
std::string case_folded(std::string_view text);

// Names that differ by case alone are one name written twice: a patient would lie on both sides of a split.
class CaseClashes {
 public:
  // The first spelling of `name` when it was seen before in other capitals and not in these; empty otherwise.
  std::string see(const std::string& name);

 private:
  std::map<std::string, std::string> first_;
};

// What keeps `name` from being an identifier, as the end of a sentence; empty when nothing does. Identifiers become parts of file names and
// of tables: 1 to 64 characters, letters (of any script), digits, '-', '_', '.', '+', ' ' and '@'; not '-', '.', '+', ' ' or '@' in front, no
// combining marks (two spellings of one name would be two subjects).
std::string identifier_flaw(std::string_view name);

// The same for a label: 1 to 120 printable characters, no combining marks.
std::string label_flaw(std::string_view label);

}  // namespace vitrine
