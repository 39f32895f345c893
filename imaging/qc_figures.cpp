#include "imaging/qc_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/number.h"
#include "imaging/volume.h"

namespace vitrine::imaging {
namespace {

using Far = report::QcMeasure::Far;

constexpr double kDegrees = 180 / std::numbers::pi;
constexpr int kDeepest = 6;  // objects in objects of a record

struct Known {
  const char* key;
  const char* words;
  double factor;  // to the unit of the words
  int digits;
  Far far;
  bool logarithmic;
  double least;  // a deviation below it is chance
  bool in_table, in_card;
};

constexpr Known kKnown[] = {
    {"brain_ml", "brain, ml", 1, 0, Far::both, true, 0.04, true, true},
    {"lesion_ml", "lesions, ml", 1, 1, Far::both, true, 0.5, true, true},
    {"shift_mm", "apart, mm", 1, 1, Far::above, false, 0.2, true, true},
    {"squared_correlation", "squared correlation", 1, 2, Far::both, false, 0.05, false, false},
    {"metric_after", "information", -1, 2, Far::below, false, 0.03, true, true},
    {"mean", "mean of the brain", 1, 1, Far::never, true, 0.1, false, false},
    {"deviation", "deviation of the brain", 1, 1, Far::never, true, 0.1, false, false},
    {"white_matter", "white matter", 1, 1, Far::never, true, 0.1, false, false},
    {"loop_mm", "loop closure, mm", 1, 2, Far::above, false, 0.3, true, true},
    {"dice_t1c_flair", "brains of T1c and FLAIR, Dice", 1, 3, Far::below, false, 0.02, false, true},
    {"dice_t1c_t2", "brains of T1c and T2, Dice", 1, 3, Far::below, false, 0.02, false, true},
    {"dice_flair_t2", "brains of FLAIR and T2, Dice", 1, 3, Far::below, false, 0.02, false, true},
    {"template_dice", "template, Dice", 1, 3, Far::below, false, 0.01, false, true},
    {"template_share", "share of the template", 1, 3, Far::both, false, 0.01, false, false},
    {"tissue_information_nats", "tissue where a brain has it, nats", 1, 3, Far::below, false, 0.01, false, true},
    {"information_nats", "head where the template has it, nats", 1, 2, Far::below, false, 0.03, false, false},
    {"covered", "in the field of view, share", 1, 3, Far::below, false, 0.01, false, false},
    {"asymmetry", "asymmetry, %", 100, 1, Far::above, false, 3, false, true},
    {"below_top_mm", "below the top of the head, mm", 1, 0, Far::both, false, 3, false, true},
    {"border_share", "at the border of the volume, %", 100, 2, Far::above, false, 0.2, false, false},
    {"grey_white", "grey against white matter", 1, 2, Far::never, false, 0.05, false, false},
    {"turn_degrees", "head turned by, degrees", 1, 1, Far::never, false, 5, false, false},
    {"contrasts_holding", "contrasts as expected, of 5", 1, 0, Far::never, false, 1, false, false},
    {"overlap_before", "overlap before, share", 1, 2, Far::never, false, 0.1, false, false},
    {"clipped_share", "clipped, % of the brain", 100, 2, Far::above, false, 0.5, false, false},
    {"clipped_lesion_share", "clipped, % of the lesions", 100, 2, Far::above, false, 1, false, false},
    {"uncovered_brain", "not covered, % of the brain", 100, 2, Far::above, false, 0.2, false, true},
    {"outside_brain", "outside the brain, %", 100, 1, Far::above, false, 3, false, true},
    {"degrees_off", "oblique by, degrees", 1, 1, Far::never, false, 0, false, false},
};

// Of the geometry and the search: facts, or told by another figure.
constexpr std::string_view kNoFigures[] = {"size",          "spacing_mm", "origin_mm",  "centre_mm",      "metric_before",
                                           "field_low",     "field_high", "angles_rad", "translation_mm", "matrix",
                                           "offset",        "scale",      "low",        "high",           "nmi_before",
                                           "nmi_displaced", "nmi_turned"};

constexpr std::pair<std::string_view, const char*> kNames[] = {
    {"t1c", "T1c"},           {"flair", "FLAIR"},           {"t2", "T2"},
    {"mask", "lesion mask"},  {"brain_mask", "brain mask"}, {"t1c_flair", "T1c and FLAIR"},
    {"t1c_t2", "T1c and T2"}, {"flair_t2", "FLAIR and T2"}};

template <class List>
bool holds(const List& list, std::string_view key) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

std::string spaced(std::string_view key) {
  std::string out(key);
  std::replace(out.begin(), out.end(), '_', ' ');
  return printable(out);
}

std::string name_of(std::string_view key) {
  for (const auto& [known, words] : kNames) {
    if (known == key) return words;
  }
  return spaced(key);
}

// The number of a key that is not known: its unit stands at the key's end.
Known unknown(std::string_view key, std::string& words) {
  constexpr std::tuple<std::string_view, const char*, double> kUnits[] = {
      {"_mm3", "mm3", 1},         {"_mm", "mm", 1},       {"_ml", "ml", 1},     {"_rad", "degrees", kDegrees},
      {"_degrees", "degrees", 1}, {"_deg", "degrees", 1}, {"_share", "%", 100}, {"_fraction", "%", 100},
      {"_percent", "%", 1}};
  words = spaced(key);
  Known known{"", "", 1, 2, Far::both, false, 0, false, false};
  for (const auto& [ending, unit, factor] : kUnits) {
    if (!key.ends_with(ending) || key.size() == ending.size()) continue;
    words = text(spaced(key.substr(0, key.size() - ending.size())), ", ", unit);
    known.factor = factor;
    break;
  }
  return known;
}

std::optional<Vec3> vector_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array() || found->size() != 3) return std::nullopt;
  Vec3 v{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!(*found)[i].is_number()) return std::nullopt;
    v[i] = (*found)[i].get<double>();
  }
  return v;
}

