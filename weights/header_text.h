// The text of a safetensors header, read from the file through a small window: a header may have 100 MB, of which the reader keeps
// only names, shapes and metadata.
//
// It is read here and not by the JSON library, which holds a token twice and takes a NUL for the end. tests/weights compares the two.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weights/byte_source.h"

namespace vitrine {

class HeaderText {
 public:
  // The bytes from `begin` to `end` of `source`, which must outlive this.
  HeaderText(const ByteSource& source, std::uint64_t begin, std::uint64_t end, std::string_view file);

  // The next byte behind any spaces, which stays; 0 at the end. WeightsError for a control character, in the whole text.
  char peek();
  void expect(char c);  // takes it; WeightsError when another one comes next
  bool take_if(char c);

  // A string with its quotes; escapes are replaced, and it is UTF-8. False when it has more than `most` bytes: `value` is its beginning.
  bool string(std::string& value, std::size_t most);
  // A number as it is written, at most some 80 characters of it; WeightsError unless JSON's grammar fits.
  std::string number();
  // What begins here, in words: "a list", "the number -1", "true"; the word is taken. For a refusal.
  std::string described();

  [[noreturn]] void malformed() const;

 private:
  char byte();  // the next one, which stays; 0 at the end
  std::string_view rest_of_window();
  char next();  // takes it
  void append(std::string& value, char c, std::size_t most);
  unsigned four_digits();
  void escape(std::string& value, std::size_t most);

  const ByteSource& source_;
  std::uint64_t at_, end_, window_begin_;
  std::string_view file_;
  std::string window_;
};

}  // namespace vitrine
