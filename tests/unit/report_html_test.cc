// The report as a page: what it says, and that nothing of a source can become markup in it.
#include "cli/report_html.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cli/markup.h"
#include "cli/report_plots.h"
#include "common/core/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecferry::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Every text is `text`, every list has an element.
core::Report FullOf(const std::string& text) {
  core::Report report;
  report.vecferry_version = report.migration_id = report.failure = report.source_kind = report.source_path = text;
  report.profile = report.profile_reason = report.schema_version = report.fingerprint = report.destination_url = text;
  report.server_version = report.pgvector_version = report.destination_schema = report.started_at = text;
  report.finished_at = report.step = report.verify_level = report.trace_id = text;
  report.state = core::State::kDifferent;
  report.resumed = 1;
  report.seconds = {1, 2, 3, 4, 10};
  report.tables = {{text, text, {9, 1, 2, 3, 1, 4, 2, 5, 600, 1}, 10, 11}};
  report.totals = report.tables[0].counters;
  report.issues = {{text, text, text, text, text, text}};
  report.issues_more = 99'980;
  report.indexes = {{text, text, text, 12.5}};
  for (const char* verdict : {"pass", "fail", "skipped"})
    report.checks.push_back({text, text, verdict, text, text, text});
  report.checks.push_back({text, text, text, text, text, text});
  report.differences = {{text, text, text, text, text}};
  report.differences_more = 4321;
  report.recall = {{text, text, text, text, text, 10, 50, 1, 0.97, {1, 2, 3}, {100, 200, 4000}}};
  report.sizes = {{text, 1'234'567, 2, 3, 77}};
  report.notes = {text};
  report.left_out = {{text, text}};
  return report;
}

core::Report Plain() {
  core::Report report = FullOf("plain");
  report.failure = "";
  report.verify_level = "full";
  report.started_at = "2026-01-02T03:04:05Z";
  report.migration_id = "5b1d-77";
  return report;
}

const char* const kSections[] = {"summary", "tables", "checks",  "differences", "issues", "recall",
                                 "stages",  "sizes",  "indexes", "ends",        "notes",  "signature"};
const char* const kVoid[] = {"meta", "circle", "path", "line", "rect"};  // without an end tag, or closed at once
const char* const kElements[] = {"html",  "head",  "meta", "title", "style", "body",   "main",    "header",  "section",
                                 "svg",   "path",  "rect", "line",  "text",  "circle", "g",       "desc",    "div",
                                 "nav",   "h1",    "h2",   "h3",    "p",     "ul",     "li",      "dl",      "dt",
                                 "dd",    "a",     "span", "bdi",   "code",  "em",     "table",   "caption", "thead",
                                 "tbody", "tfoot", "tr",   "th",    "td",    "strong", "details", "summary"};
const char* const kOfSvg[] = {"path", "rect", "line", "text", "circle", "g", "desc", "title"};

bool Among(const std::string& name, absl::Span<const char* const> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Reads the page's tags as a parser would; each is one of ours, closed where it must be, with attributes of ours.
void ExpectWellFormed(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<', 15); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = page.substr(at + 1, end - at - 1);
    ASSERT_EQ(tag.find('<'), std::string::npos) << tag;
    const bool closing = tag[0] == '/';
    const std::string name = closing ? tag.substr(1) : tag.substr(0, tag.find_first_of(" /"));
    ASSERT_TRUE(Among(name, kElements)) << tag;
    if (closing) {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(open.back(), name) << page.substr(at > 200 ? at - 200 : 0, 300);
      open.pop_back();
      continue;
    }
    const bool in_svg = std::find(open.begin(), open.end(), "svg") != open.end();
    // An element of HTML would end the picture.
    EXPECT_TRUE(name == "title" || in_svg == Among(name, kOfSvg)) << tag;
    for (const char* forbidden : {" on", "src=", "href=\"h", "href=\"j", "style=", "xlink"}) {
      EXPECT_THAT(tag, Not(HasSubstr(forbidden)));
    }
    if (!Among(name, kVoid)) open.push_back(name);
  }
  EXPECT_TRUE(open.empty()) << open.back();
}

TEST(ReportHtmlTest, HasEverySectionWithAndWithoutContent) {
  for (const core::Report& report : {core::Report(), Plain()}) {
    const std::string page = ReportHtml(report);
    for (const char* section : kSections) EXPECT_THAT(page, HasSubstr(absl::StrCat("<section id=\"", section, "\">")));
    ExpectWellFormed(page);
    EXPECT_THAT(page, HasSubstr("<meta charset=\"utf-8\">"));
    EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'unsafe-inline'"));
  }
}