double degrees_of(const Matrix3& rotation) {
  return std::acos(std::clamp((rotation[0] + rotation[4] + rotation[8] - 1) / 2, -1.0, 1.0)) * kDegrees;
}

// The rotation of a 4 x 4 matrix of rows.
std::optional<Matrix3> matrix_in(const Json& object) {
  const auto found = object.find("matrix");
  if (found == object.end() || !found->is_array() || found->size() != 4) return std::nullopt;
  Matrix3 m{};
  for (std::size_t r = 0; r < 3; ++r) {
    const Json& row = (*found)[r];
    if (!row.is_array() || row.size() != 4) return std::nullopt;
    for (std::size_t c = 0; c < 3; ++c) {
      if (!row[c].is_number()) return std::nullopt;
      m[3 * r + c] = row[c].get<double>();
    }
  }
  return m;
}

std::string with_prefix(const std::string& prefix, const std::string& words) {
  return prefix.empty() ? words : text(prefix, ": ", words);
}

// Steps of a series whose figures need not say where they are from.
constexpr std::string_view kPlainSteps[] = {"coregistration", "bias", "normalisation"};

std::string below(const std::string& prefix, const std::string& key) {
  return holds(kPlainSteps, key) ? prefix : with_prefix(prefix, name_of(key));
}

class Figures {
 public:
  std::vector<QcFigure> all;

  void add(const std::string& name, const Known& k, double value) {
    if (!std::isfinite(value)) return;
    report::QcMeasure m;
    m.name = name;
    m.digits = k.digits;
    m.far = k.far;
    m.logarithmic = k.logarithmic;
    m.least = k.least;
    m.in_table = k.in_table;
    m.in_card = k.in_card;
    all.push_back({std::move(m), value});
  }

  // What several members tell together.
  void add_joint(const Json& object, const std::string& prefix) {
    if (const auto t = vector_in(object, "translation_mm"))
      add(with_prefix(prefix, "moved by, mm"), {"", "", 1, 1, Far::above, false, 1, false, true},
          std::sqrt((*t)[0] * (*t)[0] + (*t)[1] * (*t)[1] + (*t)[2] * (*t)[2]));
    const Known turned{"", "", 1, 1, Far::above, false, 0.5, false, true};
    if (const auto angles = vector_in(object, "angles_rad");
        angles && std::all_of(angles->begin(), angles->end(), [](double a) { return std::abs(a) < 1e5; })) {
      add(with_prefix(prefix, "turned by, degrees"), turned, degrees_of(RigidTransform{*angles, {}, {}}.rotation()));
    } else if (const auto matrix = matrix_in(object)) {
      add(with_prefix(prefix, "turned by, degrees"), turned, degrees_of(*matrix));
    }
    const auto low = object.find("field_low"), high = object.find("field_high");
    if (low == object.end() || high == object.end() || !low->is_number() || !high->is_number() || !(low->get<double>() > 0))
      return;
    add(with_prefix(prefix, "bias field, highest by lowest"), {"", "", 1, 2, Far::above, true, 0.05, false, true},
        high->get<double>() / low->get<double>());
  }

