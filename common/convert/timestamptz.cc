#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "common/convert/decimal.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
// Microseconds since 2000-01-01 UTC that timestamptz holds: from 4713-11-24 BC to before 294277-01-01.
constexpr std::int64_t kFirst = -211'813'488'000'000'000, kEnd = 9'223'371'331'200'000'000;
constexpr std::int64_t kDaysTo2000 = 10'957;  // from 1970-01-01
constexpr std::int64_t kSecondsTo2000 = kDaysTo2000 * 86'400;
// Epoch numbers from here on are milliseconds: as seconds they would lie after the year 5138, as milliseconds they
// begin in 1973.
constexpr std::int64_t kMillisecondsFrom = 100'000'000'000;

// A point in time, and what reading it took.
struct Reading {
  absl::int128 micros = 0;  // since 2000-01-01 UTC
  bool rounded = false;
  bool leap_second = false;
};

// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
// algorithms").
std::int64_t DaysFromCivil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

int DaysInMonth(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly two digits, at most `most`.
bool TakeTwo(absl::string_view& in, int most, int& number) {
  if (in.size() < 2 || !IsDigit(in[0]) || !IsDigit(in[1])) return false;
  number = (in[0] - '0') * 10 + (in[1] - '0');
  in.remove_prefix(2);
  return number <= most;
}

bool Take(absl::string_view& in, char c) {
  if (in.empty() || in[0] != c) return false;
  in.remove_prefix(1);
  return true;
}

// Takes a year: four digits, or as ISO 8601 extends it a sign and four to nine. Year 0 is 1 BC.
bool TakeYear(absl::string_view& in, std::int64_t& year) {
  const bool negative = Take(in, '-');
  const bool has_sign = negative || Take(in, '+');
  std::size_t digits = 0;
  year = 0;
  for (; digits < in.size() && digits < 9 && IsDigit(in[digits]); ++digits) year = year * 10 + (in[digits] - '0');
  if (digits < 4 || (digits > 4 && !has_sign)) return false;
  in.remove_prefix(digits);
  if (negative) year = -year;
  return true;
}

// Takes Y-M-D; gives days from 1970-01-01.
bool TakeDate(absl::string_view& in, std::int64_t& days) {
  std::int64_t year = 0;
  int month = 0, day = 0;
  if (!TakeYear(in, year) || !Take(in, '-') || !TakeTwo(in, 12, month) || !Take(in, '-') || !TakeTwo(in, 31, day)) {
    return false;
  }
  if (month < 1 || day < 1 || day > DaysInMonth(year, month)) return false;
  days = DaysFromCivil(year, month, day);
  return true;
}

// `digits` after the point as a count of 10^-places, half to even.
std::int64_t RoundFraction(absl::string_view digits, std::size_t places, bool& rounded) {
  std::int64_t number = 0;
  for (std::size_t i = 0; i < places; ++i) number = number * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  const absl::string_view rest = digits.substr(std::min(places, digits.size()));
  const std::size_t last = rest.find_last_not_of('0');
  if (last == absl::string_view::npos) return number;
  rounded = true;
  const bool half = rest[0] == '5' && last == 0;
  const bool up = half ? number % 2 == 1 : rest[0] >= '5';
  return number + (up ? 1 : 0);
}

// Takes H:M:S and a fraction of any length.
bool TakeTime(absl::string_view& in, Reading& reading) {
  int hour = 0, minute = 0, second = 0;
  if (!TakeTwo(in, 23, hour) || !Take(in, ':') || !TakeTwo(in, 59, minute) || !Take(in, ':') ||
      !TakeTwo(in, 60, second)) {
    return false;
  }
  std::size_t digits = 0;
  if (Take(in, '.')) {
    while (digits < in.size() && IsDigit(in[digits])) ++digits;
    if (digits == 0) return false;
  }
  reading.leap_second = second == 60;
  reading.micros += (hour * 3600 + minute * 60 + second) * kMicros;
  reading.micros += RoundFraction(in.substr(0, digits), 6, reading.rounded);
  in.remove_prefix(digits);
  return true;
}

// Takes Z, +HH:MM, +HHMM or +HH; without any of them the time is UTC.
bool TakeOffset(absl::string_view& in, Reading& reading) {
  if (in.empty() || Take(in, 'Z') || Take(in, 'z')) return true;
  const bool east = Take(in, '+');
  if (!east && !Take(in, '-')) return false;
  int hours = 0, minutes = 0;
  if (!TakeTwo(in, 23, hours)) return false;
  if (!in.empty()) {
    Take(in, ':');
    if (!TakeTwo(in, 59, minutes)) return false;
  }
  const std::int64_t offset = (hours * 3600 + minutes * 60) * kMicros;
  reading.micros += east ? -offset : offset;
  return true;
}

std::optional<Reading> ReadText(absl::string_view text) {
  Reading reading;
  std::int64_t days = 0;
  if (!TakeDate(text, days)) return std::nullopt;
  reading.micros = absl::int128(days - kDaysTo2000) * 86'400 * kMicros;
  if (text.empty()) return reading;
  if (!Take(text, 'T') && !Take(text, 't') && !Take(text, ' ')) return std::nullopt;
  if (!TakeTime(text, reading) || !TakeOffset(text, reading) || !text.empty()) return std::nullopt;
  return reading;
}

// Epoch seconds or milliseconds; the real's shortest digits are what it means.
Reading ReadEpoch(double real) {
  const bool milliseconds = std::abs(real) >= static_cast<double>(kMillisecondsFrom);
  const Decimal decimal = *ReadDecimal(RealText(real));
  const std::int64_t whole_digits = std::max<std::int64_t>(decimal.point, 0);
  std::string digits(decimal.point < 0 && !decimal.digits.empty() ? -decimal.point : 0, '0');
  digits += decimal.digits;
  digits.resize(std::max(digits.size(), static_cast<std::size_t>(whole_digits)), '0');
  Reading reading;
  absl::int128 whole = 0;
  for (std::int64_t i = 0; i < whole_digits; ++i) whole = whole * 10 + (digits[i] - '0');
  const int places = milliseconds ? 3 : 6;
  const absl::string_view fraction = absl::string_view(digits).substr(whole_digits);
  absl::int128 micros = whole * (milliseconds ? 1000 : kMicros);
  micros += RoundFraction(fraction, places, reading.rounded);
  reading.micros = (decimal.negative ? -micros : micros) - absl::int128(kSecondsTo2000) * kMicros;
  return reading;
}

Reading ReadEpoch(std::int64_t number) {
  const bool milliseconds = number >= kMillisecondsFrom || number <= -kMillisecondsFrom;
  Reading reading;
  reading.micros = absl::int128(number) * (milliseconds ? 1000 : kMicros) - absl::int128(kSecondsTo2000) * kMicros;
  return reading;
}

}  // namespace

