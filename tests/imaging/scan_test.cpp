// From folders of archives and hospitals to cohort.csv.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "imaging/cohort.h"
#include "imaging/scan/examination.h"
#include "imaging/scan/scan_cohort.h"
#include "imaging/scan/series_kind.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SeriesKind, NamesOfRealLife) {
  const std::vector<std::pair<SeriesKind, std::vector<const char*>>> all = {
      {SeriesKind::t1c,
       {"AX T1 POST GD",
        "t1_mprage_sag_KM",
        "T1W_3D_TFE +C",
        "Ax T1 SE +C",
        "SAG 3D BRAVO POST",
        "t1_mprage_tra_p2_iso_Gd",
        "T1 post-contrast",
        "AX T1 C+",
        "T1W_SE_GD",
        "t1_tse_tra_km",
        "3D T1 MPRAGE +GAD",
        "Ax T1 FLAIR +C",
        "T1c",
        "T1Gd",
        "t1ce",
        "COR T1 FS POST",
        "AX T1 MDC",
        "T1 3D VIBE GADOVIST",
        "AX 3D FSPGR POST GADOLINIUM",
        "T1 post GD post op",
        "sT1W_TSE_CE T1",
        "MPRAGE_post",
        "3DT1 Gd"}},
      {SeriesKind::t1,
       {"t1_mprage_sag_p2_iso", "Ax T1 SE", "T1W_3D_TFE", "AX T1 PRE", "T1 ohne KM", "SAG T1 FLAIR", "t1 without contrast",
        "T1 pre contrast", "Sag CUBE T1", "T1 non contrast", "t1_mpr_ns_sag", "T1 posterior fossa", "T1 post fossa",
        "T1 post op", "T1 no gd", "t1_fl2d_tra nativ"}},
      {SeriesKind::flair,
       {"Ax T2 FLAIR FS", "t2_spc_da-fl_sag_p2_iso", "t2_tirm_tra_dark-fluid", "FLAIR_longTR", "3D FLAIR CUBE",
        "sag t2 flair post gd", "AX FLAIR", "T2W_FLAIR", "T2FLAIR", "t2_space_dark-fluid_sag"}},
      {SeriesKind::t2,
       {"AX T2 FSE", "t2_tse_tra_512", "T2W_TSE", "Ax T2 PROPELLER", "T2 BLADE", "Ax FRFSE-XL T2", "3DT2 SPACE"}},
      {SeriesKind::other,
       {"Localizer", "3-plane loc", "ep2d_diff_b1000_ADC", "AX DWI", "SWI_Images", "AX T2* GRE", "TOF_3D_multi-slab",
        "ASL perfusion", "T1 SUBTRACTION", "AX T2 C-SPINE", "COR T1 PITUITARY POST", "Survey", "t1_dce_vibe", "Synthetic T2",
        "MRA", "T2star_GRE"}},
      {SeriesKind::unknown, {"AX", "Series 5", "T1 T2", "T1 PRE AND POST GD", "AX T1 W/WO GD", ""}},
  };
  for (const auto& [kind, names] : all) {
    for (const char* name : names) {
      SeriesFacts s;
      s.description = name;
      EXPECT_EQ(name_of(classified(s).kind), name_of(kind)) << name << ": " << classified(s).why;
    }
  }
}

TEST(SeriesKind, TimesContrastAndContradictions) {
  const auto kind = [](const char* description, double tr, double te, double ti, bool contrast = false,
                       const char* type = "ORIGINAL\\PRIMARY\\M\\ND") {
    return classified({description, "", "MR", type, tr, te, ti, contrast}).kind;
  };
  EXPECT_EQ(kind("AX", 9000, 110, 2450), SeriesKind::flair);
  EXPECT_EQ(kind("AX", 4500, 100, 0), SeriesKind::t2);
  EXPECT_EQ(kind("AX", 550, 12, 0), SeriesKind::t1);
  EXPECT_EQ(kind("AX", 550, 12, 0, true), SeriesKind::t1c);
  EXPECT_EQ(kind("SAG 3D", 2000, 3, 950, true), SeriesKind::t1c);
  EXPECT_EQ(kind("T1 PRE", 550, 12, 0, true), SeriesKind::t1);  // the agent is named for the whole examination
  EXPECT_EQ(kind("T1 POST", 550, 12, 0, false), SeriesKind::t1c);
  EXPECT_EQ(kind("T1 POST", 4500, 100, 0), SeriesKind::unknown);
  EXPECT_EQ(kind("T2", 4500, 12, 0), SeriesKind::unknown);
  EXPECT_EQ(kind("T2", 9000, 110, 2450), SeriesKind::unknown);
  EXPECT_EQ(kind("T1 POST", 550, 12, 0, true, "DERIVED\\SECONDARY\\MPR"), SeriesKind::other);
  EXPECT_EQ(classified({"head", "T1 MPRAGE", "MR", "", 0, 0, 0, true}).kind, SeriesKind::t1c);  // the protocol's name
  EXPECT_EQ(classified({"T1 POST", "", "CT", "", 0, 0, 0, false}).kind, SeriesKind::other);
}

