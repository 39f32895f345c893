#include "imaging/formats/dicom_tags.h"

#include <algorithm>
#include <iterator>

namespace vitrine::imaging::dicom {
namespace {

constexpr Known kKnown[] = {{kTransferSyntaxUid, Kind::text},
                            {kImageType, Kind::text},
                            {kSopClassUid, Kind::text},
                            {kSopInstanceUid, Kind::text},
                            {kModality, Kind::text},
                            {kManufacturer, Kind::text},
                            {kSeriesDescription, Kind::text},
                            {kModelName, Kind::text},
                            {kFrameType, Kind::text},
                            {kComplexComponent, Kind::text},
                            {kPatientName, Kind::text},
                            {kPatientId, Kind::text},
                            {kPatientBirthDate, Kind::text},
                            {kContrastAgent, Kind::text},
                            {kContrastAgentSequence, Kind::sequence},
                            {kAcquisitionType, Kind::text},
                            {kSequenceName, Kind::text},
                            {kSliceThickness, Kind::text},
                            {kRepetitionTime, Kind::text},
                            {kEchoTime, Kind::text},
                            {kInversionTime, Kind::text},
                            {kEchoNumbers, Kind::text},
                            {kFieldStrength, Kind::text},
                            {kSpacingBetweenSlices, Kind::text},
                            {kProtocolName, Kind::text},
                            {kFlipAngle, Kind::text},
                            {kPulseSequenceName, Kind::text},
                            {kInversionTimes, Kind::f64},
                            {kEffectiveEchoTime, Kind::f64},
                            {kBValue, Kind::f64},
                            {kTimingSequence, Kind::sequence},
                            {kEchoSequence, Kind::sequence},
                            {kModifierSequence, Kind::sequence},
                            {kDiffusionSequence, Kind::sequence},
                            {kFrameTypeSequence, Kind::sequence},
                            {kStudyUid, Kind::text},
                            {kSeriesUid, Kind::text},
                            {kSeriesNumber, Kind::text},
                            {kAcquisitionNumber, Kind::text},
                            {kInstanceNumber, Kind::text},
                            {kPosition, Kind::text},
                            {kOrientation, Kind::text},
                            {kTemporalPosition, Kind::text},
                            {kStackId, Kind::text},
                            {kFrameContentSequence, Kind::sequence},
                            {kPlanePositionSequence, Kind::sequence},
                            {kPlaneOrientationSequence, Kind::sequence},
                            {kTemporalPositionIndex, Kind::u32},
                            {kSamplesPerPixel, Kind::u16},
                            {kPhotometric, Kind::text},
                            {kNumberOfFrames, Kind::text},
                            {kRows, Kind::u16},
                            {kColumns, Kind::u16},
                            {kPixelSpacing, Kind::text},
                            {kBitsAllocated, Kind::u16},
                            {kBitsStored, Kind::u16},
                            {kHighBit, Kind::u16},
                            {kPixelRepresentation, Kind::u16},
                            {kPaddingValue, Kind::u16},
                            {kRescaleIntercept, Kind::text},
                            {kRescaleSlope, Kind::text},
                            {kLossyCompression, Kind::text},
                            {kModalityLutSequence, Kind::sequence},
                            {kPixelMeasuresSequence, Kind::sequence},
                            {kValueTransformationSequence, Kind::sequence},
                            {kSharedGroups, Kind::sequence},
                            {kPerFrameGroups, Kind::sequence}};

}  // namespace

const Known* known(std::uint32_t tag) {
  const auto* found =
      std::lower_bound(std::begin(kKnown), std::end(kKnown), tag, [](const Known& k, std::uint32_t t) { return k.tag < t; });
  return found != std::end(kKnown) && found->tag == tag ? found : nullptr;
}

}  // namespace vitrine::imaging::dicom
