// The index of a TensorFlow checkpoint.
#include "tests/fuzz/fuzz.h"
#include "weights/tensorflow_index.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::accept_or_refuse([&] { parse_tensorflow_index(ByteSource(testing::bytes_of(data, size)), "input"); });
  return 0;
}
