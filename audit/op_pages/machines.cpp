#include "audit/op_pages/machines.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/isa.h"

namespace vitrine::op_pages {
namespace {

// Puts the instruction set and the tier back.
class Settings {
 public:
  Settings() { cuda::settings().tier = cuda::Tier::portable; }
  ~Settings() {
    set_active_isa(isa_);
    cuda::settings().tier = tier_;
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

 private:
  Isa isa_ = active_isa();
  cuda::Tier tier_ = cuda::settings().tier;
};

bool same(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) return false;
  return !a.defined() ||
         (a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0);
}

bool same(const Computed& a, const Computed& b) {
  return same(a.y, b.y) && std::equal(a.gradients.begin(), a.gradients.end(), b.gradients.begin(), b.gradients.end(),
                                      [](const Tensor& x, const Tensor& y) { return same(x, y); });
}

// Of recording the op, and of its backward pass, both waited for.
void measure(const Example& example, Device device, KernelSet& set) {
  using Clock = std::chrono::steady_clock;
  std::vector<Tensor> values;
  for (const ExampleInput& input : example.inputs) values.push_back(input.value.defined() ? input.value.to(device) : Tensor());
  const Tensor dy = example.dy.to(device);
  const auto start = Clock::now();
  for (int run = 0; run < 200 && (run < 5 || Clock::now() - start < std::chrono::milliseconds(150)); ++run) {
    Tape tape;
    const auto before = Clock::now();
    const Variable y = example.op(tape, values);
    cuda::synchronize(device);
    const auto between = Clock::now();
    tape.backward(y, dy);
    cuda::synchronize(device);
    const auto least = [&](double known, Clock::duration time) {
      const double seconds = std::chrono::duration<double>(time).count();
      return run == 0 ? seconds : std::min(known, seconds);
    };
    set.forward = least(set.forward, between - before), set.backward = least(set.backward, Clock::now() - between);
  }
}

}  // namespace

std::vector<KernelSet> kernel_sets(std::string_view op, bool with_times) {
  const Settings put_back;
  const Example worked = example_of(op), large = example_of(op, Scale::b0);
  std::vector<KernelSet> sets;
  set_active_isa(Isa::scalar);
  const Computed small_truth = computed(worked), large_truth = computed(large);
  const auto add = [&](const std::string& name, bool available, Device device, bool timed) {
    KernelSet set{name, available, false, 0, 0};
    if (available) {
      set.same_bits = same(computed(worked, device), small_truth) && same(computed(large, device), large_truth);
      if (timed) measure(large, device, set);
    }
    sets.push_back(set);
  };
  for (const auto& [isa, name] : {std::pair{Isa::scalar, "scalar"}, {Isa::avx2, "AVX2"}, {Isa::avx512, "AVX-512"}}) {
    const bool supported = isa_supported(isa);
    if (supported) set_active_isa(isa);
    add(name, supported, Device::cpu(), with_times);
  }
  const bool gpu = cuda::device_count() > 0;
  add(gpu ? "CUDA portable on cuda:0" : "CUDA portable on the host", true, gpu ? Device::cuda(0) : Device::cuda_host(),
      with_times && gpu);
  return sets;
}

}  // namespace vitrine::op_pages