Outcome ToTimestamptz(const core::ValueView& value, std::string& out) {
  std::optional<Reading> reading;
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kInteger: reading = ReadEpoch(value.integer); break;
    case core::StorageClass::kReal:
      // Beyond 10^17 even milliseconds are out of range, and the digits need not be looked at.
      if (!(std::abs(value.real) < 1e17)) break;
      reading = ReadEpoch(value.real);
      break;
    case core::StorageClass::kText: reading = ReadText(Trim(value.bytes)); break;
    case core::StorageClass::kBlob: return WrongType(value, "time");
  }
  if (!reading && value.storage == core::StorageClass::kText) {
    if (Trim(value.bytes).empty()) return Unfit("empty_time", "the text is empty");
    return Unfit("unreadable_time", absl::StrCat(Describe(value), " is no time that can be read"));
  }
  if (!reading || reading->micros < kFirst || reading->micros >= kEnd) {
    return Unfit("time_out_of_range", absl::StrCat(Describe(value), " lies outside 4713 BC to 294276"));
  }
  AppendBigEndian(static_cast<std::uint64_t>(static_cast<std::int64_t>(reading->micros)), 8, out);
  if (reading->leap_second) {
    return Repaired("leap_second", absl::StrCat(Describe(value), " became the first second of the next minute"));
  }
  return reading->rounded ? Rounded() : Exact();
}

}  // namespace vecferry::convert
