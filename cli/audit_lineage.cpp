#include "cli/audit_lineage.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <future>
#include <memory>
#include <set>

#include "audit/identity.h"
#include "audit/re_execution.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/number.h"
#include "cli/command.h"
#include "data/dataset.h"
#include "train/choice.h"
#include "train/run_source.h"

namespace vitrine::cli {
namespace {

constexpr std::size_t kMostLeakLines = 50;

std::string matrix_text(const View& view) {
  std::string out;
  const Affine& m = view.affine;
  if (!m.identity) {
    out = text("[", fixed(m.a, 6), " ", fixed(m.b, 6), "; ", fixed(m.c, 6), " ", fixed(m.d, 6), "] (y, x) + (", fixed(m.ty, 6),
               ", ", fixed(m.tx, 6), ")", m.warped ? text(", over ", m.py, " y + ", m.px, " x + ", m.p) : std::string(),
               " about the centre");
  }
  if (!view.light.identity)
    out += text(out.empty() ? "" : "; ", "lighting (v ", view.light.shift < 0 ? "- " : "+ ",
                fixed(std::abs(view.light.shift), 6), ") * ", fixed(view.light.scale, 6), " in logits");
  return out.empty() ? "the crop as it is" : out;
}

Json view_json(const View& view) {
  const Affine& m = view.affine;
  Json json = Json::object();
  json["affine"] = m.identity ? Json() : Json{{"a", m.a},   {"b", m.b},   {"c", m.c},   {"d", m.d}, {"ty", m.ty},
                                              {"tx", m.tx}, {"py", m.py}, {"px", m.px}, {"p", m.p}};
  json["lighting"] = view.light.identity ? Json() : Json{{"shift", view.light.shift}, {"scale", view.light.scale}};
  return json;
}

Json use_json(const PixelUse& use, const UseOrigin& origin) {
  Json json{{"slot", use.slot},
            {"sample_id", use.sample.sample_id},
            {"subject_id", use.sample.subject_id},
            {"crop", use.sample.file},
            {"crop_sha256", use.sample.sha256},
            {"share", use.share},
            {"share_bits", bits_text(use.share)}};
  json.update(view_json(use.view));
  json["pixels"] = Json::array();
  for (const ImagePixel& p : use.pixels)
    json["pixels"].push_back({{"y", p.y}, {"x", p.x}, {"weight", p.weight}, {"is_mean_of_outside", p.is_mean}});
  json["crop_pixels"] = Json::array();
  for (std::size_t n = 0; n < use.crop_pixels.size(); ++n) {
    json["crop_pixels"].push_back({{"y", use.crop_pixels[n][0]},
                                   {"x", use.crop_pixels[n][1]},
                                   {"value", origin.values[n]},
                                   {"bits", bits_text(origin.values[n])}});
  }
  if (!origin.ends_at_crop.empty()) json["ends_at_crop"] = origin.ends_at_crop;
  json.update(origin.json);
  return json;
}

void print_use(char name, const PixelUse& use, const UseOrigin& origin) {
  std::printf("%c  slot %zu: %s, %s\n", name, use.slot, printable(use.sample.sample_id).c_str(),
              printable(use.sample.file).c_str());
  std::printf("   view    %s\n", matrix_text(use.view).c_str());
  for (const ImagePixel& p : use.pixels) {
    std::string value;
    for (std::size_t n = 0; n < use.crop_pixels.size() && !p.is_mean; ++n) {
      if (use.crop_pixels[n][0] == p.y && use.crop_pixels[n][1] == p.x)
        value = text("  value ", shortest(origin.values[n]), " ", bits_text(origin.values[n]));
    }
    if (p.is_mean) value = text("  the mean of ", use.crop_pixels.size(), " pixels outside the disc (control background)");
    std::printf("   pixel   y %lld, x %lld  weight %s%s\n", static_cast<long long>(p.y), static_cast<long long>(p.x),
                text(p.weight).c_str(), value.c_str());
  }
  if (!origin.ends_at_crop.empty()) std::printf("   %s\n", origin.ends_at_crop.c_str());
  for (const std::string& line : origin.lines) std::printf("   %s\n", line.c_str());
}

// Why the pixel is not what was trained on; empty when all is as it was.
std::string difference(const PixelLineage& pixel, const std::vector<UseOrigin>& origins,
                       const std::vector<std::vector<float>>& in_file, float rebuilt) {
  const auto same = [](float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); };
  const std::string ends = text("the pixel is rebuilt as ", bits_text(rebuilt), ", trained on was ", bits_text(pixel.trained));
  for (const UseOrigin& o : origins) {
    if (!o.changed.empty())
      return text(o.changed, "; ", ends, "; restore the file, or run `vitrine mri prep` again and train anew");
  }
  for (std::size_t u = 0; u < origins.size(); ++u) {
    for (std::size_t n = 0; n < in_file[u].size(); ++n) {
      const PixelUse& use = pixel.uses[u];
      if (!same(in_file[u][n], origins[u].values[n]))
        return text("pixel (", use.crop_pixels[n][0], ", ", use.crop_pixels[n][1], ") of ", use.sample.file, " is ",
                    bits_text(in_file[u][n]), ", rebuilt from ", origins[u].file, " ", bits_text(origins[u].values[n]), "; ",
                    ends, "; this is a fault of the program or of this machine: keep both files");
    }
  }
  return same(rebuilt, pixel.trained) ? std::string() : text(ends, "; this is a fault of the program: keep the run's folder");
}

void print_pixel(const LineageRun& run, const LineageBatch& batch, const PixelLineage& p,
                 const std::vector<UseOrigin>& origins) {
  std::printf("%s  fold %d, step %lld (epoch %d, its step %lld of %lld), slot %zu, pixel c %lld, y %lld, x %lld: %s\n",
              shown(run.folder).c_str(), run.fold, static_cast<long long>(batch.step), batch.epoch,
              static_cast<long long>(batch.step_of_epoch), static_cast<long long>(run.steps_per_epoch), p.slot,
              static_cast<long long>(p.c), static_cast<long long>(p.y), static_cast<long long>(p.x),
              channel_title(p.channel).c_str());
  std::string sum = "A";
  if (p.uses.size() > 1) sum = text(shortest(p.uses[0].share), " * A + ", shortest(p.uses[1].share), " * B (mixup), each");
  std::printf("input = %s (view - %s) / %s\n", sum == "A" ? "A:" : sum.c_str(), shortest(p.mean).c_str(),
              shortest(p.deviation).c_str());
  for (std::size_t u = 0; u < origins.size(); ++u) print_use(static_cast<char>('A' + u), p.uses[u], origins[u]);
}

// Was the batch that is made again the one that the audit of the fold, where it has one, recorded? False where it has none. DataError where it was another.
bool is_as_recorded(const LineageRun& run, std::int64_t step, const Hash128& images) {
  const std::filesystem::path folder = audit::audit_folder(run.folder / text("fold_", run.fold));
  if (!path_exists(folder / "run.json")) return false;
  Hash128 then;
  try {
    then = audit::recorded_step(folder, step).line.images;
  } catch (const UsageError&) {
    return false;  // the step is not made yet
  }
  if (then != images)
    throw DataError(text(
        folder, ": the images of step ", step, " had the hash ", hex(then), ", made again they have ", hex(images),
        "; the run was trained on other crops or by another program, or its audit was changed: `vitrine audit verify` tells"));
  return true;
}

void run_pixel(const LineageCommand& c) {
  if (!c.step) throw UsageError("--pixel is a pixel of one step's batch; pass --step");
  const std::vector<std::int64_t> at = numbers_of(c.pixel, "--pixel", "c,y,x", 3);
  const LineageRun run = read_lineage_run(c.run, c.fold);
  const LineageBatch batch = batch_of_step(run, *c.step);
  const PixelLineage pixel = trace_pixel(run, batch, c.slot, at[0], at[1], at[2]);
  const bool recorded = is_as_recorded(run, batch.step, pixel.batch);
  std::vector<UseOrigin> origins;
  std::vector<std::vector<float>> values, in_file;
  std::vector<std::future<UseOrigin>> reading;  // two samples' files at a time; one after the other where there are no threads
  for (const PixelUse& use : pixel.uses)
    reading.push_back(std::async([&run, &use, &pixel] { return volume_origin(run.manifest, use, pixel.channel); }));
  for (std::size_t u = 0; u < pixel.uses.size(); ++u) {
    in_file.push_back(crop_values(run, pixel.uses[u], pixel.channel));
    origins.push_back(reading[u].get());
    if (!origins.back().ends_at_crop.empty()) origins.back().values = in_file.back();
    values.push_back(origins.back().values);
  }
  const float rebuilt = rebuilt_pixel(run, batch, pixel, values);
  const std::string flaw = difference(pixel, origins, in_file, rebuilt);
  if (c.json) {
    Json json{{"run", shown(run.folder)},
              {"fold", run.fold},
              {"step", batch.step},
              {"epoch", batch.epoch},
              {"in_epoch", batch.step_of_epoch},
              {"slot", pixel.slot},
              {"c", pixel.c},
              {"y", pixel.y},
              {"x", pixel.x},
              {"channel", pixel.channel},
              {"mean", pixel.mean},
              {"deviation", pixel.deviation}};
    json["uses"] = Json::array();
    for (std::size_t u = 0; u < origins.size(); ++u) json["uses"].push_back(use_json(pixel.uses[u], origins[u]));
    json["rebuilt"] = bits_text(rebuilt);
    json["trained"] = bits_text(pixel.trained);
    json["equal"] = flaw.empty();
    json["recorded"] = recorded;
    std::printf("%s", json_text(json).c_str());
  } else {
    print_pixel(run, batch, pixel, origins);
    if (flaw.empty())
      std::printf("rebuilt %s, trained on %s: equal%s\n", bits_text(rebuilt).c_str(), bits_text(pixel.trained).c_str(),
                  recorded ? "; the batch has the hash that the audit recorded" : "");
  }
  if (!flaw.empty()) throw Error(ExitCode::runtime, flaw);
}

void run_lineage(const LineageCommand& c) {
  if (c.pixel.empty() == c.voxel.empty())
    throw UsageError("name either a pixel (--pixel c,y,x) or a voxel (--voxel FILE,i,j,k)");
  c.voxel.empty() ? run_pixel(c) : run_audit_voxel(c);
}

// "subject 12, crop file 69, pixels 207": how many different ones.
std::string counted(const std::vector<Fingerprint>& prints) {
  std::vector<std::pair<std::string, std::set<std::string>>> kinds;
  for (const Fingerprint& p : prints) {
    auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.first == p.kind; });
    if (known == kinds.end()) known = kinds.insert(kinds.end(), {p.kind, {}});
    known->second.insert(p.value);
  }
  std::string words;
  for (const auto& [kind, values] : kinds) words += text(words.empty() ? "" : ", ", kind, " ", values.size());
  return words;
}