TEST(Examinations, OneOfAKindIsTakenAndSeveralAreAskedFor) {
  const auto one = [](const char* patient, const char* description, std::int64_t slices = 30, const char* skipped = "") {
    return ExaminationSeries{patient, "1.2", {description, "", "MR", "", 0, 0, 0, false}, "axial", slices, skipped};
  };
  const std::vector<ExaminationSeries> series{one("a", "AX T1 POST"),
                                              one("a", "AX FLAIR"),
                                              one("a", "AX T2"),
                                              one("a", "AX T1"),
                                              one("a", "AX DWI"),
                                              one("b", "AX T1 POST"),
                                              one("b", "SAG MPRAGE POST", 160),
                                              one("b", "AX T2", 3),
                                              one("c", "AX T2"),
                                              one("c", "T1 +C", 30, "slices are missing")};
  std::vector<Examination> found = examinations(series, {});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].refused, "");
  EXPECT_EQ(found[0].chosen, (std::map<std::string, std::size_t>{{"t1c", 0}, {"flair", 1}, {"t2", 2}}));
  EXPECT_THAT(found[0].left_out,
              ::testing::ElementsAre(HasSubstr("'AX T1': T1 without contrast"), HasSubstr("'AX DWI': another kind")));
  EXPECT_THAT(found[1].refused,
              AllOf(HasSubstr("2 series for t1c: 'AX T1 POST' (axial, 30 slices), 'SAG MPRAGE POST' (axial, 160 slices)"),
                    HasSubstr("--series \"t1c=WORDS\"")));
  EXPECT_THAT(found[1].left_out, ::testing::ElementsAre(HasSubstr("it has 3 slices")));
  EXPECT_EQ(found[2].refused, "no T1c among its series");
  EXPECT_THAT(found[2].left_out, ::testing::ElementsAre(HasSubstr("slices are missing")));
  found = examinations(series, {{"t1c", "mprage"}});
  EXPECT_EQ(found[1].chosen.at("t1c"), 6u);
  EXPECT_THAT(found[0].refused, HasSubstr("no t1c has 'mprage' in its description"));
}

class Scan : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) / ("scan_" + std::to_string(::getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  void files(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      fs::create_directories((folder / "data" / name).parent_path());
      write_file(folder / "data" / name, name);
    }
  }
  CohortScan scan(const std::string& layout = "auto", const CohortScanOptions& more = {}) {
    CohortScanOptions options = more;
    options.layout = layout;
    return scan_cohort(folder / "data", folder / "out" / "cohort.csv", options);
  }
  static std::string said(const CohortScan& s) {
    std::string all = s.summary + "\n";
    for (const std::string& line : s.left_out) all += line + "\n";
    for (const std::string& line : s.to_fill_in) all += line + "\n";
    return all;
  }
  fs::path folder;
};

