// The pieces that every part of the report is made of.
#pragma once

#include <optional>
#include <string>

namespace vitrine::report {

struct Section {
  std::string id, heading, content;  // of a link, text, HTML; no content: the part is left out
};
std::string html_of(const Section& section);  // with an h3

// "Made from FILES; its numbers: TABLES." FILES are those of the run, TABLES what `vitrine report --csv` writes.
std::string source_line(const std::string& files, const std::string& tables);

std::string number_text(const std::optional<double>& value, int digits = 2);  // "n/a" for none
std::string interval_text(const std::optional<double>& low, const std::optional<double>& high,
                          int digits = 2);                // "0.70 to 0.95"
std::string counted(int count, const std::string& what);  // "1 subject", "7 subjects"
std::string input_title(const std::string& inputs);       // "T1c + FLAIR + T2" of "t1c+flair+t2"

}  // namespace vitrine::report