struct LeaksCommand {
  std::string run;
  bool json = false;
};

void run_leaks(const LeaksCommand& c) {
  const RunData data = read_run_data(c.run);
  const bool nested = is_nested(deciding_options(c.run).select);
  std::vector<Fingerprint> prints = crop_fingerprints(data.manifest);
  std::string left_out;
  for (Fingerprint& p : volume_fingerprints(data.manifest, left_out)) prints.push_back(std::move(p));
  const std::vector<Leak> leaks = find_leaks(data.splits, nested, prints);
  if (c.json) {
    Json json{{"compared", prints.size()}, {"left_out", left_out}};
    json["leaks"] = Json::array();
    for (const Leak& l : leaks) {
      const auto place = [](const Leak::Place& p) {
        return Json{{"part", p.part}, {"subject_id", p.subject_id}, {"name", p.name}};
      };
      json["leaks"].push_back({{"fold", l.fold}, {"kind", l.kind}, {"first", place(l.first)}, {"second", place(l.second)}});
    }
    std::printf("%s", json_text(json).c_str());
  } else {
    for (std::size_t n = 0; n < std::min(leaks.size(), kMostLeakLines); ++n) std::printf("%s\n", text_of(leaks[n]).c_str());
    if (!left_out.empty()) std::printf("%s\n", left_out.c_str());
    if (leaks.empty())
      std::printf("%zu folds: nothing lies in two parts; compared: %s\n", data.splits.folds.size(), counted(prints).c_str());
  }
  if (!leaks.empty())
    throw DataError(text(c.run, ": ", leaks.size(), leaks.size() == 1 ? " leak" : " leaks", " between parts, the first: ",
                         text_of(leaks.front()), "; repair the cohort, split it again and train anew"));
}

}  // namespace

