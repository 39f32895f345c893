// Files of options: what is accepted has names, lines in order and values of the kind that they say.
#include "base/toml.h"

#include "base/number.h"
#include "tests/fuzz/fuzz.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::accept_or_refuse<UsageError>([&] {
    const TomlFile file = parse_toml(testing::bytes_of(data, size), "input");
    int line = 0;
    for (const TomlEntry& e : file.entries) {
      if (e.key.empty() || e.line <= line) std::abort();
      line = e.line;
      double number = 0;
      const std::string_view plain = std::string_view(e.value).substr(e.value.starts_with('+') ? 1 : 0);
      if (e.kind == TomlKind::truth && e.value != "true" && e.value != "false") std::abort();
      // A number beyond float64 is read as far as its form goes: whoever takes it refuses it.
      if ((e.kind == TomlKind::whole || e.kind == TomlKind::real) && !parse_number(plain, number) && e.value.size() < 20 &&
          e.value.find_first_of("eE") == std::string::npos)
        std::abort();
    }
  });
  return 0;
}
