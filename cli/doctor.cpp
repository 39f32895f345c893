// `vitrine doctor`: what was built in and what this machine has; with --self-test, whether the CUDA back end computes what the CPU does.
#include <cstdio>
#include <memory>
#include <thread>

#include "audit/cuda_self_test.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/doctor_kernels.h"
#include "cli/imaging_commands.h"
#include "tensor/cuda/plans.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cli {
namespace {

void print_self_test(Device device) {
  const std::vector<SelfTestLine> lines = cuda_self_test(device);
  std::size_t passed = 0, same = 0;
  double worst = 0;
  for (const SelfTestLine& line : lines) {
    passed += line.passed ? 1 : 0;
    same += line.same_bits ? 1 : 0;
    worst = std::max(worst, line.difference);
    if (line.passed) continue;
    std::printf("                  FAILED: %s: portable tier %s, run-to-run tier differs by %s, in bf16 by %s\n",
                line.op.c_str(), line.same_bits ? "has the CPU's bits" : "differs from the CPU",
                shortest(line.difference).c_str(), shortest(line.in_bf16).c_str());
  }
  std::printf(
      "self-test         %s: %zu of %zu cases passed; portable tier: %zu have the CPU's bits; run-to-run tier: largest "
      "difference "
      "%.1e\n",
      device.text().c_str(), passed, lines.size(), same, worst);
  for (const SelfTestLine& line : lines) {
    if (line.in_bf16 > 2 * line.difference)
      std::printf("                  --precision bf16 differs by %.1e: %s\n", line.in_bf16, line.op.c_str());
  }
  if (passed != lines.size()) {
    throw Error(ExitCode::runtime, text("the self-test of ", device.text(), " failed for ", lines.size() - passed, " of ",
                                        lines.size(), " cases (above); use --device cpu and report the lines"));
  }
}

void print_cuda(bool self_test) {
  if (!cuda::is_built()) {
    std::printf("CUDA              not built in: %s\n", cuda::why_no_device().c_str());
  } else {
    std::string line;
    for (const auto& [name, version] : cuda::versions()) line += (line.empty() ? "" : ", ") + name + " " + version;
    std::printf("CUDA              %s\n", line.c_str());
    if (cuda::device_count() == 0) std::printf("GPU               none: %s\n", cuda::why_no_device().c_str());
    for (int i = 0; i < cuda::device_count(); ++i) {
      const cuda::DeviceInfo info = cuda::describe(i);
      std::printf("GPU               cuda:%d  %s, compute capability %d.%d, %d multiprocessors, %zu of %zu MiB free\n", i,
                  info.name.c_str(), info.major, info.minor, info.processors, info.free_bytes >> 20, info.total_bytes >> 20);
    }
  }
  if (self_test) {
    print_self_test(Device::cuda_host());
  } else {
    std::printf(
        "self-test         not run: `vitrine doctor --self-test` compares every op of the CUDA back end with the CPU's\n");
  }
  for (int i = 0; i < cuda::device_count(); ++i) {
    if (self_test) print_self_test(Device::cuda(i));
    cuda::make_current(Device::cuda(i));
    std::printf("plans             cuda:%d  %zu shapes in %s\n", i, cuda::plan_store().size(),
                cuda::plan_store().file().string().c_str());
  }
}

struct DoctorCommand {
  bool self_test = false;  // seconds
  bool kernels = false;
  GraphsOfNetwork graphs;
};

void run_doctor(const DoctorCommand& command) {
  std::printf("vitrine %s\n", std::string(version()).c_str());
  std::printf("compiler          %s\n", __VERSION__);
  std::printf("imaging (ITK)     %s\n", has_imaging() ? "built in" : "not built in: rebuild with scripts/build --itk on");
  std::printf("processors        %u\n", std::thread::hardware_concurrency());
  std::printf("threads           %d (VITRINE_THREADS or --threads changes it; results do not depend on it)\n", thread_count());
  std::string sets;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa_supported(isa)) sets += (sets.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  std::printf("instruction sets  %s; in use: %s (VITRINE_SIMD changes it; results do not depend on it)\n", sets.c_str(),
              std::string(isa_name(active_isa())).c_str());
  check_interrupt("the doctor");
  print_cuda(command.self_test);
  if (command.kernels) print_kernels(command.graphs);
  check_interrupt("the doctor");  // looking for NVIDIA's libraries takes a moment
}

}  // namespace

void add_doctor(Command app, Chosen& chosen) {
  const auto doctor = std::make_shared<DoctorCommand>();
  const auto d = app.add_subcommand("doctor", "what was built in, and what this machine has");
  d.add_flag("--self-test", doctor->self_test,
             "also compute every op of the CUDA back end and compare it with the CPU's: seconds");
  const auto kernels = d.add_flag("--kernels", doctor->kernels,
                                  "also ask cuDNN for an engine for every graph of --kernels cudnn, and list what it refuses");
  d.add_option("--arch", doctor->graphs.arch, "with --kernels: the network").needs(kernels).capture_default_str();
  d.add_option("--batch", doctor->graphs.batch, "with --kernels: images").needs(kernels).range(1, 4096).capture_default_str();
  d.add_option("--size", doctor->graphs.size, "with --kernels: pixels of a side")
      .needs(kernels)
      .range(32, 2048)
      .capture_default_str();
  d.footer("Example: vitrine doctor");
  d.callback([=, &chosen] { chosen = [=] { run_doctor(*doctor); }; });
}

}  // namespace vitrine::cli
