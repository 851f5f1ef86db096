#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/local_postgres.h"
#include "cli/progress.h"
#include "cli/rejects_text.h"
#include "cli/report_file.h"
#include "cli/report_json.h"
#include "cli/summary.h"
#include "cli/text_format.h"

namespace vecferry::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

core::TableReport Table(const std::string& name, std::int64_t read, std::int64_t expected) {
  core::TableReport table;
  table.source = table.destination = name;
  table.counters.read = table.counters.inserted = read;
  table.counters.bytes = read * 1000;
  table.rows_expected = expected;
  return table;
}

core::Report Copying() {
  core::Report report;
  report.migration_id = "5b1d";
  report.state = core::State::kCopying;
  report.tables = {Table("notes", 2000, 8000), Table("done", 10, 10), Table("later", 0, 90)};
  for (const core::TableReport& table : report.tables) report.totals += table.counters;
  return report;
}

std::string LastLine(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  return lines.back();
}

TEST(TextFormatTest, GroupsDigits) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1000), "1,000");
  EXPECT_EQ(GroupDigits(-1234567), "-1,234,567");
  EXPECT_EQ(GroupDigits(INT64_MIN), "-9,223,372,036,854,775,808");
}

TEST(RejectsTextTest, WritesCsvThatReadsBack) {
  EXPECT_EQ(CsvRecord({"1", "plain", ""}), "1,plain,\r\n");
  EXPECT_EQ(CsvRecord({R"({"id": 1})", "a,b", "line\nbreak"}), "\"{\"\"id\"\": 1}\",\"a,b\",\"line\nbreak\"\r\n");
}

TEST(RejectsTextTest, SaysWhichRowsCanBeCarried) {
  postgres::Reject reject;
  reject.raw_format = "sqlite-record";
  EXPECT_EQ(CanBeReplayed(reject), "yes");
  reject.raw_format = "copy-tuple";
  EXPECT_EQ(CanBeReplayed(reject), "yes");
  reject.raw_format = "text";
  EXPECT_THAT(CanBeReplayed(reject), HasSubstr("not kept"));
  reject.kind = "too_large";
  EXPECT_THAT(CanBeReplayed(reject), HasSubstr("--max-row-bytes"));
}

TEST(TextFormatTest, SaysBytesAndTimes) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1500), "1.5 kB");
  EXPECT_EQ(FormatBytes(999.6e6), "1.0 GB");
  EXPECT_EQ(FormatClock(12.4), "0:12");
  EXPECT_EQ(FormatClock(3723), "1:02:03");
}

TEST(TextFormatTest, AlignsCharactersNotBytes) {
  EXPECT_EQ(FormatTable({{"größe", "1"}, {"a", "22"}}, 1, " "), " größe   1\n a      22\n");
}

TEST(TextFormatTest, IsPlainWhereTheEnvironmentWantsIt) {
  const auto set = [](const char* no_color, const char* term, const char* lc_all, const char* lang) {
    setenv("NO_COLOR", no_color, 1);
    setenv("TERM", term, 1);
    setenv("LC_ALL", lc_all, 1);
    setenv("LANG", lang, 1);
    unsetenv("LC_CTYPE");
    return WantsAscii();
  };
  EXPECT_FALSE(set("", "xterm", "", "de_DE.UTF-8"));
  EXPECT_FALSE(set("", "xterm", "C.utf8", "C"));
  EXPECT_TRUE(set("1", "xterm", "", "de_DE.UTF-8"));
  EXPECT_TRUE(set("", "dumb", "", "de_DE.UTF-8"));
  EXPECT_TRUE(set("", "xterm", "C", "de_DE.UTF-8"));
  EXPECT_TRUE(set("", "xterm", "", ""));
}

TEST(ProgressTest, TellsRowsRateAndTimeLeftOfTablesAtWorkAndOfAll) {
  Rates rates;
  core::Report earlier = Copying();
  for (core::TableReport& table : earlier.tables) table.counters = {};
  rates.Add(absl::UnixEpoch(), earlier);
  rates.Add(absl::UnixEpoch() + absl::Seconds(2), Copying());
  const std::vector<std::string> lines = BarLines(Copying(), rates, /*ascii=*/true, 120);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("notes"));
  EXPECT_THAT(lines[0], HasSubstr("[#####---------------]  25%  2,000 of 8,000 rows, 1.0 MB/s, 0:06 left"));
  EXPECT_THAT(lines[1], HasSubstr("2,010 of 8,100 rows"));
  EXPECT_THAT(PlainLine(Copying(), rates),
              HasSubstr("COPYING: 2,010 of 8,100 rows, 1.0 MB/s, 0:06 left; notes 2,000 of"));
  EXPECT_EQ(BarLines(Copying(), rates, true, 20)[0].size(), 20u);
  const auto json = nlohmann::json::parse(ProgressJson(Copying(), rates));
  EXPECT_EQ(json["rows_expected"], 8100);
  EXPECT_EQ(json["tables"][0]["seconds_left"], 6.0);
  EXPECT_TRUE(json["step"].is_null());
}

