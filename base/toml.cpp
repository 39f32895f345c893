#include "base/toml.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/printable.h"

namespace vitrine {
namespace {

constexpr std::size_t kShown = 40;  // characters of foreign text in a message
constexpr std::string_view kMark = "\xEF\xBB\xBF";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_bare(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }

// What a word of decimal digits, with or without fraction and exponent, is; text for any other word.
TomlKind number_kind(std::string_view word) {
  std::size_t at = !word.empty() && (word[0] == '+' || word[0] == '-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < word.size() && is_digit(word[at])) ++at;
    return at > begin;
  };
  if (!digits()) return TomlKind::text;
  if (at == word.size()) return TomlKind::whole;
  if (word[at] == '.' && (++at, !digits())) return TomlKind::text;
  if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
    ++at;
    if (at < word.size() && (word[at] == '+' || word[at] == '-')) ++at;
    if (!digits()) return TomlKind::text;
  }
  return at == word.size() ? TomlKind::real : TomlKind::text;
}

class Reader {
 public:
  explicit Reader(TomlFile& file) : file_(file) {}

  void line(std::string_view text, int number) {
    rest_ = text;
    number_ = number;
    if (!rest_.empty() && rest_.back() == '\r') rest_.remove_suffix(1);
    for (const char c : rest_) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
        refuse("holds the control character ", printable(std::string_view(&c, 1)), "; is it a text file?");
    }
    skip_blanks();
    if (in_list_) {
      list_items();
      if (in_list_) return;
    } else if (at_end()) {
      return;
    } else if (rest_.front() == '[') {
      section();
    } else {
      entry();
      if (in_list_) return;
    }
    skip_blanks();
    if (!at_end()) refuse("'", printable(rest_, kShown), "' stands after the end; write one setting a line");
  }

  void end() const {
    if (!in_list_) return;
    const TomlEntry& e = file_.entries.back();
    throw UsageError(text(file_.where(e.line), "the list of '", printable(e.key, kShown), "' has no closing bracket"));
  }

 private:
  template <class... What>
  [[noreturn]] void refuse(const What&... what) const {
    throw UsageError(text(file_.where(number_), what...));
  }

