// The elements of DICOM that the readers look at (PS3.6). All others are passed over.
#pragma once

#include <cstdint>

namespace vitrine::imaging::dicom {

enum Tag : std::uint32_t {
  kTransferSyntaxUid = 0x00020010,
  kImageType = 0x00080008,
  kSopClassUid = 0x00080016,
  kSopInstanceUid = 0x00080018,
  kModality = 0x00080060,
  kManufacturer = 0x00080070,
  kSeriesDescription = 0x0008103E,
  kModelName = 0x00081090,
  kFrameType = 0x00089007,
  kComplexComponent = 0x00089208,
  kPatientName = 0x00100010,
  kPatientId = 0x00100020,
  kPatientBirthDate = 0x00100030,
  kContrastAgent = 0x00180010,
  kContrastAgentSequence = 0x00180012,
  kAcquisitionType = 0x00180023,
  kSequenceName = 0x00180024,
  kSliceThickness = 0x00180050,
  kRepetitionTime = 0x00180080,
  kEchoTime = 0x00180081,
  kInversionTime = 0x00180082,
  kEchoNumbers = 0x00180086,
  kFieldStrength = 0x00180087,
  kSpacingBetweenSlices = 0x00180088,
  kProtocolName = 0x00181030,
  kFlipAngle = 0x00181314,
  kPulseSequenceName = 0x00189005,
  kInversionTimes = 0x00189079,
  kEffectiveEchoTime = 0x00189082,
  kBValue = 0x00189087,
  kTimingSequence = 0x00189112,
  kEchoSequence = 0x00189114,
  kModifierSequence = 0x00189115,
  kDiffusionSequence = 0x00189117,
  kFrameTypeSequence = 0x00189226,
  kStudyUid = 0x0020000D,
  kSeriesUid = 0x0020000E,
  kSeriesNumber = 0x00200011,
  kAcquisitionNumber = 0x00200012,
  kInstanceNumber = 0x00200013,
  kPosition = 0x00200032,
  kOrientation = 0x00200037,
  kTemporalPosition = 0x00200100,
  kStackId = 0x00209056,
  kFrameContentSequence = 0x00209111,
  kPlanePositionSequence = 0x00209113,
  kPlaneOrientationSequence = 0x00209116,
  kTemporalPositionIndex = 0x00209128,
  kSamplesPerPixel = 0x00280002,
  kPhotometric = 0x00280004,
  kNumberOfFrames = 0x00280008,
  kRows = 0x00280010,
  kColumns = 0x00280011,
  kPixelSpacing = 0x00280030,
  kBitsAllocated = 0x00280100,
  kBitsStored = 0x00280101,
  kHighBit = 0x00280102,
  kPixelRepresentation = 0x00280103,
  kPaddingValue = 0x00280120,
  kRescaleIntercept = 0x00281052,
  kRescaleSlope = 0x00281053,
  kLossyCompression = 0x00282110,
  kModalityLutSequence = 0x00283000,
  kPixelMeasuresSequence = 0x00289110,
  kValueTransformationSequence = 0x00289145,
  kSharedGroups = 0x52009229,
  kPerFrameGroups = 0x52009230,
  kExtendedOffsets = 0x7FE00001,
  kFloatPixelData = 0x7FE00008,
  kDoublePixelData = 0x7FE00009,
  kPixelData = 0x7FE00010,
  kItem = 0xFFFEE000,
  kItemEnd = 0xFFFEE00D,
  kSequenceEnd = 0xFFFEE0DD,
};

enum class Kind { text, u16, u32, f64, sequence };
struct Known {
  std::uint32_t tag;
  Kind kind;
};
// How an element is written where the file does not say (implicit VR); null for one that is passed over.
const Known* known(std::uint32_t tag);

}  // namespace vitrine::imaging::dicom
