#include "imaging/scan/series_kind.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

using Words = std::vector<std::string>;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '*' || static_cast<unsigned char>(c) >= 0x80;
}

// In small letters, without marks but + and *; "c+" and "+c" stay together, "t1+c" becomes "t1" and "+c".
Words words_of(const std::string& name) {
  Words words;
  std::string word;
  const auto end = [&] {
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (const char c : case_folded(name)) {
    if (!is_word_character(c)) {
      end();
      continue;
    }
    if (c == '+' && word.size() > 1) end();
    word += c;
  }
  end();
  return words;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}
bool begins_with_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view l) { return word.starts_with(l); });
}

bool is_other(const std::string& w) {
  return begins_with_one_of(
             w, {"localiz", "localis", "scout", "survey",   "loc3",  "dwi",    "dti",    "diff",  "adc",   "eadc",
                 "trace",   "swi",     "swan",  "hemo",     "perf",  "pwi",    "dsc",    "dce",   "asl",   "pcasl",
                 "cbf",     "cbv",     "mtt",   "ttp",      "tof",   "mra",    "mrv",    "angio", "veno",  "spectro",
                 "csi",     "svs",     "bold",  "fmri",     "ep2d",  "epi",    "subtr",  "synth", "spine", "cervic",
                 "lumb",    "thorac",  "orbit", "pituit",   "sella", "hypoph", "iac",    "tmj",   "t2*",   "t2star",
                 "t2st",    "b0",      "b1000", "fieldmap", "calib", "medic",  "fiesta", "ciss",  "phase", "neck"}) ||
         is_one_of(w, {"sub", "loc", "pd", "pdw", "mip", "tra3", "fa", "qsm", "spectra", "sag3plane", "3plane", "plane"});
}

struct Evidence {
  bool t1 = false, t2 = false, flair = false, other = false, post = false, pre = false;
  std::string other_word;
};

// The word after `at` that decides what "post" means.
bool is_after_contrast(const Words& words, std::size_t at) {
  if (at + 1 >= words.size()) return true;
  return !begins_with_one_of(words[at + 1], {"foss", "op", "surg", "rt", "radi", "proc", "treat", "cran"});
}

void add_word(const Words& words, std::size_t at, Evidence& e) {
  const std::string& w = words[at];
  const std::string next = at + 1 < words.size() ? words[at + 1] : "";
  if (is_other(w)) e.other = true, e.other_word = w;
  if (w.find("flair") != w.npos || w == "tirm" || (w == "dark" && next == "fluid") || w == "darkfluid" ||
      (w == "da" && next == "fl"))
    e.flair = true;
  if (w.starts_with("t1") || begins_with_one_of(w, {"mprage", "bravo", "spgr", "fspgr", "vibe", "thrive", "flash", "tfl"}) ||
      is_one_of(w, {"mpr", "tfe", "3dt1", "3dt1w"}))
    e.t1 = true;
  if ((w.starts_with("t2") || w == "3dt2") && !is_other(w)) e.t2 = true;
  std::string rest = w.starts_with("t1w") ? w.substr(3) : w.starts_with("t1") ? w.substr(2) : w;
  if (rest.size() > 2) std::erase(rest, '+');  // "+gad"
  const bool agent =
      is_one_of(rest,
                {"gd",       "gad",      "gado",     "km",       "+c",        "c+",           "ce",     "+gd",     "gd+",
                 "+km",      "mdc",      "kontrast", "contrast", "contraste", "postcontrast", "postgd", "postgad", "enhanced",
                 "gadovist", "gadavist", "dotarem",  "prohance", "magnevist", "multihance",   "inj",    "+",       "post"}) ||
      rest.starts_with("gadol") || (w.starts_with("t1") && rest == "c") || (w == "c" && next == "+");
  if (agent && (rest != "post" || is_after_contrast(words, at))) e.post = true;
  if (is_one_of(rest, {"pre", "nativ", "native", "ohne", "without", "wo", "sans", "noncontrast", "unenhanced", "nonenhanced",
                       "precontrast", "pregd", "nongd"}) ||
      (w == "no" && is_one_of(next, {"contrast", "gd", "gad"})) || (w == "non" && next == "contrast") ||
      (w == "w" && next == "o"))
    e.pre = true;
}

Evidence evidence_of(const std::string& name) {
  const Words words = words_of(name);
  Evidence e;
  for (std::size_t at = 0; at < words.size(); ++at) add_word(words, at, e);
  if (e.flair && e.t1 && !e.t2) e.flair = false;  // T1 FLAIR is T1-weighted
  if (e.flair) e.t2 = e.t1 = false;
  return e;
}

