// JSON: what is accepted is written and read back to the same value; sealed, no changed byte of it passes.
#include "base/json.h"

#include "tests/fuzz/fuzz.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::accept_or_refuse<std::runtime_error>([&] {
    const Json value = parse_json(testing::bytes_of(data, size));
    if (parse_json(json_text(value)) != value) std::abort();
    if (!value.is_object() || value.contains("sha256")) return;
    const std::string sealed = sealed_json_text(value);
    if (parse_sealed_json(sealed) != value) std::abort();
    std::string changed = sealed;
    char& letter = changed[size * 31 % changed.size()];
    letter = static_cast<char>(letter ^ 1);
    testing::accept_or_refuse<std::runtime_error>([&] {
      if (parse_sealed_json(changed) != value) std::abort();
    });
  });
  return 0;
}
