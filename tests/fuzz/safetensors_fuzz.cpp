// safetensors: what is accepted writes and reads back to the same tensors, and has a network or not without a crash.
#include "tests/fuzz/fuzz.h"
#include "weights/network_choice.h"
#include "weights/safetensors.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::accept_or_refuse([&] {
    const TensorFile file = parse_safetensors(ByteSource(testing::bytes_of(data, size)), "input");
    testing::read_all(file);
    const TensorFile again = parse_safetensors(ByteSource(safetensors_bytes(file)), "again");
    if (again.tensors.size() != file.tensors.size() || again.metadata != file.metadata) std::abort();
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
      const StoredTensor &a = file.tensors[i], &b = again.tensors[i];
      if (a.name != b.name || a.type != b.type || !(a.shape == b.shape) || a.bytes() != b.bytes()) std::abort();
    }
    for (const WeightSet wanted : {WeightSet::plain, WeightSet::averaged}) {
      testing::accept_or_refuse([&] {
        if (take_network(file, wanted, "input").tensors.size() > file.tensors.size()) std::abort();
      });
    }
  });
  return 0;
}
