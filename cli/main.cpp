// vitrine: the command line. Every option has its default in the help; every subcommand's help ends with an example.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/standard_streams.h"
#include "base/version.h"
#include "cli/checkpoint_options.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cli {
namespace {

constexpr std::size_t kMostOfALine = 300;

void add_train_options(CLI::App* app, TrainOptions& o) {
  auto* network = app->add_option_group("network");
  network->add_option("--arch", o.arch, "b0 to b7, lite0 to lite4")->capture_default_str();
  network->add_option("--weights", o.weights, "checkpoint to start from; without it weights are drawn");
  network
      ->add_option("--from", o.from,
                   "family of the checkpoint: auto, torchvision, timm, timm-tf, efficientnet-pytorch, tensorflow")
      ->capture_default_str();
  network->add_flag("--ema", o.ema,
                    "start from the checkpoint's averaged weights (EMA, SWA, a teacher) instead of the plain ones");
  network->add_option("--dropout", o.dropout, "before the classifier")->capture_default_str();
  network->add_option("--drop-connect", o.drop_connect, "of the last block; earlier blocks less, linearly")
      ->capture_default_str();
  network->add_option("--bn-momentum", o.bn_momentum, "weight of a batch in the running statistics; 0: the weights' own")
      ->capture_default_str();
  network
      ->add_option("--first-conv", o.first_conv,
                   "one input channel: replicate (three times, as RGB), sum or extend (one-channel network)")
      ->capture_default_str();
  network
      ->add_option("--freeze", o.freeze,
                   "keep the weights and statistics of everything up to: none, stem, stage0 to stage6, head")
      ->capture_default_str();
  auto* training = app->add_option_group("training");
  training->add_option("--epochs", o.epochs, "passes over the training part")->capture_default_str();
  training->add_option("--batch-size", o.batch_size, "images a step")->capture_default_str();
  training->add_option("--lr", o.lr, "highest learning rate of the one-cycle schedule")->capture_default_str();
  training->add_option("--lr-scale", o.lr_scale, "learning rates by part, relative to --lr: stem=0.1,stage0=0.1,head=0.5");
  training->add_option("--mixup", o.mixup, "alpha of the Beta distribution; 0: no mixup")->capture_default_str();
  training->add_option("--label-smoothing", o.label_smoothing, "share spread evenly over the classes")->capture_default_str();
  training->add_flag(
      "!--no-oversample", [&o](std::int64_t on) { o.balance = on > 0 ? Balance::oversample : Balance::none; },
      "visit every image once an epoch instead of both classes equally often");
  training->add_flag("!--no-augmentation", o.augmentation, "no rotation, zoom, lighting or flips");
  training->add_option("--rotate", o.augment.max_rotate_degrees, "largest rotation, degrees")->capture_default_str();
  training->add_option("--zoom", o.augment.max_zoom, "largest zoom")->capture_default_str();
  training->add_option("--lighting", o.augment.max_lighting, "brightness and contrast")->capture_default_str();
  training->add_option("--weight-decay", o.optimizer.weight_decay, "above 0: AdamW instead of Adam")->capture_default_str();
  training->add_option("--seed", o.seed, "of every random draw")->check(whole_number())->capture_default_str();
  auto* keeping = app->add_option_group("keeping");
  keeping->add_option("--save-every", o.keeping.save_every, "epochs between two saved states, from which a stopped run goes on")
      ->capture_default_str();
  keeping->add_flag("--retrain-damaged", o.keeping.retrain_damaged,
                    "train a finished fold again when one of its files was changed or damaged; without it the run is refused");
}

void add_split_options(CLI::App* app, SplitOptions& o) {
  app->add_option("--test-fraction", o.test_fraction, "share of the subjects of each class in the fixed test part")
      ->capture_default_str();
  app->add_option("--folds", o.folds, "folds of the rest")->capture_default_str();
  app->add_option("--split-seed", o.seed, "of the order in which subjects are dealt")
      ->check(whole_number())
      ->capture_default_str();
}

void add_data_commands(CLI::App& app, SimulateCommand& simulate, PrepCommand& prep, SplitCommand& split,
                       std::function<void()>& chosen) {
  auto* sim = app.add_subcommand("simulate", "make a synthetic cohort with known truth");
  sim->add_option("-o,--output", simulate.output, "folder to write")->required();
  sim->add_option("--patients", simulate.patients, "number of patients")->capture_default_str();
  sim->add_option("--seed", simulate.seed, "of every random draw")->check(whole_number())->capture_default_str();
  sim->add_option("--signal", simulate.signal, "difference between the classes: 0 none, 1 full, at most 2")
      ->capture_default_str();
  sim->add_option("--anatomy", simulate.anatomy,
                  "T1 head (NIfTI), or 'procedural'; default: mricron's ch2 where it is installed");
  sim->add_flag("-q,--quiet", simulate.quiet, "no progress lines");
  sim->footer("Example: vitrine simulate -o cohort --patients 12 --seed 1");
  sim->callback([&] { chosen = [&] { run_simulate(simulate); }; });

  auto* mri = app.add_subcommand("mri", "work on MRI volumes");
  mri->require_subcommand(1);
  auto* p =
      mri->add_subcommand("prep", "from volumes to lesion crops: coregistration, brain, bias field, normalisation, crops");
  p->add_option("cohort", prep.cohort, "CSV: subject_id, label, t1c, flair, t2, mask [, brain_mask]")->required();
  p->add_option("-o,--output", prep.output, "folder to write")->required();
  p->add_option("--jobs", prep.jobs, "subjects at a time")->capture_default_str();
  p->add_flag("-q,--quiet", prep.quiet, "no progress lines");
  p->footer("Example: vitrine mri prep cohort/cohort.csv -o prep");
  p->callback([&] { chosen = [&] { run_prep(prep); }; });

  auto* s = app.add_subcommand("split", "deal subjects to a test part and folds");
  s->add_option("manifest", split.manifest, "manifest.csv of prepared crops")->required();
  s->add_option("-o,--output", split.output, "JSON to write")->required();
  add_split_options(s, split.options);
  s->footer("Example: vitrine split prep/manifest.csv -o splits.json --folds 5");
  s->callback([&] { chosen = [&] { run_split(split); }; });
}

void add_training_commands(CLI::App& app, CvCommand& cv, CvCommand& train, int& fold, std::function<void()>& chosen) {
  const auto common = [](CLI::App* sub, CvCommand& c) {
    sub->add_option("manifest", c.manifest, "manifest.csv of prepared crops")->required();
    sub->add_option("--splits", c.splits, "JSON made by `vitrine split`")->required();
    sub->add_option("-o,--output", c.output, "folder of the run")->required();
    sub->add_option("--inputs", c.options.inputs, "t1c, flair, t2 or t1c+flair+t2")->capture_default_str();
    sub->add_flag("-q,--quiet", c.quiet, "no progress lines");
    add_train_options(sub, c.options);
    add_training_device_options(sub, c.device);
  };
  auto* t = app.add_subcommand("train", "train one fold");
  common(t, train);
  t->add_option("--fold", fold, "from 0")->capture_default_str();
  t->footer("Example: vitrine train prep/manifest.csv --splits splits.json --fold 0 -o runs/all --epochs 100");
  t->callback([&] {
    train.fold = fold;
    chosen = [&] { run_cv(train); };
  });
  auto* c = app.add_subcommand("cv", "train and evaluate all folds");
  common(c, cv);
  c->add_option("--jobs", cv.jobs, "folds at a time, each on the next of --devices")->capture_default_str();
  c->footer("Example: vitrine cv prep/manifest.csv --splits splits.json -o runs/all --inputs t1c+flair+t2");
  c->callback([&] { chosen = [&] { run_cv(cv); }; });
}

void add_study_commands(CLI::App& app, StudyCommand& study, DemoCommand& demo, ReportCommand& report,
                        std::function<void()>& chosen) {
  auto* s = app.add_subcommand("study", "the whole study: prep, split, cross-validation over four inputs, report");
  s->add_option("cohort", study.cohort, "CSV: subject_id, label, t1c, flair, t2, mask [, brain_mask]")->required();
  s->add_option("-o,--output", study.output, "folder to write; finished stages in it are kept")->required();
  s->add_option("--jobs", study.jobs, "subjects at a time in prep")->capture_default_str();
  s->add_flag("-q,--quiet", study.quiet, "no progress lines");
  add_split_options(s, study.split);
  add_train_options(s, study.options);
  add_training_device_options(s, study.device);
  s->footer("Example: vitrine study cohort/cohort.csv -o out --weights efficientnet_b0.pth --epochs 100");
  s->callback([&] { chosen = [&] { run_study(study); }; });

  auto* d = app.add_subcommand("demo", "simulate 12 patients and run the study on them with a shortened schedule");
  d->add_option("-o,--output", demo.output, "folder to write")->capture_default_str();
  d->add_option("--weights", demo.weights,
                "checkpoint to start from; default: weights/files/efficientnet_lite0.pth if it was fetched");
  d->add_flag("-q,--quiet", demo.quiet, "no progress lines");
  d->footer("Example: vitrine demo -o demo");
  d->callback([&] { chosen = [&] { run_demo(demo); }; });

  auto* r = app.add_subcommand("report", "one HTML file from a study's or a run's folder");
  r->add_option("run", report.run, "folder of `vitrine study` or `vitrine cv`")->required();
  r->add_option("-o,--output", report.output, "HTML to write")->required();
  r->footer("Example: vitrine report out -o report.html");
  r->callback([&] { chosen = [&] { run_report(report); }; });
}

void add_bench_commands(CLI::App& app, BenchCommand& bench, BenchExperimentCommand& experiment, std::function<void()>& chosen) {
  auto* b = app.add_subcommand("bench", "how fast this build is on this machine");
  b->require_subcommand(1);
  b->fallthrough();
  const auto add = [&](const char* name, const char* about, void (*run)(const BenchCommand&)) {
    auto* sub = b->add_subcommand(name, about)->fallthrough();  // so that --threads may stand last
    sub->add_option("--arch", bench.arch, "b0 to b7, lite0 to lite4")->capture_default_str();
    sub->add_option("--batch", bench.batch, "images at a time")->capture_default_str();
    sub->add_option("--size", bench.size, "rows and columns of an image")->capture_default_str();
    sub->add_option("--seconds", bench.seconds, "how long to measure")->check(CLI::Range(0.0, 3600.0))->capture_default_str();
    sub->add_flag("--json", bench.json, "as one line of JSON");
    add_device_options(sub, bench.device);
    sub->footer(std::string("Example: vitrine --threads 2 bench ") + name + " --arch b0 --batch 16 --size 64");
    sub->callback([&bench, &chosen, run] { chosen = [&bench, run] { run(bench); }; });
  };
  add("infer", "images through the network", run_bench_infer);
  add("train", "training steps: forward, loss, backward, Adam", run_bench_train);
  add("kernels", "every kernel on every layer shape of the network", run_bench_kernels);
  auto* e = b->add_subcommand("experiment", "the paper's whole experiment in its size, on drawn crops")->fallthrough();
  e->add_option("--arch", experiment.arch, "b0 to b7, lite0 to lite4")->capture_default_str();
  e->add_option("--epochs", experiment.epochs, "of each of the 20 trainings")->capture_default_str();
  e->add_option("--folder", experiment.folder, "for crops and runs: made, and removed at the end")->capture_default_str();
  e->add_flag("--json", experiment.json, "as one line of JSON");
  add_training_device_options(e, experiment.device);
  e->footer("Example: vitrine bench experiment --device cuda");
  e->callback([&experiment, &chosen] { chosen = [&experiment] { run_bench_experiment(experiment); }; });
}

// One line on standard error, whatever the message holds.
int refuse(ExitCode code, std::string_view message) {
  constexpr std::string_view kName = "vitrine: ";
  std::fprintf(stderr, "%s%s\n", kName.data(), one_line(message, kMostOfALine - kName.size() - 1).c_str());
  return static_cast<int>(code);
}

constexpr const char* kAbout =
    "Vitrine: a deep-learning toolkit behind glass. EfficientNets without a framework, and one complete study.";

void run(int argc, char** argv) {
  CLI::App app{kAbout, "vitrine"};
  app.require_subcommand(1);
  app.fallthrough();  // inherited: options of the program may stand anywhere
  app.set_version_flag("--version", text("vitrine ", version()));
  app.set_help_all_flag("--help-all", "help of every subcommand");
  int threads = 0;
  app.add_option("--threads", threads, "threads; results do not depend on it (default: VITRINE_THREADS or all processors)")
      ->check(CLI::Range(1, 1024));
  app.footer(
      "Exit codes: 0 ok, 1 runtime, 2 usage, 3 data refused, 4 weights refused, 5 numerical failure, 130 interrupted (Ctrl-C; "
      "143 by\n"
      "SIGTERM, 129 by SIGHUP).\n"
      "Example: vitrine demo -o demo");
  std::function<void()> chosen;
  CheckpointCommands checkpoints;
  SimulateCommand simulate;
  PrepCommand prep;
  SplitCommand split;
  CvCommand cv, train;
  StudyCommand study;
  DemoCommand demo;
  ReportCommand report;
  AuditParityCommand parity;
  BenchCommand bench;
  BenchExperimentCommand experiment;
  DoctorCommand doctor;
  int fold = 0;
  add_study_commands(app, study, demo, report, chosen);
  add_data_commands(app, simulate, prep, split, chosen);
  add_training_commands(app, cv, train, fold, chosen);
  add_checkpoint_commands(app, checkpoints, chosen);
  auto* audit = app.add_subcommand("audit", "check the numbers of this build");
  audit->require_subcommand(1);
  auto* p = audit->add_subcommand("parity", "every case of a reference folder against its float64 truth");
  p->add_option("folder", parity.folder, "folder with models/, ops/, training/, checkpoints/, metrics.json, schedules.json")
      ->required();
  p->add_flag("--json", parity.json, "as JSON");
  p->footer("Exit code 0: every case is within its limit; 1: not.\nExample: vitrine audit parity tests/golden");
  p->callback([&] { chosen = [&] { run_audit_parity(parity); }; });
  add_bench_commands(app, bench, experiment, chosen);
  auto* d = app.add_subcommand("doctor", "what was built in, and what this machine has");
  d->add_flag("--self-test", doctor.self_test,
              "also compute every op of the CUDA back end and compare it with the CPU's: seconds");
  d->footer("Example: vitrine doctor");
  d->callback([&] { chosen = [&] { run_doctor(doctor); }; });
  read_numbers_as_decimal(app);
  if (const std::string help = asked_help(app, argc, argv); !help.empty()) return write_standard_output(help);
  check_words(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success))
      throw UsageError(text(error.what(), "; see `", help_command(app), "`"));
    app.exit(error);  // prints help or version
    return;
  }
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
  } catch (const vitrine::Error& error) {
    return vitrine::cli::refuse(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "vitrine: %s\n", vitrine::kOutOfMemory);
  } catch (const std::exception& error) {
    return vitrine::cli::refuse(ExitCode::runtime, vitrine::cli::explained(error));
  }
  return static_cast<int>(ExitCode::runtime);
}
