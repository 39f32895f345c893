// How a camera says that its picture is to be turned: tag 0x0112 of EXIF, or tiff:Orientation of XMP.
//
// Reference  CIPA DC-008 (Exif 2.32), 4.6.4; TIFF 6.0, section 2 and Orientation; XMP part 2, 2.6.1. Which is believed when several speak
//            follows Pillow's ImageOps.exif_transpose: EXIF, and XMP where EXIF lacks the tag.
#pragma once

#include <optional>
#include <string_view>

#include "data/resize.h"

namespace vitrine {

// Of a block that begins with TIFF's "II" or "MM", with or without "Exif\0\0" in front. Nothing when the tag is not there or the block is
// damaged; 1 for a tag whose value is none of 1 to 8. Offsets are those of a stranger: none is followed out of the block.
std::optional<int> exif_orientation(std::string_view block);
std::optional<int> xmp_orientation(std::string_view xmp);

Turn turn_of(int orientation);  // 1 to 8

}  // namespace vitrine
