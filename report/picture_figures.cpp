// The figures of crops and of pictures that other commands made.
#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/png.h"
#include "report/section.h"

namespace vitrine::report {
namespace {

constexpr int kGap = 2;  // pixels between the channels of a crop

std::string channel_names(const CropPicture& crop) {
  std::string names;
  for (const auto& [name, values] : crop.channels) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::string image(const std::string& about, const std::string& png) {
  return text("<img alt=\"", escaped(about), "\" src=\"data:image/png;base64,", base64(png), "\">");
}

// All series side by side, a pixel of the crop a pixel of the picture: the page enlarges it.
std::string picture_html(const CropPicture& crop) {
  std::vector<Picture> channels;
  for (const auto& [name, values] : crop.channels) channels.push_back(grey_picture(values.data(), crop.width, crop.height, 1));
  if (channels.empty()) return {};
  return image(text("Crop of subject ", crop.subject_id, ", ", crop.label, ": ", channel_names(crop)),
               png_bytes(side_by_side(channels, kGap)));
}

std::string place_of(const CropPicture& crop) {
  return text("subject ", escaped(crop.subject_id), ", lesion ", crop.lesion, ", slice ", crop.slice);
}

std::string crop_html(const CropPicture& crop, const char* kind, const std::string& caption) {
  return text("<figure class=\"crop", kind, "\">", picture_html(crop), "<figcaption>", caption, "<br>",
              escaped(channel_names(crop)), "</figcaption></figure>\n");
}

}  // namespace

std::string examples_figure(const std::vector<CropPicture>& crops) {
  std::string out = "<div class=\"crops\">\n";
  for (const CropPicture& crop : crops) out += crop_html(crop, "", text("<b>", escaped(crop.label), "</b>, ", place_of(crop)));
  return out + "</div>\n";
}

std::string predictions_figure(const std::vector<CropPicture>& crops) {
  std::string out = "<div class=\"crops\">\n";
  for (const CropPicture& crop : crops) {
    out += crop_html(
        crop, crop.correct ? " right" : " wrong",
        text("<b>", escaped(crop.label), "</b>, predicted ", escaped(crop.predicted), " (", fixed(crop.probability, 2),
             "): ", crop.correct ? "right ✓" : "wrong ✗", "<br>", place_of(crop), ", network of fold ", crop.fold));
  }
  return out + "</div>\n";
}

std::string losses_figure(const std::vector<CropPicture>& crops) {
  std::string out = "<div class=\"crops\">\n";
  for (const CropPicture& crop : crops) {
    out += crop_html(crop, crop.correct ? " right" : " wrong",
                     text("<b>loss ", fixed(loss_of(crop), 2), "</b>, ", escaped(crop.part), "<br>actual ", escaped(crop.label),
                          ": ", fixed(crop.actual_probability, 3), "<br>predicted ", escaped(crop.predicted), ": ",
                          fixed(crop.probability, 3), crop.correct ? " (right ✓)" : " (wrong ✗)", "<br>", place_of(crop)));
  }
  return out + "</div>\n";
}

std::string explanations_figure(const std::vector<Explanation>& explanations) {
  std::string out = "<div class=\"crops explained\">\n";
  for (const Explanation& e : explanations) {
    std::string about;
    for (const auto& [name, value] : e.facts) about += text(about.empty() ? "" : ", ", name, " ", value);
    out += text("<figure class=\"crop\">", image(about, e.png), "<figcaption>", escaped(about), "</figcaption></figure>\n");
  }
  return out + "</div>\n";
}

}  // namespace vitrine::report
