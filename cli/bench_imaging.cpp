#include "cli/bench_imaging.h"

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "imaging/bench/our_steps.h"
#include "imaging/bench/scores.h"
#include "imaging/formats/read_volume.h"
#include "imaging/steps/mask.h"
#include "tensor/parallel.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;
using namespace imaging;

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr const char* kHead = "/usr/share/mricron/templates/ch2.nii.gz";  // Debian's mricron-data
constexpr const char* kHeadBrain = "/usr/share/mricron/templates/ch2bet.nii.gz";

// One thread while this lives.
class ThreadCount {
 public:
  explicit ThreadCount(int n) : before_(thread_count()) { set_thread_count(n); }
  ~ThreadCount() { set_thread_count(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// A folder of its own that goes with it.
struct Scratch {
  fs::path folder = fs::temp_directory_path() / text("vitrine-bench-imaging-", ::getpid());
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
};

// The time is the processor's: other programs on the machine do not count.
void measure_patient(const BenchCase& c, const fs::path& folder, Whole& whole) {
  keep_bench_case(folder, c);
  const auto run = [&](int threads) {
    const ThreadCount chosen(threads);
    return our_patient(folder);
  };
  const double start = processor_seconds();
  const std::string first = run(1);
  whole.seconds = processor_seconds() - start;
  whole.same_bits = run(1) == first && run(3) == first;
}

double dice_of_installed_head(const HeadTemplate* head) {
  if (!path_exists(kHead) || !path_exists(kHeadBrain)) return -1;
  Mask truth = read_volume(kHeadBrain).volume;
  for (float& v : truth.data) v = v > 0 ? 1.0f : 0.0f;
  try {
    return dice(our_brain(read_volume(kHead).volume, Series::t1c, head), truth);
  } catch (const DataError&) {
    return 0;
  }
}

std::vector<double> numbers_in(const Json& json) {
  std::vector<double> out;
  for (const Json& v : json) out.push_back(v.get<double>());
  return out;
}

// Every OUT/peers/*.json, as bench/imaging/peers.py writes them.
std::vector<PeerColumn> peers_in(const fs::path& folder) {
  std::vector<PeerColumn> peers;
  if (folder.empty() || !is_folder(folder / "peers")) return peers;
  for (const fs::path& file : entries_of(folder / "peers")) {
    if (file.extension() != ".json") continue;
    try {
      const Json json = parse_json(read_file(file, kMaxJson));
      PeerColumn peer{text_in(json, "name"), {}};
      for (const auto& [key, values] : member(json, "figures").items()) peer.values.emplace_back(key, numbers_in(values));
      peers.push_back(std::move(peer));
    } catch (const std::runtime_error& error) {
      throw DataError(text(file, ": ", error.what(), "; run bench/imaging/peers.py again"));
    }
  }
  return peers;
}

std::vector<Figure> read_figures(const fs::path& file) {
  std::vector<Figure> figures;
  try {
    for (const Json& f : member(parse_json(read_file(file, kMaxJson)), "figures")) {
      figures.push_back({text_in(f, "key"), text_in(f, "name"), static_cast<int>(integer_in(f, "digits", 0, 9)),
                         numbers_in(member(f, "values")), numbers_in(member(f, "must")),
                         member(f, "larger_is_better").get<bool>()});
    }
  } catch (const FileError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw DataError(text(file, ": ", error.what(), "; measure again, without --again"));
  }
  return figures;
}

std::vector<Figure> measure(const BenchImagingCommand& command, const fs::path& out) {
  Progress progress(command.progress);
  const Anatomy anatomy = load_anatomy(command.anatomy, command.quick ? 2 : 1);
  std::optional<HeadTemplate> head;
  if (!command.head.empty()) head = head_template_file(command.head);
  const HeadTemplate* chosen = head ? &*head : nullptr;
  std::vector<CaseScores> scores;
  Whole whole;
  for (int n = 0; n < command.cases; ++n) {
    const BenchCase c = make_bench_case(anatomy, n, command.quick);
    if (command.keep) keep_bench_case(out / "cases" / c.name, c);
    scores.push_back(score_case(c, chosen));
    const CaseScores& s = scores.back();
    progress.line(text("bench  ", n + 1, "/", command.cases, "  ", c.sequence, ", bias ", 100 * c.bias, " %, neck ", c.neck_mm,
                       " mm: TRE ", fixed(s.tre[0], 2), " ", fixed(s.tre[1], 2), ", far ", fixed(s.far_tre[0], 2), " ",
                       fixed(s.far_tre[1], 2), " mm, Dice ", fixed(s.dice, 3), " ", fixed(s.dice_flair, 3), " ",
                       fixed(s.dice_t2, 3), ", field r ", fixed(s.field.correlation, 2)),
                  {.event = "item", .done = n + 1, .total = command.cases});
    for (const std::string& refusal : s.refused) progress.warn(text(c.name, ": ", refusal));
    if (n > 0) continue;
    try {
      const Scratch scratch;
      measure_patient(c, scratch.folder, whole);
    } catch (const DataError& error) {
      progress.warn(text(c.name, ": the patient as a whole: ", error.what()));
    }
  }
  whole.ch2_dice = command.quick ? -1 : dice_of_installed_head(chosen);
  std::vector<Figure> figures = figures_of(scores, whole);
  std::printf("anatomy %s, %d heads%s\n", anatomy.name.c_str(), command.cases,
              command.quick ? ", 2 mm (--quick): no figure to compare" : "");
  if (!out.empty()) write_file(out / "scores.json", json_text(figures_json(figures, scores, anatomy.name)));
  return figures;
}

}  // namespace

void run_bench_imaging(const BenchImagingCommand& command) {
  const fs::path out = command.output;
  if (command.cases < 1 || command.cases > 1000) throw UsageError(text("--cases is ", command.cases, ", expected 1 to 1000"));
  if (out.empty() && (command.keep || command.again)) throw UsageError("--keep and --again need a folder; give one with -o");
  if (!out.empty()) {
    check_output_folder(command.output, {command.anatomy, command.head}, {"scores.json", "cases"});
    make_directory(out);
  }
  const std::vector<Figure> figures = command.again ? read_figures(out / "scores.json") : measure(command, out);
  std::printf("%s", figures_table(figures, peers_in(out), command.markdown).c_str());
  int missed = 0;
  for (const Figure& f : figures) missed += f.values.empty() || f.is_met() ? 0 : 1;
  if (command.check && missed > 0)
    throw Error(ExitCode::runtime, text(missed, missed == 1 ? " figure misses" : " figures miss", " what it must reach"));
}

}  // namespace vitrine::cli
