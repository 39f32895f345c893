#include "imaging/qc_folder.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/names.h"
#include "base/sha256.h"
#include "imaging/preview.h"
#include "imaging/qc_figures.h"
#include "imaging/steps/agreement.h"
#include "imaging/subject_record.h"
#include "report/qc_order.h"
#include "tensor/tensor.h"
#include "weights/safetensors.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostJson = std::uint64_t{16} << 20, kMostPicture = std::uint64_t{8} << 20,
                        kMostCrop = std::uint64_t{64} << 20;
constexpr int kMostPictures = 64;  // of a subject
constexpr int kMostSide = 512;     // of a crop
constexpr std::size_t kMostNamed = 5;

// A subject's record, or why there is none.
QcEntry entry_of(const fs::path& prep, const std::string& id, const std::string& label) {
  QcEntry entry;
  entry.id = id;
  entry.label = label;
  const fs::path path = prep / "subjects" / (id + ".json");
  try {
    Json record = parse_sealed_json(read_file(path, kMostJson));
    if (text_in(record, "subject_id") != id) throw std::runtime_error("it is the record of another subject");
    entry.record = std::move(record);
  } catch (const FileError& error) {
    entry.refused = error.what();
  } catch (const std::runtime_error& error) {
    entry.refused = text("its record ", path, " cannot be trusted: ", error.what(), "; prepare the cohort again");
  }
  return entry;
}

struct Counted {
  std::int64_t subjects = 0;
};

Counted add_refused(const fs::path& prep, QcFolder& folder) {
  const fs::path path = prep / "prep.json";
  if (const std::string flaw = path_flaw(path); !flaw.empty())
    throw DataError(
        text(path, " ", flaw, ": ", prep, " is no folder of a finished preparation; make one with vitrine mri prep"));
  try {
    const Json summary = parse_json(as<DataError>([&] { return read_file(path, kMostJson); }));
    for (const Json& item : member(summary, "refused")) {
      QcEntry entry;
      entry.id = text_in(item, "subject_id");
      entry.refused = text_in(item, "reason");
      folder.subjects.push_back(std::move(entry));
    }
    return {integer_in(summary, "subjects", 0, 1'000'000)};
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), ", expected the summary of vitrine mri prep; prepare the cohort again"));
  }
}

// "a, b, c and 4 more".
std::string some_names(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) out += (i > 0 ? ", " : "") + printable(names[i]);
  return names.size() > kMostNamed ? text(out, " and ", names.size() - kMostNamed, " more") : out;
}

// Records that an earlier preparation of another table left.
void note_other_records(const fs::path& prep, QcFolder& folder) {
  std::set<std::string> known;
  for (const QcEntry& e : folder.subjects) known.insert(e.id);
  std::vector<std::string> others;
  for (const fs::path& p : entries_of(prep / "subjects")) {
    if (p.extension() == ".json" && !known.contains(p.stem().string())) others.push_back(p.stem().string());
  }
  if (others.empty()) return;
  std::sort(others.begin(), others.end());
  folder.lines.push_back(text("Left out, since manifest.csv does not name them: ", some_names(others), "."));
}

// One subject's files, each compared with the hash in its record.
class SubjectFiles {
 public:
  SubjectFiles(const QcEntry& entry, const fs::path& prep, const QcPageOptions& options, report::QcSubject& subject)
      : entry_(entry), prep_(prep), options_(options), subject_(subject) {}

  void add_pictures() {
    const auto pictures = entry_.record->find("pictures");
    if (pictures == entry_.record->end() || !pictures->is_array()) return;
    int count = 0;
    for (const Json& item : *pictures) {
      check_interrupt("quality control");
      if (++count > kMostPictures) return;
      try {
        add_picture(item);
      } catch (const FileError& error) {
        flaw(error.what());
      } catch (const std::runtime_error& error) {
        flaw(text("a picture cannot be shown: ", error.what()));
      }
    }
  }

  void add_crops() {
    const auto samples = entry_.record->find("samples");
    if (samples == entry_.record->end() || !samples->is_array()) return;
    for (const Json& item : *samples) {
      check_interrupt("quality control");
      try {
        add_crop(item);
      } catch (const Interrupted&) {
        throw;
      } catch (const Error& error) {
        flaw(error.what());
      } catch (const std::runtime_error& error) {
        flaw(text("a crop cannot be shown: ", error.what()));
      }
    }
  }

 private:
  void flaw(const std::string& what) {
    if (options_.refuse_damage) throw DataError(what);
    subject_.notes.push_back({true, what});
  }

  std::string link(const std::string& file) const {
    return fs::absolute(prep_ / file)
        .lexically_normal()
        .lexically_proximate(fs::absolute(options_.page_folder).lexically_normal())
        .generic_string();
  }

  // The bytes of a file of the folder, if they are those that were written.
  std::string checked(const std::string& file, const std::string& hash, std::uint64_t most) const {
    std::string bytes = read_file(prep_ / file, most);
    if (sha256(bytes) != hash)
      throw std::runtime_error(text(prep_ / file, " was changed or damaged; prepare the cohort again"));
    return bytes;
  }

