#include "train/option_table.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "train/option_rows.h"

namespace vitrine {
namespace {

template <class... Kinds>
bool holds(const OptionRow& row) {
  RunOptions any;
  const Member member = row.member(any);
  return (std::holds_alternative<Kinds>(member) || ...);
}

const char* kind_text(const OptionRow& row) { return is_real(row) ? "a number" : "a whole number"; }

// `found` as it is shown: a number plainly, other text in quotes.
[[noreturn]] void refuse(const OptionRow& row, const std::string& where, const std::string& found) {
  throw UsageError(text(where, "--", row.name, " is ", found, ", expected ", kind_text(row), " from ", range_text(row)));
}

// Every digit that tells it from its neighbours, and no exponent for what people count with.
std::string plain(double value) {
  constexpr double kMostPlain = 1e15;
  return std::abs(value) < kMostPlain && value == std::floor(value) ? std::to_string(static_cast<std::int64_t>(value))
                                                                    : shortest(value);
}

void check_range(const OptionRow& row, double value, const std::string& where) {
  if (!(value >= row.low && (row.below_high ? value < row.high : value <= row.high))) refuse(row, where, plain(value));
}

// A number without the plus that may stand in front of it.
template <class T>
bool parse(const std::string& value, T& number) {
  const bool plus = value.size() > 1 && value[0] == '+' && value[1] != '-';
  return parse_number(std::string_view(value).substr(plus ? 1 : 0), number);
}

// Sets a member from a text; one function for each type that a member may have.
struct Assignment {
  const OptionRow& row;
  const std::string& value;
  const std::string& where;

  [[noreturn]] void refuse_text() const { refuse(row, where, text("'", printable(value, 40), "'")); }

  bool truth() const {
    if (value == "true") return !row.negated;
    if (value == "false") return row.negated;
    throw UsageError(text(where, "--", row.name, " is '", printable(value, 40), "', expected true or false"));
  }
  std::int64_t whole() const {
    std::int64_t number = 0;
    if (!parse(value, number)) refuse_text();
    check_range(row, static_cast<double>(number), where);
    return number;
  }

  void operator()(bool* member) const { *member = truth(); }
  void operator()(Balance* member) const { *member = truth() ? Balance::oversample : Balance::none; }
  void operator()(int* member) const { *member = static_cast<int>(whole()); }
  void operator()(std::int64_t* member) const { *member = whole(); }
  void operator()(std::uint64_t* member) const {
    if (!parse(value, *member)) refuse_text();
  }
  void operator()(double* member) const {
    double number = 0;
    if (!parse(value, number)) refuse_text();
    check_range(row, number, where);
    *member = number == 0 ? 0 : number;  // -0 is 0
  }
  void operator()(std::string* member) const {
    try {
      if (row.check != nullptr) row.check(value);
    } catch (const UsageError& error) {
      throw UsageError(where + error.what());
    }
    *member = value;
  }
};

struct AsText {
  bool negated;
  std::string operator()(const bool* member) const { return *member != negated ? "true" : "false"; }
  std::string operator()(const Balance* member) const { return (*member == Balance::oversample) != negated ? "true" : "false"; }
  std::string operator()(const int* member) const { return std::to_string(*member); }
  std::string operator()(const std::int64_t* member) const { return std::to_string(*member); }
  std::string operator()(const std::uint64_t* member) const { return std::to_string(*member); }
  std::string operator()(const double* member) const { return shortest(*member); }
  std::string operator()(const std::string* member) const { return *member; }
};

struct Check {
  const OptionRow& row;
  void operator()(const bool*) const {}
  void operator()(const Balance*) const {}
  void operator()(const int* member) const { check_range(row, *member, ""); }
  void operator()(const std::int64_t* member) const { check_range(row, static_cast<double>(*member), ""); }
  void operator()(const std::uint64_t*) const {}
  void operator()(const double* member) const { check_range(row, *member, ""); }
  void operator()(const std::string* member) const {
    if (row.check != nullptr) row.check(*member);
  }
};

}  // namespace

std::span<const OptionRow> option_rows() {
  static const std::vector<OptionRow> all = [] {
    std::vector<OptionRow> rows;
    for (const std::span<const OptionRow> part : {network_rows(), training_rows(), keeping_rows()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

const OptionRow* find_option(std::string_view name) {
  const std::span<const OptionRow> rows = option_rows();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const OptionRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

const OptionRow& option_row(std::string_view name) {
  const OptionRow* row = find_option(name);
  if (row == nullptr) throw InternalError(text("there is no option '", name, "'"));
  return *row;
}

bool is_flag(const OptionRow& row) { return holds<bool*, Balance*>(row); }
bool is_text(const OptionRow& row) { return holds<std::string*>(row); }
bool is_real(const OptionRow& row) { return holds<double*>(row); }

std::string type_name(const OptionRow& row) {
  if (is_flag(row)) return "";
  return is_text(row) ? "TEXT" : is_real(row) ? "FLOAT" : holds<std::uint64_t*>(row) ? "UINT" : "INT";
}

std::string range_text(const OptionRow& row) {
  if (is_flag(row) || is_text(row)) return "";
  if (holds<std::uint64_t*>(row)) return "0 to 2^64 - 1";
  return text(row.low, row.below_high ? " to below " : " to ", row.high);
}

std::string value_text(const OptionRow& row, const RunOptions& options) {
  RunOptions copy = options;
  return std::visit(AsText{row.negated}, row.member(copy));
}

void assign(const OptionRow& row, RunOptions& options, const std::string& value, const std::string& where) {
  std::visit(Assignment{row, value, where}, row.member(options));
}

void check_rows(const RunOptions& options) {
  RunOptions copy = options;
  for (const OptionRow& row : option_rows()) std::visit(Check{row}, row.member(copy));
}

std::string options_markdown() {
  std::string table = "| option | section | default | range | meaning |\n|---|---|---|---|---|\n";
  const RunOptions standard;
  for (const OptionRow& row : option_rows()) {
    const std::string range = is_flag(row) ? "true, false" : is_text(row) ? "text" : range_text(row);
    const std::string value = value_text(row, standard);
    table += text("| `", row.name, "` | ", row.group, " | ", value.empty() ? "" : "`" + value + "`", " | ", range, " | ",
                  row.help, " |\n");
  }
  return table;
}

}  // namespace vitrine