TEST_F(Scan, BidsWithMasksOfDerivatives) {
  files({"sub-01/ses-a/anat/sub-01_ses-a_ce-gd_T1w.nii.gz", "sub-01/ses-a/anat/sub-01_ses-a_FLAIR.nii.gz",
         "sub-01/ses-a/anat/sub-01_ses-a_T2w.nii.gz", "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
         "derivatives/seg/sub-01/ses-a/anat/sub-01_ses-a_label-lesion_mask.nii.gz",
         "derivatives/seg/sub-01/ses-a/anat/sub-01_ses-a_desc-brain_mask.nii.gz", "sub-02/anat/sub-02_ce-gadolinium_T1w.nii.gz",
         "sub-02/anat/sub-02_ce-gd_run-2_T1w.nii.gz", "sub-03/anat/sub-03_T1w.nii.gz", "sub-03/anat/sub-03_FLAIR.nii.gz",
         "dataset_description.json"});
  const CohortScan found = scan();
  EXPECT_EQ(found.layout, "bids");
  EXPECT_THAT(found.csv, AllOf(HasSubstr("sub-01,,../data/sub-01/ses-a/anat/sub-01_ses-a_ce-gd_T1w.nii.gz,../data/sub-01/ses-a/"
                                         "anat/sub-01_ses-a_FLAIR.nii.gz,"
                                         "../data/sub-01/ses-a/anat/sub-01_ses-a_T2w.nii.gz,../data/derivatives/seg/sub-01/"
                                         "ses-a/anat/sub-01_ses-a_label-lesion_mask.nii.gz,"
                                         "../data/derivatives/seg/sub-01/ses-a/anat/sub-01_ses-a_desc-brain_mask.nii.gz"),
                               Not(HasSubstr("sub-02")), Not(HasSubstr("sub-03"))));
  EXPECT_THAT(said(found), AllOf(HasSubstr("1 of 3 patients"), HasSubstr("sub-02: 2 files for t1c"),
                                 HasSubstr("sub-03: no T1c"), HasSubstr("label")));
}

TEST_F(Scan, BratsWithLabelsOfATable) {
  for (const char* id :
       {"BraTS-MET-00086-000", "BraTS-MET-00101-000", "BraTS-MET-00102-000", "BraTS-MET-00103-000", "BraTS-MET-00103-001"}) {
    for (const char* s : {"t1c", "t1n", "t2f", "t2w", "seg"}) files({std::string(id) + "/" + id + "-" + s + ".nii.gz"});
  }
  write_file(folder / "clinical.csv",
             "BraTS_MET_ID,Primary\nBraTS-MET-00086-000,Small cell "
             "lung\nBraTS-MET-00101-000,Adenocarcinoma\nBraTS-MET-00102-000,Breast\nBraTS-MET-09999-000,Adenocarcinoma\n");
  CohortScanOptions options;
  options.labels = folder / "clinical.csv";
  options.id_column = "BraTS_MET_ID";
  options.label_column = "Primary";
  options.map = parse_label_map("Small cell lung=SCLC,Adenocarcinoma=NSCLC");
  CohortScan found = scan("auto", options);
  EXPECT_EQ(found.layout, "brats");
  EXPECT_THAT(found.csv, AllOf(HasSubstr("BraTS-MET-00086,SCLC,../data/BraTS-MET-00086-000/BraTS-MET-00086-000-t1c.nii.gz,../"
                                         "data/BraTS-MET-00086-000/BraTS-MET-00086-000-t2f.nii.gz,"
                                         "../data/BraTS-MET-00086-000/BraTS-MET-00086-000-t2w.nii.gz,../data/"
                                         "BraTS-MET-00086-000/BraTS-MET-00086-000-seg.nii.gz,,1;3,1,1,,BraTS-METS,000\n"),
                               HasSubstr("BraTS-MET-00101,NSCLC,"), Not(HasSubstr("00102")), Not(HasSubstr("00103"))));
  EXPECT_THAT(said(found), AllOf(HasSubstr("'Breast' of the table is none of --map"),
                                 HasSubstr("BraTS-MET-00103: 2 sessions (000, 001)"), HasSubstr("--session first")));
  options.session = "last";
  found = scan("brats", options);
  EXPECT_THAT(found.csv, HasSubstr("BraTS-MET-00103,,../data/BraTS-MET-00103-001/"));  // not in the table: to be filled in
  EXPECT_THAT(said(found), HasSubstr("1 subject has no label"));
  // The table is one that read_cohort takes once the labels are there.
  std::string csv = found.csv;
  csv.replace(csv.find("00103,,"), 7, "00103,SCLC,");
  fs::create_directories(folder / "out");
  write_file(folder / "out" / "cohort.csv", csv);
  const Cohort cohort = read_cohort(folder / "out" / "cohort.csv");
  EXPECT_EQ(cohort.subjects.size(), 3u);
  EXPECT_TRUE(cohort.subjects[0].coregistered && cohort.subjects[0].skull_stripped);
  EXPECT_EQ(cohort.subjects[0].mask_labels, (std::vector<int>{1, 3}));
}