SeriesKind by_times(const SeriesFacts& s) {
  if (s.echo_ms >= 70 && s.inversion_ms >= 1500) return SeriesKind::flair;
  if (s.echo_ms >= 70 && s.repetition_ms >= 2000 && s.inversion_ms == 0) return SeriesKind::t2;
  const bool short_echo = s.echo_ms > 0 && s.echo_ms <= 30;
  if (short_echo && s.inversion_ms == 0 && s.repetition_ms > 0 && s.repetition_ms < 1000) return SeriesKind::t1;
  if (short_echo && s.inversion_ms >= 300 && s.inversion_ms <= 1300) return SeriesKind::t1;
  return SeriesKind::unknown;
}

std::string times_text(const SeriesFacts& s) {
  return text("TR ", fixed(s.repetition_ms, 0), ", TE ", fixed(s.echo_ms, 0), ", TI ", fixed(s.inversion_ms, 0), " ms");
}

// Which weighting, without contrast.
ClassifiedSeries weighting(const SeriesFacts& s, const Evidence& e) {
  const int named = (e.t1 ? 1 : 0) + (e.t2 ? 1 : 0) + (e.flair ? 1 : 0);
  if (named > 1) return {SeriesKind::unknown, "its name has several weightings"};
  if (named == 0) {
    const SeriesKind kind = by_times(s);
    return {kind, kind == SeriesKind::unknown ? text("neither its name nor its times tell (", times_text(s), ")")
                                              : "by its times, " + times_text(s)};
  }
  const bool long_echo = s.echo_ms >= 60;
  if (e.t1 && long_echo) return {SeriesKind::unknown, "its name says T1, and its times do not: " + times_text(s)};
  if (!e.t1 && s.echo_ms > 0 && s.echo_ms < 40)
    return {SeriesKind::unknown, text("its name says ", e.flair ? "FLAIR" : "T2", ", and its times do not: ", times_text(s))};
  if (e.t2 && s.inversion_ms >= 1500 && long_echo)
    return {SeriesKind::unknown, "its name says T2, and its inversion time FLAIR: " + times_text(s)};
  return {e.t1 ? SeriesKind::t1 : e.t2 ? SeriesKind::t2 : SeriesKind::flair, "by its name"};
}

bool has_value(const std::string& image_type, std::initializer_list<std::string_view> values) {
  for (const std::string& value : split_at(image_type, '\\')) {
    if (is_one_of(trimmed(value), values)) return true;
  }
  return false;
}

}  // namespace

std::string name_of(SeriesKind kind) {
  switch (kind) {
    case SeriesKind::t1: return "T1 without contrast";
    case SeriesKind::t1c: return "T1c";
    case SeriesKind::flair: return "FLAIR";
    case SeriesKind::t2: return "T2";
    case SeriesKind::other: return "another kind";
    case SeriesKind::unknown: break;
  }
  return "unknown";
}

ClassifiedSeries classified(const SeriesFacts& s) {
  if (!s.modality.empty() && s.modality != "MR") return {SeriesKind::other, "its modality is " + printable(s.modality)};
  if (has_value(s.image_type,
                {"LOCALIZER", "PROJECTION IMAGE", "MPR", "REFORMATTED", "SUBTRACTION", "ADC", "MIP", "MNIP", "PHASE", "P"}))
    return {SeriesKind::other, "its image type is " + printable(s.image_type)};
  Evidence e = evidence_of(s.description);
  if (!e.t1 && !e.t2 && !e.flair && !e.other) {
    const Evidence protocol = evidence_of(s.protocol);
    e = {protocol.t1,           protocol.t2,        protocol.flair, protocol.other, e.post || protocol.post,
         e.pre || protocol.pre, protocol.other_word};
  }
  if (e.other) return {SeriesKind::other, text("its name holds '", printable(e.other_word), "'")};
  ClassifiedSeries found = weighting(s, e);
  if (found.kind != SeriesKind::t1) return found;
  if (e.post && e.pre) {
    // "pre contrast" and "without gd" name what is absent; "pre and post" and "w/wo gd" say both.
    const Words words = words_of(s.description);
    const auto has = [&](const char* word) { return std::find(words.begin(), words.end(), word) != words.end(); };
    if (has("post") || ((has("w") || has("with")) && (has("wo") || has("without"))))
      return {SeriesKind::unknown, "its name says before and after contrast"};
    return found;
  }
  if (e.post || (s.contrast_given && !e.pre))
    return {SeriesKind::t1c, e.post ? found.why : found.why + ", and a contrast agent is named"};
  return found;
}

}  // namespace vitrine::imaging
