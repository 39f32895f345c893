#include "report/section.h"

#include "base/error.h"
#include "base/names.h"
#include "base/number.h"
#include "report/markup.h"

namespace vitrine::report {

std::string html_of(const Section& s) {
  if (s.content.empty()) return {};
  return text("<section aria-labelledby=\"", s.id, "\">\n<h3 id=\"", s.id, "\">", escaped(s.heading), "</h3>\n", s.content,
              "</section>\n");
}

std::string source_line(const std::string& files, const std::string& tables) {
  return text("<p class=\"source\">Made from ", escaped(files), "; its numbers with --csv: ", escaped(tables), ".</p>\n");
}

std::string number_text(const std::optional<double>& value, int digits) { return value ? fixed(*value, digits) : "n/a"; }

std::string interval_text(const std::optional<double>& low, const std::optional<double>& high, int digits) {
  return low && high ? text(fixed(*low, digits), " to ", fixed(*high, digits)) : std::string("n/a");
}

std::string counted(int count, const std::string& what) { return text(count, " ", what, count == 1 ? "" : "s"); }

std::string input_title(const std::string& inputs) {
  std::string title;
  for (const std::string& name : split_at(inputs, '+')) {
    title += title.empty() ? "" : " + ";
    title += name == "t1c" ? "T1c" : name == "flair" ? "FLAIR" : name == "t2" ? "T2" : name;
  }
  return title;
}

}  // namespace vitrine::report