TEST(ProgressTest, KnowsNoRateFromOneSample) {
  Rates rates;
  rates.Add(absl::UnixEpoch(), Copying());
  EXPECT_LT(SecondsLeft(Copying().tables[0], rates.OfAll()), 0);
  EXPECT_THAT(PlainLine(Copying(), rates), Not(HasSubstr("left")));
}

TEST(SummaryTest, NamesTheLevelLast) {
  core::Report report = Copying();
  report.state = core::State::kVerified;
  report.verify_level = "counts";
  EXPECT_EQ(LastLine(FormatSummary(report, DestinationBy::kEnvironment)), "VERIFIED: checked at level counts");
  report.state = core::State::kCopied;
  EXPECT_THAT(LastLine(FormatSummary(report, DestinationBy::kEnvironment)), HasSubstr("not verified"));
  report.state = core::State::kFailed;
  report.failure = "disk full: make room, then run the same command again";
  EXPECT_EQ(LastLine(FormatSummary(report, DestinationBy::kEnvironment)),
            "FAILED: disk full: make room, then run the same command again");
}

TEST(SummaryTest, NextCommandsNameTheDestinationWhereTheCopyDid) {
  core::Report report = Copying();
  for (const core::State state : {core::State::kVerified, core::State::kCancelled}) {
    report.state = state;
    EXPECT_THAT(FormatSummary(report, DestinationBy::kFlag), HasSubstr("with the same --postgres-url"));
    EXPECT_THAT(FormatSummary(report, DestinationBy::kEnvironment), Not(HasSubstr("--postgres-url")));
  }
  report.state = core::State::kVerified;
  report.totals.rejected = 1;
  EXPECT_THAT(FormatSummary(report, DestinationBy::kFlag),
              HasSubstr("vecferry rejects list 5b1d (with the same --postgres-url)\n"));
  EXPECT_THAT(FormatSummary(report, DestinationBy::kEnvironment), HasSubstr("vecferry rejects list 5b1d\n"));
}

TEST(RejectsTextTest, SaysWhenAReplayFoundNoRow) {
  core::ReplayOutcome outcome;
  EXPECT_THAT(FormatReplay(outcome, "5b1d", false), HasSubstr("no rejected row was selected"));
  EXPECT_THAT(FormatReplay(outcome, "5b1d", false), HasSubstr("vecferry rejects list 5b1d"));
  outcome.present = 1;
  EXPECT_THAT(FormatReplay(outcome, "5b1d", false), Not(HasSubstr("no rejected row")));
}