TEST_F(Scan, OtherArchives) {
  files({"UCSF_BrainMetastases_TRAIN/100101A/100101A_T1post.nii.gz", "UCSF_BrainMetastases_TRAIN/100101A/100101A_T1pre.nii.gz",
         "UCSF_BrainMetastases_TRAIN/100101A/100101A_FLAIR.nii.gz", "UCSF_BrainMetastases_TRAIN/100101A/100101A_T2Synth.nii.gz",
         "UCSF_BrainMetastases_TRAIN/100101A/100101A_seg.nii.gz"});
  CohortScan found = scan();
  EXPECT_EQ(found.layout, "ucsf");
  EXPECT_THAT(found.csv, AllOf(HasSubstr("100101,,"), HasSubstr("_T1post.nii.gz"), HasSubstr("_seg.nii.gz,,1,1,1,,UCSF-BMSR,A"),
                               Not(HasSubstr("T2Synth"))));
  EXPECT_THAT(said(found), HasSubstr("T2Synth"));
  fs::remove_all(folder / "data");
  files({"Mets_001/bravo.nii.gz", "Mets_001/t1_pre.nii.gz", "Mets_001/t1_gd.nii.gz", "Mets_001/flair.nii.gz",
         "Mets_001/seg.nii.gz"});
  found = scan();
  EXPECT_EQ(found.layout, "brainmetshare");
  EXPECT_THAT(found.csv,
              HasSubstr("Mets_001,,../data/Mets_001/bravo.nii.gz,../data/Mets_001/flair.nii.gz,,../data/Mets_001/seg.nii.gz"));
  fs::remove_all(folder / "data");
  files({"YG_ABC/2015-01-02/YG_ABC_2015-01-02_1030_POST.nii.gz", "YG_ABC/2015-01-02/YG_ABC_2015-01-02_1030_PRE.nii.gz",
         "YG_ABC/2015-01-02/YG_ABC_2015-01-02_1030_T2.nii.gz", "YG_ABC/2016-01-02/YG_ABC_2016-01-02_0930_POST.nii.gz"});
  CohortScanOptions first;
  first.session = "first";
  found = scan("auto", first);
  EXPECT_EQ(found.layout, "yale");
  EXPECT_THAT(found.csv, HasSubstr("YG_ABC,,../data/YG_ABC/2015-01-02/YG_ABC_2015-01-02_1030_POST.nii.gz,,../data/YG_ABC/"
                                   "2015-01-02/YG_ABC_2015-01-02_1030_T2.nii.gz,,"));
  EXPECT_THAT(said(found), HasSubstr("no lesion mask"));
  fs::remove_all(folder / "data");
  files({"YG_0123456789AB/YG_0123456789AB_T1CE.nii.gz", "YG_0123456789AB/YG_0123456789AB_T1CE_mask.nii.gz",
         "YG_0123456789AB/YG_0123456789AB_FLAIR.nii.gz", "YG_0123456789AB/YG_0123456789AB_FLAIR_mask.nii.gz"});
  found = scan();
  EXPECT_EQ(found.layout, "lung-path");
  EXPECT_THAT(found.csv, HasSubstr("YG_0123456789AB_T1CE.nii.gz,../data/YG_0123456789AB/YG_0123456789AB_FLAIR.nii.gz,,../data/"
                                   "YG_0123456789AB/YG_0123456789AB_T1CE_mask.nii.gz"));
}

TEST_F(Scan, RefusesWhatItDoesNotKnow) {
  files({"a/picture.nii.gz", "b.txt"});
  EXPECT_THROW(scan(), DataError);
  EXPECT_THROW(scan("bids"), DataError);
  EXPECT_THROW(scan("nonsense"), UsageError);
  EXPECT_THROW(parse_label_map("a"), UsageError);
  EXPECT_THROW(parse_label_map("a=b,a=c"), UsageError);
}

}  // namespace
}  // namespace vitrine::imaging