  void add_picture(const Json& item) {
    const std::string name = text_in(item, "name");
    const bool is_name = !name.empty() && name.size() <= 64 &&
                         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
    if (!is_name) throw std::runtime_error(text("'", printable(name), "' is no name of a picture"));
    report::QcPicture picture;
    picture.caption = printable(text_in(item, "caption"), 400);
    const std::string file = "qc/" + entry_.id + "/" + name + ".png";
    picture.file = link(file);
    picture.png = checked(file, text_in(item, "sha256"), kMostPicture);
    const auto number_at = [&](std::size_t at) {
      std::uint32_t v = 0;
      for (std::size_t i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(picture.png[at + i]);
      return v;
    };
    if (picture.png.size() < 24 || !picture.png.starts_with("\x89PNG\r\n\x1a\n") || number_at(16) > 16384 ||
        number_at(20) > 16384)
      throw std::runtime_error(text(prep_ / file, " is no picture"));
    picture.width = static_cast<int>(number_at(16));
    picture.height = static_cast<int>(number_at(20));
    if (!options_.embed) picture.png.clear();
    subject_.pictures.push_back(std::move(picture));
  }

  void add_crop(const Json& item) {
    const Sample sample = named_sample(entry_.id, entry_.label, static_cast<int>(integer_in(item, "lesion_id", 1, 65535)),
                                       static_cast<int>(integer_in(item, "slice", 0, 4096)));
    report::QcCrop crop;
    crop.caption = text("lesion ", sample.lesion_id, ", slice ", sample.slice, ", ",
                        fixed(number_in(item, "side_mm", 0, 1e6), 1), " mm wide");
    crop.file = link(sample.preview);
    if (!options_.embed) {
      checked(sample.preview, text_in(item, "preview_sha256"), kMostPicture);
      subject_.crops.push_back(std::move(crop));
      return;
    }
    Manifest manifest;
    manifest.path = prep_ / "manifest.csv";
    Sample whole = sample;
    whole.sha256 = text_in(item, "sha256");
    crop.panels = qc_panels(load_crop(manifest, whole));
    subject_.crops.push_back(std::move(crop));
  }

  const QcEntry& entry_;
  const fs::path& prep_;
  const QcPageOptions& options_;
  report::QcSubject& subject_;
};

void add_notes(const Json& record, report::QcSubject& subject) {
  for (const char* key : {"notes", "cohort_notes"}) {
    const auto list = record.find(key);
    if (list == record.end() || !list->is_array()) continue;
    for (const Json& item : *list) {
      if (!item.is_object() || item.size() != 1 || !item.front().is_string()) continue;
      subject.notes.push_back({item.begin().key() == "warning", one_line(item.front().get_ref<const std::string&>(), 2000)});
    }
  }
}

report::QcSubject subject_of(const QcEntry& entry, const fs::path& prep, const QcPageOptions& options) {
  report::QcSubject s;
  s.id = entry.id;
  s.label = entry.label;
  s.refused = entry.refused;
  if (!entry.refused.empty() || !entry.record) return s;
  add_notes(*entry.record, s);
  s.facts = facts_of(*entry.record, entry.files);
  SubjectFiles files(entry, prep, options, s);
  files.add_pictures();
  files.add_crops();
  return s;
}

}  // namespace

QcFolder read_qc_folder(const fs::path& prep) {
  if (!is_folder(prep)) throw DataError(text(prep, " is no folder; name the folder that vitrine mri prep has written"));
  QcFolder folder;
  const Counted counted = add_refused(prep, folder);
  const std::size_t refused = folder.subjects.size();
  const fs::path manifest = prep / "manifest.csv";
  if (path_exists(manifest)) {
    const CsvTable table = read_csv(manifest);
    const std::size_t ids = table.column("subject_id"), labels = table.column("label");
    std::set<std::string> seen;
    for (std::size_t row = 0; row < table.size(); ++row) {
      check_interrupt("quality control");
      const std::string id = table[row].name(ids, identifier_flaw);
      if (seen.insert(id).second) folder.subjects.push_back(entry_of(prep, id, table[row].name(labels, label_flaw)));
    }
  }
  const std::size_t prepared = folder.subjects.size() - refused;
  if (static_cast<std::int64_t>(prepared) != counted.subjects)
    throw DataError(
        text(manifest, " names ", prepared, " subjects, prep.json ", counted.subjects, ": prepare the cohort again"));
  note_other_records(prep, folder);
  return folder;
}

report::QcPage qc_page_of(const QcFolder& folder, const fs::path& prep, const QcPageOptions& options) {
  report::QcPage page;
  page.title = "Preparation: quality control";
  page.most_embedded = options.embed ? options.most_embedded : 0;
  std::vector<std::vector<QcFigure>> figures;
  std::size_t prepared = 0, crops = 0;
  for (const QcEntry& entry : folder.subjects) {
    page.subjects.push_back(subject_of(entry, prep, options));
    figures.push_back(entry.record && entry.refused.empty() ? figures_of(*entry.record) : std::vector<QcFigure>{});
    prepared += entry.refused.empty() ? 1 : 0;
    crops += page.subjects.back().crops.size();
  }
  set_figures(page, figures);
  page.lines = {text(prepared, " of ", folder.subjects.size(), " subjects were prepared and gave ", crops, " crops."),
                text("Apart: how far parts of the brain still lie apart on average after coregistration; up to ", kMostShiftMm,
                     " mm is usual for one head. Information: mutual information with T1c."),
                prepared >= report::kFewestForRange
                    ? text("A figure is out of the cohort's range when it lies more than ", report::kFarDeviations,
                           " robust deviations (1.4826 times the median distance) from the median.")
                    : text("Fewer than ", report::kFewestForRange,
                           " subjects have no range to compare with: those with warnings come first.")};
  page.lines.insert(page.lines.end(), folder.lines.begin(), folder.lines.end());
  return page;
}

std::vector<std::string> qc_inputs(const fs::path& prep) {
  std::vector<std::string> inputs{(prep / "prep.json").string(), (prep / "manifest.csv").string()};
  for (const char* folder : {"subjects", "crops", "previews", "qc"}) {
    for (const fs::path& p : entries_of(prep / folder, true)) inputs.push_back(p.string());
  }
  return inputs;
}

}  // namespace vitrine::imaging