TEST(SummaryTest, ShowsIssuesAndHowManyMore) {
  core::Report report = Copying();
  report.state = core::State::kVerified;
  report.totals.rejected = 23;
  report.issues.push_back({"notes", R"({"id": 7})", "body", "invalid_json", "repaired", "no JSON\x1b[31m"});
  report.issues_more = 22;
  const std::string text = FormatSummary(report, DestinationBy::kEnvironment);
  EXPECT_THAT(text, HasSubstr("repaired notes.body {\"id\": 7}: invalid_json"));
  EXPECT_THAT(text, HasSubstr("+22 more"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("next: look at what was not carried"));
}

core::Report Compared() {
  core::Report report = Copying();
  for (int i = 0; i < 25; ++i) {
    report.differences.push_back(
        {"notes", absl::StrCat("{\"id\": ", i, "}"), "body", "differing", "'a' there 'b\x1b'"});
  }
  report.differences.push_back({"notes", "", "", "structure", "no key"});
  report.differences_more = 7;
  report.recall = {{"notes", "embedding", "", "kind = \xff", "cosine", 10, 50, 1, 0.985, {1.25, 3, 9}, {}}};
  report.recall.push_back({"notes", "other", "MiniLM", "", "l2", 5, 50});
  report.sizes = {{"notes", 2000, 300, 40, 5}};
  return report;
}

TEST(SummaryTest, ShowsTheFirstDifferencesAndWhatSearchFinds) {
  const std::string text = FormatSummary(Compared(), DestinationBy::kEnvironment);
  EXPECT_THAT(text, HasSubstr("differences\n  differing notes {\"id\": 0} body: 'a' there 'b '\n"));
  EXPECT_THAT(text, HasSubstr("{\"id\": 19}"));
  EXPECT_THAT(text, Not(HasSubstr("{\"id\": 20}")));
  EXPECT_THAT(text, HasSubstr("  +13 more\n"));
  EXPECT_THAT(text, HasSubstr("kind = \xef\xbf\xbd"));
  EXPECT_THAT(text, HasSubstr("1.0000  0.9850"));
  EXPECT_THAT(text, HasSubstr("1.25 / 3.00 / 9.00 ms"));
  EXPECT_THAT(FormatSummary(Copying(), DestinationBy::kEnvironment), Not(HasSubstr("differences")));
}

TEST(ReportJsonTest, TellsWhatVerificationFound) {
  const auto json = nlohmann::json::parse(ReportJson(Compared()));
  EXPECT_EQ(json["differences"].size(), 26u);
  EXPECT_EQ(json["differences_more"], 7);
  EXPECT_EQ(json["differences"][3]["key"]["id"], 3);
  EXPECT_EQ(json["differences"][3]["columns"], "body");
  EXPECT_TRUE(json["differences"][25]["key"].is_null());
  EXPECT_TRUE(json["differences"][25]["columns"].is_null());
  EXPECT_EQ(json["recall"][0]["index"], 0.985);
  EXPECT_EQ(json["recall"][0]["by_index_ms"]["p99"], 9);
  EXPECT_TRUE(json["recall"][0]["without_index_ms"].is_null());
  EXPECT_TRUE(json["recall"][0]["model"].is_null());
  EXPECT_TRUE(json["recall"][1]["exact"].is_null()) << "not measured is not 0";
  EXPECT_TRUE(json["recall"][1]["slice"].is_null());
  EXPECT_EQ(json["sizes"][0]["dead_tuples"], 5);
}

TEST(ReportFileTest, DigestLineIsAsSha256sumPrintsIt) {
  const std::string digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(DigestLine("/a/b c.html", "abc"), digest + "  b c.html\n");
  EXPECT_EQ(DigestLine("x\\y\nz", "abc"), "\\" + digest + "  x\\\\y\\nz\n");
  EXPECT_EQ(DigestPath("/a/b.html"), "/a/b.html.sha256");
}

TEST(ReportJsonTest, HasKeysAsObjectsAndSurvivesBytesThatAreNoText) {
  core::Report report = Copying();
  report.source_path = "/tmp/\xff.db";
  report.issues.push_back({"notes", R"({"id": {"hex": "ff", "type": "blob"}})", "", "null_key", "rejected", "r"});
  report.issues.push_back({"notes", "not json", "c", "k", "rejected", "r"});
  const auto json = nlohmann::json::parse(ReportJson(report));
  EXPECT_EQ(json["format"], "vecferry.report.v1");
  EXPECT_EQ(json["issues"][0]["key"]["id"]["hex"], "ff");
  EXPECT_TRUE(json["issues"][0]["column"].is_null());
  EXPECT_EQ(json["issues"][1]["key"], "not json");
  EXPECT_EQ(json["totals"]["read"], 2010);
  EXPECT_TRUE(json["finished_at"].is_null());
  EXPECT_EQ(json["source"]["path"], "/tmp/\xef\xbf\xbd.db");
}

TEST(ServerSettingsTest, StayWithinTheMachineAndAreSafe) {
  for (const std::int64_t memory : {std::int64_t{1} << 29, std::int64_t{1} << 34, std::int64_t{1} << 40}) {
    const std::string settings = ServerSettings(memory, "/run/o'brien", true, false);
    EXPECT_THAT(settings, HasSubstr("fsync = on\n"));
    EXPECT_THAT(settings, HasSubstr("synchronous_commit = on\n"));
    EXPECT_THAT(settings, HasSubstr("listen_addresses = ''\n"));
    EXPECT_THAT(settings, HasSubstr("unix_socket_directories = '/run/o''brien'\n"));
    EXPECT_THAT(settings, HasSubstr("dynamic_shared_memory_type = sysv\n"));
  }
  EXPECT_THAT(ServerSettings(std::int64_t{1} << 33, "/run", false, true), HasSubstr("shared_buffers = 1024MB\n"));
  EXPECT_THAT(ServerSettings(std::int64_t{1} << 40, "/run", false, true), HasSubstr("shared_buffers = 2048MB\n"));
}

}  // namespace
}  // namespace vecferry::cli