TEST(ReportHtmlTest, ShowsEveryTextOfTheReport) {
  std::vector<std::string> texts;
  const auto next = [&texts] { return texts.emplace_back(absl::StrCat("text-", texts.size(), ";")); };
  core::Report report = Plain();
  for (std::string* text :
       {&report.vecferry_version, &report.migration_id, &report.failure, &report.source_kind, &report.source_path,
        &report.profile, &report.profile_reason, &report.schema_version, &report.fingerprint, &report.destination_url,
        &report.server_version, &report.pgvector_version, &report.destination_schema, &report.started_at,
        &report.finished_at, &report.step, &report.verify_level, &report.trace_id}) {
    *text = next();
  }
  report.tables = {{next(), next()}};
  report.issues = {{next(), next(), next(), next(), next(), next()}};
  report.indexes = {{next(), next(), next()}};
  report.checks = {{next(), next(), "pass", next(), next(), next()}, {next(), next(), "fail", next(), next(), next()}};
  report.differences = {{next(), next(), next(), next(), next()}};
  report.recall = {{next(), next(), next(), next(), next()}};
  report.sizes = {{next()}};
  report.notes = {next(), next()};
  report.left_out = {{next(), next()}};
  const std::string page = ReportHtml(report);
  for (const std::string& text : texts) EXPECT_THAT(page, HasSubstr(text));
}

TEST(ReportHtmlTest, NoTextOfASourceBecomesMarkup) {
  for (const std::string& text : std::vector<std::string>{
           "<script src=x>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "</title></style></svg><b>&lt;",
           "<!--", "]]>", "\" onload=\"x", std::string("\0\x01\x1b[31m\x7f\xc2\x9b\xff\xed\xa0\x80\xf4\x90", 16)}) {
    const std::string page = ReportHtml(FullOf(text));
    ExpectWellFormed(page);
    EXPECT_EQ(core::ValidUtf8Prefix(page), page.size());
    EXPECT_TRUE(std::all_of(page.begin(), page.end(), [](char c) { return c == '\n' || !absl::ascii_iscntrl(c); }));
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("http:")));
    EXPECT_THAT(page, Not(HasSubstr("<!--")));
  }
}

TEST(ReportHtmlTest, TellsUnseenCharactersByTheirNumbers) {
  const std::string page =
      ReportHtml(FullOf("a\xe2\x80\xae"
                        "b\xe2\x80\x8b"
                        "c\xf3\xa0\x81\x81"));
  EXPECT_THAT(page, HasSubstr("[U+202E]"));
  EXPECT_THAT(page, HasSubstr("[U+200B]"));
  EXPECT_THAT(page, HasSubstr("[U+E0041]"));
  for (const char* unseen : {"\xe2\x80\xae", "\xe2\x80\x8b", "\xf3\xa0\x81\x81"}) {
    EXPECT_THAT(page, Not(HasSubstr(unseen)));
  }
}

