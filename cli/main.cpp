// vitrine: the program around its commands. Every option has its default in the help; every subcommand's help ends with an example.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/standard_streams.h"
#include "base/version.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/storage.h"

namespace vitrine::cli {
namespace {

constexpr std::size_t kMostOfALine = 300;

// In the order of the help.
constexpr void (*kCommands[])(Command, Chosen&) = {add_study,   add_task,    add_controls, add_demo,  add_report,  add_simulate,
                                                   add_mri,     add_data,    add_split,    add_train, add_cv,      add_eval,
                                                   add_explain, add_lr_find, add_search,   add_watch, add_predict, add_weights,
                                                   add_export,  add_audit,   add_bench,    add_doctor};

// One line on standard error, whatever the message holds.
int refuse(ExitCode code, std::string_view message) {
  constexpr std::string_view kName = "vitrine: ";
  std::fprintf(stderr, "%s%s\n", kName.data(), one_line(message, kMostOfALine - kName.size() - 1).c_str());
  return static_cast<int>(code);
}

constexpr const char* kAbout =
    "Vitrine: a deep-learning toolkit behind glass. EfficientNets without a framework, and one complete study.";

void run(int argc, char** argv) {
  CommandLine line(kAbout, "vitrine", text("vitrine ", version()));
  const Command app = line.command();
  app.require_subcommand();
  app.fallthrough();  // inherited: options of the program may stand anywhere
  int threads = 0;
  app.add_option("--threads", threads, "threads; results do not depend on it (default: VITRINE_THREADS or all processors)")
      .range(1, 1024);
  app.footer(
      "Exit codes: 0 ok, 1 runtime, 2 usage, 3 data refused, 4 weights refused, 5 numerical failure, 130 interrupted (Ctrl-C; "
      "143 by\n"
      "SIGTERM, 129 by SIGHUP).\n"
      "Example: vitrine demo -o demo");
  Chosen chosen;
  for (const auto add : kCommands) add(app, chosen);
  if (!line.read(argc, argv)) return;
  active_isa();  // refuses a wrong VITRINE_SIMD before any work
  if (threads > 0) set_thread_count(threads);
  chosen();
}

// What a failure that is not ours says, and where to go from there.
std::string explained(const std::exception& error) {
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error))
    return text("cannot use ", file->path1(), ": ", file->code().message());
  if (const auto* system = dynamic_cast<const std::system_error*>(&error);
      system != nullptr && system->code() == std::errc::resource_unavailable_try_again)
    return "the system gives this process no more threads; pass --threads 1, or raise its limit (ulimit -u)";
  return text("internal error: ", error.what(), "; please report it");
}

void say_and_end(int) {
  constexpr char kMessage[] = "vitrine: out of memory before the program had started; give it more\n";
  ::_exit(::write(STDERR_FILENO, kMessage, sizeof kMessage - 1) < 0 ? 1 : static_cast<int>(ExitCode::runtime));
}

// Before the constructors of any library: those of ITK allocate, and NVIDIA's runtime, which is told of the kernels there, does not look
// at what it is given. main takes the handler back.
[[gnu::section(".preinit_array"), gnu::used]] void (*const kBeforeConstructors)() = [] {
  install_memory_handlers();
  std::signal(SIGSEGV, say_and_end);
};

}  // namespace
}  // namespace vitrine::cli

int main(int argc, char** argv) {
  using vitrine::ExitCode;
  std::signal(SIGSEGV, SIG_DFL);
  vitrine::open_standard_streams();
  vitrine::install_interrupt_handler();
  try {
    vitrine::cli::run(argc, argv);
    vitrine::finish_standard_output();
    return static_cast<int>(ExitCode::ok);
  } catch (const vitrine::DeviceMemoryError& error) {
    const std::string said = error.what();
    const bool says_what_to_do = said.find("; ") != std::string::npos;
    return vitrine::cli::refuse(error.code(),
                                says_what_to_do ? said : said + "; use smaller batches or images, or allow more memory");
  } catch (const vitrine::Error& error) {
    return vitrine::cli::refuse(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "vitrine: %s\n", vitrine::kOutOfMemory);
  } catch (const std::exception& error) {
    return vitrine::cli::refuse(ExitCode::runtime, vitrine::cli::explained(error));
  }
  return static_cast<int>(ExitCode::runtime);
}