std::vector<std::int64_t> numbers_of(const std::string& words, const char* option, const char* expected, std::size_t count) {
  std::vector<std::int64_t> numbers;
  for (const std::string& word : split_at(words, ',')) {
    std::int64_t number = 0;
    if (!parse_number(word, number)) break;
    numbers.push_back(number);
  }
  if (numbers.size() != count || split_at(words, ',').size() != count)
    throw UsageError(text(option, " is '", printable(words, 60), "', expected ", expected, ", whole numbers"));
  return numbers;
}

void add_audit_lineage(Command audit, Chosen& chosen) {
  const auto lineage = std::make_shared<LineageCommand>();
  const auto l =
      audit.add_subcommand("lineage", "from a pixel of a training batch to the voxels of the files, bit for bit, and back");
  l.add_option("run", lineage->run, "folder of `vitrine cv`, `train` or of a study's run").required();
  l.add_option("--fold", lineage->fold, "from 0").capture_default_str();
  l.add_option("--step", lineage->step, "of training, from 0, counted over all epochs of the fold");
  l.add_option("--slot", lineage->slot, "place in the batch, from 0").capture_default_str();
  l.add_option("--pixel", lineage->pixel, "c,y,x of the network's input, each from 0");
  l.add_option("--voxel", lineage->voxel,
               "FILE,i,j,k as the file stores it: the pixels that it touches; with --step, of that batch");
  l.add_flag("--json", lineage->json, "as JSON, with every number in full");
  l.footer(
      "Exit code 0: the pixel rebuilt from the files has the bits that were trained on; 1: not.\n"
      "Example: vitrine audit lineage runs/all --step 40 --slot 3 --pixel 0,31,30");
  l.callback([=, &chosen] { chosen = [=] { run_lineage(*lineage); }; });
  const auto leaks = std::make_shared<LeaksCommand>();
  const auto k = audit.add_subcommand("leaks", "subjects, files, pixels or volumes that lie in two parts of a fold");
  k.add_option("run", leaks->run, "folder of `vitrine cv`, `train` or of a study's run").required();
  k.add_flag("--json", leaks->json, "as JSON");
  k.footer("Exit code 0: there is none; 3: there is.\nExample: vitrine audit leaks runs/all");
  k.callback([=, &chosen] { chosen = [=] { run_leaks(*leaks); }; });
}

}  // namespace vitrine::cli
