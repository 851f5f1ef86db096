#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "verifier/canonical.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using core::ValueView;

// The time as Postgres writes it, after how it was got when not exactly.
std::string Time(const ValueView& value) {
  std::string out;
  const Reading reading = ReadValue(value, {PgKind::kTimestamptz}, out);
  if (reading.result == Reading::Result::kUnfit) return absl::StrCat("unfit ", reading.kind, out);
  const std::string text = CanonicalText({PgKind::kTimestamptz}, out);
  if (reading.result == Reading::Result::kRounded) return "rounded " + text;
  return reading.result == Reading::Result::kRepaired ? absl::StrCat(reading.kind, ": ", text) : text;
}
std::string OfText(absl::string_view text) { return Time(ValueView::Text(text)); }

TEST(ReadTimeTest, ReadsTextOfEveryForm) {
  EXPECT_EQ(OfText("2000-01-01T00:00:01.5Z"), "2000-01-01 00:00:01.500000+00");
  EXPECT_EQ(OfText("1970-01-01"), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(OfText(" 2024-02-29t23:59:59.999999+05:30\n"), "2024-02-29 18:29:59.999999+00");
  EXPECT_EQ(OfText("2024-03-01 00:00:00+0130"), "2024-02-29 22:30:00.000000+00");
  EXPECT_EQ(OfText("2024-12-31 23:00:00-02"), "2025-01-01 01:00:00.000000+00");
  EXPECT_EQ(OfText("2024-12-31 23:00:00-23:59"), "2025-01-01 22:59:00.000000+00");
  EXPECT_EQ(OfText("0000-12-31T00:00:00Z"), "0001-12-31 00:00:00.000000+00 BC");
  EXPECT_EQ(OfText("-0001-01-01T00:00:00Z"), "0002-01-01 00:00:00.000000+00 BC");
  EXPECT_EQ(OfText("+12345-01-01T00:00:00Z"), "12345-01-01 00:00:00.000000+00");
}

TEST(ReadTimeTest, RoundsHalfToEvenBeyondMicroseconds) {
  EXPECT_EQ(OfText("2000-01-01T00:00:00.1234560000Z"), "2000-01-01 00:00:00.123456+00");
  EXPECT_EQ(OfText("2000-01-01T00:00:00.0000005Z"), "rounded 2000-01-01 00:00:00.000000+00");
  EXPECT_EQ(OfText("2000-01-01T00:00:00.0000015Z"), "rounded 2000-01-01 00:00:00.000002+00");
  EXPECT_EQ(OfText("1999-12-31T23:59:59.0000025Z"), "rounded 1999-12-31 23:59:59.000002+00");
  EXPECT_EQ(OfText("2000-01-01T00:00:00.00000050000000000000000000001Z"), "rounded 2000-01-01 00:00:00.000001+00");
  EXPECT_EQ(OfText("1999-12-31T23:59:59.9999999Z"), "rounded 2000-01-01 00:00:00.000000+00");
}

TEST(ReadTimeTest, RepairsLeapSeconds) {
  EXPECT_EQ(OfText("2016-12-31T23:59:60Z"), "leap_second: 2017-01-01 00:00:00.000000+00");
  EXPECT_EQ(OfText("2016-12-31T23:59:61Z"), "unfit unreadable_time");
}

TEST(ReadTimeTest, KnowsThePlacesWherePostgresEnds) {
  EXPECT_EQ(OfText("-4713-11-24T00:00:00Z"), "4714-11-24 00:00:00.000000+00 BC");
  EXPECT_EQ(OfText("-4713-11-23T23:59:59.999999Z"), "unfit time_out_of_range");
  EXPECT_EQ(OfText("+294276-12-31T23:59:59.999999Z"), "294276-12-31 23:59:59.999999+00");
  EXPECT_EQ(OfText("+294276-12-31T23:59:59.9999999Z"), "unfit time_out_of_range");
  EXPECT_EQ(OfText("+999999999-01-01T00:00:00Z"), "unfit time_out_of_range");
}

TEST(ReadTimeTest, RefusesWhatIsNoTime) {
  EXPECT_EQ(OfText(""), "unfit empty_time");
  EXPECT_EQ(OfText(" \n"), "unfit empty_time");
  for (const char* text : {"now",
                           "2024",
                           "1700000000",
                           "2024-02-30",
                           "2023-02-29T00:00:00Z",
                           "2024-13-01",
                           "2024-1-01",
                           "2024-01-01T24:00:00Z",
                           "2024-01-01T12:00Z",
                           "2024-01-01T12:00:00.Z",
                           "2024-01-01T12:60:00Z",
                           "2024-01-01T12:00:00+24:00",
                           "2024-01-01T12:00:00+5",
                           "2024-01-01T12:00:00+05:60",
                           "2024-01-01T12:00:00 UTC",
                           "24-01-01",
                           "12024-01-01T00:00:00Z",
                           "+1234567890-01-01",
                           "2024-00-01",
                           "2024-01-00",
                           "2024-01-01T",
                           "infinity",
                           "2024-01-01T12:00:00+01:"}) {
    EXPECT_EQ(OfText(text), "unfit unreadable_time") << text;
  }
  EXPECT_EQ(Time(ValueView::Blob("2024-01-01")), "unfit wrong_type");
}

TEST(ReadTimeTest, ReadsEpochsBySize) {
  EXPECT_EQ(Time(ValueView::Integer(946684801)), "2000-01-01 00:00:01.000000+00");
  EXPECT_EQ(Time(ValueView::Integer(0)), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(Time(ValueView::Integer(99'999'999'999)), "5138-11-16 09:46:39.000000+00");
  EXPECT_EQ(Time(ValueView::Integer(100'000'000'000)), "1973-03-03 09:46:40.000000+00");
  EXPECT_EQ(Time(ValueView::Integer(INT64_MAX)), "unfit time_out_of_range");
  EXPECT_EQ(Time(ValueView::Integer(INT64_MIN)), "unfit time_out_of_range");
  EXPECT_EQ(Time(ValueView::Integer(9'224'318'015'999'999)), "294276-12-31 23:59:59.999000+00");
  EXPECT_EQ(Time(ValueView::Integer(9'224'318'016'000'000)), "unfit time_out_of_range");
  EXPECT_EQ(Time(ValueView::Real(946684800.000001)), "2000-01-01 00:00:00.000001+00");
  EXPECT_EQ(Time(ValueView::Real(1700000000123.5)), "2023-11-14 22:13:20.123500+00");
  EXPECT_EQ(Time(ValueView::Real(-0.5)), "1969-12-31 23:59:59.500000+00");
  EXPECT_EQ(Time(ValueView::Real(0.0000005)), "rounded 1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(Time(ValueView::Real(0.0000015)), "rounded 1970-01-01 00:00:00.000002+00");
  EXPECT_EQ(Time(ValueView::Real(5e-324)), "rounded 1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(Time(ValueView::Real(1e300)), "unfit time_out_of_range");
}

}  // namespace
}  // namespace vecferry::verifier