TEST(ReportHtmlTest, IsBoundedByWhatItShows) {
  const std::string one = ReportHtml(FullOf(std::string(10'000, 'x')));
  EXPECT_THAT(one, HasSubstr("(+9,880 characters)"));
  EXPECT_THAT(one, Not(HasSubstr(std::string(700, 'x'))));
  core::Report report = Plain();
  report.tables.assign(3000, report.tables[0]);
  report.checks.assign(5000, {"counts", "t", "pass", "1", "1", ""});
  report.notes.assign(1700, "a note");
  const std::string many = ReportHtml(report);
  EXPECT_THAT(many, HasSubstr("+2,000 more"));
  EXPECT_THAT(many, HasSubstr("+4,000 more"));
  EXPECT_THAT(many, HasSubstr("+700 more"));
  ExpectWellFormed(many);
}

TEST(ReportHtmlTest, SameReportGivesTheSameBytes) { EXPECT_EQ(ReportHtml(Plain()), ReportHtml(Plain())); }

TEST(ReportHtmlTest, SaysHowItEndedInWordsAndColour) {
  core::Report report = Plain();
  report.checks.resize(1);
  report.differences.clear();
  report.differences_more = 0;
  report.totals.rejected = report.totals.conflicting = report.totals.incomplete = 0;
  const auto expect = [&report](core::State state, const std::string& css, const std::string& headline) {
    report.state = state;
    const std::string page = ReportHtml(report);
    EXPECT_THAT(page, HasSubstr(absl::StrCat("<section class=\"verdict ", css, "\"")));
    EXPECT_THAT(page, HasSubstr(absl::StrCat("<h1 id=\"verdict\">", headline, "</h1>")));
    EXPECT_THAT(page, HasSubstr(absl::StrCat("<title>", headline)));
  };
  expect(core::State::kVerified, "good", "VERIFIED");
  expect(core::State::kDifferent, "bad", "DIFFERENT");
  expect(core::State::kCopied, "warn", "COPIED, not verified");
  expect(core::State::kFailed, "bad", "FAILED");
  expect(core::State::kCancelled, "stopped", "CANCELLED, not verified");
  expect(core::State::kPaused, "stopped", "PAUSED, not verified");
  expect(core::State::kVerifying, "stopped", "VERIFYING, not verified");
  expect(core::State::kDropped, "stopped", "DROPPED");
  report.totals.rejected = 1;
  expect(core::State::kVerified, "warn", "VERIFIED, with rows left behind");
  report.checks[0].verdict = "fail";
  expect(core::State::kVerified, "bad", "VERIFIED, but not every check passed");
}

TEST(ReportHtmlTest, SaysWhatTheLevelDidNotLookAt) {
  core::Report report = Plain();
  for (const char* level : {"counts", "sample", "full"}) {
    report.verify_level = level;
    EXPECT_THAT(ReportHtml(report), HasSubstr(absl::StrCat("Level of verification: ", level, ".")));
    EXPECT_THAT(ReportHtml(report), HasSubstr("Not looked at: "));
  }
  report.verify_level = "counts";
  EXPECT_THAT(ReportHtml(report), HasSubstr("a row with another content is not found"));
  report.verify_level = "";
  EXPECT_THAT(ReportHtml(report), HasSubstr("Whether source and destination are equal is not known."));
}

TEST(ReportHtmlTest, TellsTheNumbersOfTheReport) {
  const std::string page = ReportHtml(Plain());
  for (const char* text : {"4,322 differences were found", "+99,980 more", "+4,321 more", "1,234,567", "97.0 %",
                           "2026-01-02 03:04:05 UTC", "100 / 200 / 4,000", "12.50 s", "logarithmic scale",
                           "vecferry.issues WHERE migration_id = &#39;5b1d-77&#39;"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  // Failed checks come before those that passed, which are folded away.
  EXPECT_LT(page.find("<span>Failed checks"), page.find("<details>"));
  EXPECT_LT(page.find("<details>"), page.find("<span>Passed checks"));
}

TEST(ReportHtmlTest, RoundsNoLossAway) {
  core::Report report = Plain();
  report.recall[0].exact = 0.99999;
  report.recall[0].index = -1;
  const std::string page = ReportHtml(report);
  EXPECT_THAT(page, HasSubstr("99.9 %"));
  EXPECT_THAT(page, Not(HasSubstr("100.0 %")));
}

TEST(MarkupTest, CutsAtCharactersAndCountsTheRest) {
  EXPECT_EQ(Escaped("<a&'\">").text(), "&lt;a&amp;&#39;&quot;&gt;");
  EXPECT_EQ(Escaped("\xc3\xa4\xc3\xb6\xc3\xbc", 2).text(), "\xc3\xa4\xc3\xb6\xe2\x80\xa6 (+1 characters)");
  EXPECT_EQ(Escaped("\xc3\xa4\xc3\xb6", 2).text(), "\xc3\xa4\xc3\xb6");
  EXPECT_EQ(Isolated("").text(), "");
  EXPECT_EQ(Seconds(59.99).text(), "59.99 s");
  EXPECT_EQ(Seconds(125).text(), "2:05 min");
  EXPECT_EQ(Seconds(3723).text(), "1:02:03 h");
  EXPECT_EQ(Utc("").text(), OrDash({}).text());
}

TEST(PlotTest, AxisHoldsItsValuesAndIsLogarithmicWhereTheyAreFarApart) {
  for (const auto& [values, logarithmic] :
       std::vector<std::pair<std::vector<double>, bool>>{{{1, 2, 20}, false},
                                                         {{1, 100}, true},
                                                         {{0.0004, 3, 120000}, true},
                                                         {{7, 7}, false},
                                                         {{1e-9, 1e12}, true},
                                                         {{0.02, 0.03}, false},
                                                         {{0, 5, 0}, false},
                                                         {{1, 1000}, true}}) {
    const Axis axis = AxisOf(values);
    EXPECT_EQ(axis.logarithmic, logarithmic) << values.front();
    EXPECT_TRUE(std::is_sorted(axis.ticks.begin(), axis.ticks.end()));
    EXPECT_GE(axis.ticks.size(), 2u);
    EXPECT_LE(axis.ticks.size(), 13u);
    for (const double value : values) {
      if (value <= 0) continue;
      EXPECT_LE(axis.low, value * (1 + 1e-9));
      EXPECT_GE(axis.high, value * (1 - 1e-9));
    }
    EXPECT_EQ(axis.Place(axis.low), 0);
    EXPECT_EQ(axis.Place(axis.high), 1);
  }
}

TEST(PlotTest, DrawsNothingWhereNothingWasMeasured) {
  EXPECT_TRUE(LatencyPlot({core::RecallReport()}).empty());
  EXPECT_TRUE(StagePlot({}).empty());
}

}  // namespace
}  // namespace vecferry::cli
