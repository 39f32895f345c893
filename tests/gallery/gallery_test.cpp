// The gallery's faults have their places in the sources, none is in the program, and some of them are found by the audit (scripts/gallery: all).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = VITRINE_SOURCE_DIR;

Json faults() { return parse_json(read_file(kRoot / "tests/gallery/faults.json", 1u << 20)); }

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Gallery, EveryFaultHasOnePlaceInTheSources) {
  std::set<std::string> ids;
  std::size_t number = 0;
  for (const Json& fault : faults()) {
    const auto id = fault.at("id").get<std::string>();
    EXPECT_TRUE(ids.insert(id).second) << id << " occurs twice";
    EXPECT_EQ(fault.at("number").get<std::size_t>(), ++number) << id;
    const std::string source = read_file(kRoot / fault.at("file").get<std::string>(), 1u << 22);
    EXPECT_EQ(times(source, fault.at("find").get<std::string>()), 1u) << id;
    EXPECT_GE(times(fault.at("replace").get<std::string>(), "seeded_fault(N)"), 1u) << id;
    EXPECT_GE(fault.at("names").size(), 1u) << id;
  }
  EXPECT_GE(number, 48u);
}

TEST(Gallery, TheProgramHasNone) {
  const std::string program = read_file(VITRINE_PROGRAM, std::uint64_t{1} << 30);
  EXPECT_EQ(program.find("seeded_fault"), std::string::npos);
  for (const char* folder : {"base", "tensor", "autograd", "layers", "nn", "data", "train", "audit", "cli"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (!entry.is_regular_file()) continue;
      EXPECT_EQ(read_file(entry.path(), 1u << 24).find("seeded_fault"), std::string::npos) << entry.path();
    }
  }
}

#ifdef VITRINE_GALLERY_PROGRAM

std::string output_of(const std::string& command) {
  std::string all;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return all;
  std::array<char, 4096> piece{};
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), pipe)) all.append(piece.data(), n);
  ::pclose(pipe);
  return all;
}

Json said(int fault, int steps) {
  const std::string command =
      std::string(VITRINE_GALLERY_PROGRAM) + " --fault " + std::to_string(fault) + " --steps " + std::to_string(steps);
  return parse_json(output_of(command));
}

TEST(Gallery, ItsMarkIsInTheProgramThatHasThem) {
  EXPECT_NE(read_file(VITRINE_GALLERY_PROGRAM, std::uint64_t{1} << 30).find("seeded_fault"), std::string::npos);
}

TEST(Gallery, TheSoundProgramRaisesNoAlarm) {
  const Json line = said(0, 2);
  EXPECT_EQ(line.at("above"), 0);
  EXPECT_GT(line.at("shadowed").get<int>(), 1000);
}

TEST(Gallery, OneFaultOfEachPartIsFoundInItsFirstStep) {
  const std::set<std::string> chosen{"labels-not-mixed", "padding-on-the-wrong-side", "running-variance-biased",
                                     "gate-without-sigmoid", "weight-decay-on-batch-norm"};
  std::size_t found = 0;
  for (const Json& fault : faults()) {
    if (!chosen.contains(fault.at("id").get<std::string>())) continue;
    const Json line = said(fault.at("number").get<int>(), 1);
    EXPECT_GT(line.at("above").get<int>(), 0) << fault.at("id");
    EXPECT_EQ(line.value("step", -1), 0) << fault.at("id");
    ++found;
  }
  EXPECT_EQ(found, chosen.size());
}

#endif

}  // namespace
}  // namespace vitrine
