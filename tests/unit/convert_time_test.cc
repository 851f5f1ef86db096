#include <limits>

#include "absl/strings/str_cat.h"
#include "common/convert/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecferry::convert {
namespace {

using core::ValueView;

// The time that was appended, in microseconds since 2000-01-01 UTC, after how it was got when not exactly.
std::string Encode(const ValueView& value) {
  std::string out;
  const Outcome outcome = ToTimestamptz(value, out);
  if (outcome.fidelity == Fidelity::kUnfit) return absl::StrCat("unfit ", std::string(outcome.kind));
  EXPECT_EQ(out.size(), 8u);
  std::uint64_t micros = 0;
  for (const char byte : out) micros = micros << 8 | static_cast<unsigned char>(byte);
  const auto number = static_cast<std::int64_t>(micros);
  if (outcome.fidelity == Fidelity::kRounded) return absl::StrCat("rounded ", number);
  if (outcome.fidelity == Fidelity::kRepaired) return absl::StrCat(std::string(outcome.kind), " ", number);
  return absl::StrCat(number);
}

std::string EncodeText(const char* text) { return Encode(ValueView::Text(text)); }

TEST(ToTimestamptzTest, ReadsRfc3339) {
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00Z"), "0");
  EXPECT_EQ(EncodeText("2000-01-01t00:00:01.5z"), "1500000");
  EXPECT_EQ(EncodeText("2000-01-01T05:30:00+05:30"), "0");
  EXPECT_EQ(EncodeText("1999-12-31T00:01:00-23:59"), "0");
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.123456+00:00"), "123456");
  EXPECT_EQ(EncodeText("2000-01-01 02:00:00+02"), "0");
  EXPECT_EQ(EncodeText("2000-01-01 02:00:00+0200"), "0");
  EXPECT_EQ(EncodeText("1970-01-01T00:00:00Z"), "-946684800000000");
  EXPECT_EQ(EncodeText("2000-02-29T00:00:00Z"), absl::StrCat(59 * 86'400'000'000));
}

TEST(ToTimestamptzTest, ReadsSqliteTimesAsUtc) {
  EXPECT_EQ(EncodeText("2000-01-01 00:00:01"), "1000000");
  EXPECT_EQ(EncodeText("2000-01-01 00:00:01.25"), "1250000");
  EXPECT_EQ(EncodeText("2000-01-01T00:00:01"), "1000000");
  EXPECT_EQ(EncodeText("2000-01-02"), "86400000000");
  EXPECT_EQ(EncodeText(" 2000-01-01\n"), "0");
}

TEST(ToTimestamptzTest, RoundsHalfToEven) {
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.123456000Z"), "123456") << "nothing lost";
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.123456499Z"), "rounded 123456");
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.123456500Z"), "rounded 123456");
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.123457500Z"), "rounded 123458");
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.123456501Z"), "rounded 123457");
  EXPECT_EQ(EncodeText("2000-01-01T00:00:00.999999500Z"), "rounded 1000000") << "carries into the second";
  EXPECT_EQ(EncodeText("1999-12-31T23:59:59.999999500Z"), "rounded 0") << "and before 2000";
}

TEST(ToTimestamptzTest, LeapSecondBecomesTheNextMinute) {
  EXPECT_EQ(EncodeText("1999-12-31T23:59:60Z"), "leap_second 0");
  EXPECT_EQ(EncodeText("1999-12-31T23:59:60.25Z"), "leap_second 250000");
}

TEST(ToTimestamptzTest, ReadsEpochSecondsAndMilliseconds) {
  EXPECT_EQ(Encode(ValueView::Integer(946684800)), "0");
  EXPECT_EQ(Encode(ValueView::Integer(946684800001)), "1000");
  EXPECT_EQ(Encode(ValueView::Integer(0)), "-946684800000000");
  EXPECT_EQ(Encode(ValueView::Integer(-1)), "-946684801000000");
  EXPECT_EQ(Encode(ValueView::Integer(99'999'999'999)), absl::StrCat((99'999'999'999 - 946'684'800) * 1'000'000));
  EXPECT_EQ(Encode(ValueView::Integer(100'000'000'000)), absl::StrCat(100'000'000'000'000 - 946'684'800'000'000));
  EXPECT_EQ(Encode(ValueView::Real(946684800.25)), "250000");
  EXPECT_EQ(Encode(ValueView::Real(946684800.123)), "123000") << "what its shortest digits say";
  EXPECT_EQ(Encode(ValueView::Real(946684800000.5)), "500");
  EXPECT_EQ(Encode(ValueView::Real(0.0000005)), "rounded -946684800000000");
  EXPECT_EQ(Encode(ValueView::Real(0.0000015)), "rounded -946684799999998");
  EXPECT_EQ(Encode(ValueView::Real(-0.5)), "-946684800500000");
}

TEST(ToTimestamptzTest, EndsWherePostgresEnds) {
  EXPECT_EQ(EncodeText("-4713-11-24T00:00:00Z"), "-211813488000000000");
  EXPECT_EQ(EncodeText("-4713-11-23T23:59:59.999999Z"), "unfit time_out_of_range");
  EXPECT_EQ(EncodeText("+294276-12-31T23:59:59.999999Z"), "9223371331199999999");
  EXPECT_EQ(EncodeText("+294277-01-01T00:00:00Z"), "unfit time_out_of_range");
  EXPECT_EQ(EncodeText("+999999999-01-01"), "unfit time_out_of_range");
  EXPECT_EQ(Encode(ValueView::Integer(std::numeric_limits<std::int64_t>::max())), "unfit time_out_of_range");
  EXPECT_EQ(Encode(ValueView::Integer(std::numeric_limits<std::int64_t>::min())), "unfit time_out_of_range");
  EXPECT_EQ(Encode(ValueView::Real(1e300)), "unfit time_out_of_range");
  EXPECT_EQ(Encode(ValueView::Real(std::numeric_limits<double>::infinity())), "unfit time_out_of_range");
}

TEST(ToTimestamptzTest, LeavesWhatIsNoTime) {
  EXPECT_EQ(EncodeText(""), "unfit empty_time");
  EXPECT_EQ(EncodeText("  "), "unfit empty_time");
  for (const char* text : {"yesterday",
                           "now",
                           "20240101",
                           "1718000000",
                           "2024-13-01",
                           "2024-00-01",
                           "2024-01-00",
                           "2024-02-30",
                           "1900-02-29",
                           "2024-1-1",
                           "24-01-01",
                           "12024-01-01",
                           "2024-01-01T",
                           "2024-01-01T10",
                           "2024-01-01T10:00",
                           "2024-01-01T24:00:00Z",
                           "2024-01-01T10:60:00Z",
                           "2024-01-01T10:00:61Z",
                           "2024-01-01T10:00:00.Z",
                           "2024-01-01T10:00:00+",
                           "2024-01-01T10:00:00+1",
                           "2024-01-01T10:00:00+24:00",
                           "2024-01-01T10:00:00+10:60",
                           "2024-01-01T10:00:00 UTC",
                           "2024-01-01T10:00:00Zx",
                           "2024-01-01  10:00:00",
                           "2024-01-01Z"}) {
    EXPECT_EQ(EncodeText(text), "unfit unreadable_time") << text;
  }
  EXPECT_EQ(Encode(ValueView::Blob("2024-01-01")), "unfit wrong_type");
}

}  // namespace
}  // namespace vecferry::convert
