// Pictures of values over pictures: a map in colours, alone or laid over a grey image.
//
// Colours    inferno: black, purple, red, orange, pale yellow, its lightness rising all the way, equal steps of value looking equally wide. Ten
//            published points, linear in sRGB between them
// Over grey  each pixel is (1 - a) grey + a colour with a = kOverlay * value: where the map is 0 the image stays as it is
// Reference  S. van der Walt, N. Smith 2015, matplotlib's colour map inferno (public domain, CC0)
#pragma once

#include <array>

#include "report/png.h"

namespace vitrine::report {

inline constexpr double kOverlay = 0.7;

std::array<std::uint8_t, 3> inferno(double value);  // of [0, 1], clipped

// RGB pictures of width x height values in [0, 1] (clipped), each pixel repeated `zoom` times in both directions.
Picture colour_picture(const float* values, int width, int height, int zoom);
Picture overlay_picture(const float* grey, const float* values, int width, int height, int zoom);

Picture rgb_of(const Picture& picture);  // of a grey one; an RGB one as it is

// Pictures of one width and as many channels below one another, with `gap` white pixels between them. InternalError for others, or none.
Picture one_below_another(const std::vector<Picture>& pictures, int gap);

}  // namespace vitrine::report