  bool at_end() const { return rest_.empty() || rest_.front() == '#'; }
  bool takes(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  std::string name() {
    std::size_t size = 0;
    while (size < rest_.size() && is_bare(rest_[size])) ++size;
    const std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    skip_blanks();
    return found;
  }

  void section() {
    takes('[');
    if (takes('[')) refuse("[[...]] makes a list of tables; write [section]");
    skip_blanks();
    section_ = name();
    if (section_.empty() || !takes(']'))
      refuse("expected a section such as [training], with a name of letters, digits, - and _");
    const auto [before, is_new] = sections_.emplace(section_, number_);
    if (!is_new) refuse("the section [", printable(section_, kShown), "] is there twice, first in line ", before->second);
    file_.sections.push_back({section_, number_});
  }

  void entry() {
    if (rest_.front() == '"' || rest_.front() == '\'') refuse("write the name of an option without quotes");
    const std::string_view whole = rest_;
    TomlEntry e;
    e.section = section_;
    e.key = name();
    e.line = number_;
    if (!rest_.empty() && rest_.front() == '.' && !e.key.empty())
      refuse("a name with a dot; write '", printable(e.key, kShown), "' as a section in square brackets");
    if (e.key.empty() || !takes('='))
      refuse("'", printable(whole, kShown), "' is no setting; expected a line such as batch-size = 16");
    const auto [before, is_new] = keys_.emplace(e.section + "." + e.key, number_);
    if (!is_new) refuse("'", printable(e.key, kShown), "' is there twice, first in line ", before->second);
    skip_blanks();
    if (at_end()) refuse("'", printable(e.key, kShown), "' has no value");
    file_.entries.push_back(std::move(e));
    if (takes('[')) return begin_list();
    if (takes('{')) return table();
    TomlEntry& here = file_.entries.back();
    const TomlItem item = scalar(here.key);
    here.kind = item.kind;
    here.value = item.value;
  }

  void begin_list() {
    file_.entries.back().kind = TomlKind::list;
    file_.entries.back().value.assign(1, '[');
    in_list_ = true;
    wants_comma_ = false;
    list_items();
  }

  // What this line holds of the list that is open, to its closing bracket if that is here.
  void list_items() {
    TomlEntry& e = file_.entries.back();
    for (skip_blanks(); !at_end(); skip_blanks()) {
      if (takes(']')) {
        e.value += ']';
        in_list_ = false;
        return;
      }
      if (wants_comma_) {
        if (!takes(','))
          refuse("'", printable(rest_, kShown), "' in the list of '", printable(e.key, kShown), "'; expected a comma or ]");
        wants_comma_ = false;
        continue;
      }
      if (e.items.size() == kMaxTomlItems)
        refuse("the list of '", printable(e.key, kShown), "' has more than ", kMaxTomlItems, " values");
      add_item(e, scalar(e.key));
      wants_comma_ = true;
    }
  }

  // { name = value, ... } in one line.
  void table() {
    TomlEntry& e = file_.entries.back();
    e.kind = TomlKind::table;
    e.value.assign(1, '{');
    for (skip_blanks(); !takes('}'); skip_blanks()) {
      if (!e.items.empty() && !takes(','))
        refuse("the table of '", printable(e.key, kShown), "' goes on with '", printable(rest_, kShown),
               "'; expected a comma or } in this line");
      skip_blanks();
      const std::string key = name();
      if (key.empty() || !takes('='))
        refuse("'", printable(rest_, kShown), "' in the table of '", printable(e.key, kShown),
               "'; expected such as { low = 1, high = 2 }");
      skip_blanks();
      for (const TomlItem& before : e.items) {
        if (before.key == key)
          refuse("'", printable(key, kShown), "' is there twice in the table of '", printable(e.key, kShown), "'");
      }
      TomlItem item = scalar(key);
      item.key = key;
      add_item(e, std::move(item));
    }
    e.value += '}';
  }

  static void add_item(TomlEntry& e, TomlItem item) {
    if (!e.items.empty()) e.value += ", ";
    if (!item.key.empty()) e.value += item.key + " = ";
    e.value += item.value;
    e.items.push_back(std::move(item));
  }

  TomlItem scalar(const std::string& key) {
    TomlItem item;
    item.line = number_;
    if (at_end()) refuse("'", printable(key, kShown), "' has no value");
    if (rest_.starts_with("\"\"\"") || rest_.starts_with("'''")) refuse("a text of several lines; write it in one");
    if (rest_.front() == '[' || rest_.front() == '{')
      refuse("'", printable(key, kShown), "' holds a list or a table within another; expected one text, number, true or false");
    if (takes('\'')) {
      const std::size_t end = rest_.find('\'');
      if (end == rest_.npos) refuse("the text of '", printable(key, kShown), "' has no closing quote");
      item.value = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
    } else if (takes('"')) {
      item.value = quoted(key);
    } else {
      word(item);
    }
    return item;
  }

  std::string quoted(const std::string& key) {
    std::string value;
    while (!takes('"')) {
      if (rest_.empty()) refuse("the text of '", printable(key, kShown), "' has no closing quote");
      if (!takes('\\')) {
        value += rest_.front();
        rest_.remove_prefix(1);
        continue;
      }
      constexpr std::string_view kEscapes = "btnfr\"\\", kMeant = "\b\t\n\f\r\"\\";
      const std::size_t escape = rest_.empty() ? kEscapes.npos : kEscapes.find(rest_.front());
      if (escape == kEscapes.npos)
        refuse("'\\", printable(rest_.substr(0, 1)),
               "' is no escape known here; write the character itself, a backslash as \\\\");
      value += kMeant[escape];
      rest_.remove_prefix(1);
    }
    return value;
  }

  void word(TomlItem& item) {
    const bool nested = file_.entries.back().kind == TomlKind::list || file_.entries.back().kind == TomlKind::table;
    item.value = rest_.substr(0, rest_.find_first_of(nested ? " \t#,]}" : " \t#"));
    rest_.remove_prefix(item.value.size());
    if (item.value == "true" || item.value == "false") {
      item.kind = TomlKind::truth;
      return;
    }
    if (begins_with_zero(item.value))
      refuse("'", printable(item.value, kShown), "' begins with a zero; write the number plainly, in decimal");
    item.kind = number_kind(item.value);
    if (item.kind == TomlKind::text)
      refuse("'", printable(item.value, kShown),
             "' is no value; expected a text in double quotes, a number in decimal, true or false");
  }

  TomlFile& file_;
  std::string_view rest_;  // of the line
  int number_ = 0;
  bool in_list_ = false, wants_comma_ = false;  // the last entry's list goes on in the next line
  std::string section_;
  std::map<std::string, int> sections_, keys_;  // and their lines
};

}  // namespace

const char* kind_text(TomlKind kind) {
  switch (kind) {
    case TomlKind::text: return "a text";
    case TomlKind::whole: return "a whole number";
    case TomlKind::real: return "a number with a fraction";
    case TomlKind::truth: return "true or false";
    case TomlKind::list: return "a list";
    case TomlKind::table: return "a table";
  }
  return "?";
}

bool begins_with_zero(std::string_view number) {
  const std::size_t first = number.find_first_not_of("+-");
  return first != number.npos && number[first] == '0' && first + 1 < number.size() &&
         std::string_view("0123456789xXbBoO_").find(number[first + 1]) != std::string_view::npos;
}

std::string TomlFile::where(int line) const { return text(path, ":", line, ": "); }

TomlFile parse_toml(std::string_view bytes, const std::filesystem::path& path) {
  TomlFile file;
  file.path = path;
  if (bytes.starts_with(kMark)) bytes.remove_prefix(kMark.size());
  if (const std::size_t flaw = utf8_flaw(bytes); flaw != bytes.npos)
    throw UsageError(text(
        file.where(static_cast<int>(1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(flaw), '\n'))),
        "no UTF-8 from here; is it a text file?"));
  Reader reader(file);
  for (int number = 1; !bytes.empty(); ++number) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    reader.line(bytes.substr(0, end), number);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  reader.end();
  return file;
}

TomlFile read_toml(const std::filesystem::path& path) {
  return parse_toml(as<UsageError>([&] { return read_file(path, kMaxToml); }), path);
}

}  // namespace vitrine