  void walk(const Json& object, const std::string& prefix, int depth) {
    if (depth > kDeepest) return;
    add_joint(object, prefix);
    for (const auto& [key, value] : object.items()) {
      if (holds(kNoFigures, key)) continue;
      if (value.is_object()) walk(value, below(prefix, key), depth + 1);
      if (value.is_number()) add_number(key, value, prefix);
    }
  }

 private:
  void add_number(const std::string& key, const Json& value, const std::string& prefix) {
    for (const Known& k : kKnown) {
      if (key != k.key) continue;
      if (key == "shift_mm" && value.get<double>() < 0) return;  // too little brain to tell
      Known here = k;
      here.in_table = k.in_table && prefix != "FLAIR and T2";
      return add(with_prefix(prefix, k.words), here, k.factor * value.get<double>());
    }
    std::string words;
    Known k = unknown(key, words);
    if (value.is_number_integer()) {  // counts and choices
      k.far = Far::never;
      k.digits = 0;
    }
    add(with_prefix(prefix, words), k, k.factor * value.get<double>());
  }
};

std::string value_text(const Json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>(), 400);
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_integer()) return text(value.get<std::int64_t>());
  if (value.is_number()) return text(value.get<double>());
  if (!value.is_array()) return {};
  std::string out;
  for (const Json& item : value) {
    if (item.is_object()) return {};
    out += text(out.empty() ? "" : ", ", item.is_array() ? "(" + value_text(item) + ")" : value_text(item));
  }
  return out;
}

// All members that are no figures, nested ones by their path.
void add_facts(const Json& object, const std::string& prefix, int depth, std::vector<report::QcFact>& facts) {
  if (depth > kDeepest) return;
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      add_facts(value, below(prefix, key), depth + 1, facts);
      continue;
    }
    if (value.is_number() && !holds(kNoFigures, key)) continue;
    if (const std::string shown = value_text(value); !shown.empty()) facts.push_back({with_prefix(prefix, spaced(key)), shown});
  }
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() ? value_text(*found) : std::string();
}

}  // namespace

std::vector<QcFigure> figures_of(const Json& record) {
  Figures figures;
  const Known count{"", "", 1, 0, Far::never, false, 0, true, false};
  for (const auto& [key, words] : {std::pair("lesions", "lesions"), std::pair("samples", "crops")}) {
    const auto found = record.find(key);
    if (found != record.end() && found->is_array()) figures.add(words, count, static_cast<double>(found->size()));
  }
  Json top = Json::object();
  for (const auto& [key, value] : record.items()) {
    if (value.is_number()) top[key] = value;
  }
  figures.walk(top, "", 0);
  for (const char* part : {"agreement", "steps"}) {
    const auto found = record.find(part);
    if (found != record.end() && found->is_object()) figures.walk(*found, "", 0);
  }
  return std::move(figures.all);
}

std::vector<report::QcFact> facts_of(const Json& record, const std::map<std::string, std::string>& files) {
  std::vector<report::QcFact> facts;
  for (const auto& [column, file] : files) facts.push_back({name_of(column) + ": file", file});
  if (const auto steps = record.find("steps"); steps != record.end() && steps->is_object()) add_facts(*steps, "", 0, facts);
  const auto lesions = record.find("lesions");
  if (lesions == record.end() || !lesions->is_array()) return facts;
  for (const Json& l : *lesions) {
    const auto volume = l.find("volume_mm3");
    if (volume == l.end() || !volume->is_number()) continue;
    facts.push_back({"lesion " + text_of(l, "lesion_id"), text(fixed(volume->get<double>() / 1000, 2), " ml, pieces: ",
                                                               text_of(l, "pieces"), ", crops: ", text_of(l, "crops"))});
  }
  return facts;
}

void set_figures(report::QcPage& page, const std::vector<std::vector<QcFigure>>& figures) {
  std::map<std::string, std::size_t> places;
  for (const std::vector<QcFigure>& subject : figures) {
    for (const QcFigure& f : subject) {
      if (places.emplace(f.measure.name, page.measures.size()).second) page.measures.push_back(f.measure);
    }
  }
  for (std::size_t i = 0; i < figures.size(); ++i) {
    page.subjects[i].values.assign(figures[i].empty() ? 0 : page.measures.size(), std::nullopt);
    for (const QcFigure& f : figures[i]) page.subjects[i].values[places.at(f.measure.name)] = f.value;
  }
}

}  // namespace vitrine::imaging
