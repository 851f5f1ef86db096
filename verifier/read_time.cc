#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "verifier/bytes.h"
#include "verifier/calendar.h"
#include "verifier/decimal_text.h"
#include "verifier/read_rules.h"
#include "verifier/real_text.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;

constexpr std::int64_t kMillisecondsFrom = 100'000'000'000;  // epochs of that size and more
constexpr std::int64_t kMicroseconds = 1'000'000;

// A number of microseconds that its digits say, and whether others followed that it was rounded by.
struct Micros {
  std::uint64_t number = 0;
  bool rounded = false;
};

// The nearest whole number to `whole`.`rest`, half to even.
Micros RoundHalfToEven(std::uint64_t whole, absl::string_view rest) {
  const absl::string_view beyond_half = rest.empty() ? rest : rest.substr(1);
  if (rest.find_first_not_of('0') == absl::string_view::npos) return {whole, false};
  const bool tie = rest[0] == '5' && beyond_half.find_first_not_of('0') == absl::string_view::npos;
  const bool up = tie ? whole % 2 == 1 : rest[0] >= '5';
  return {whole + (up ? 1 : 0), true};
}

// Reads from the front of a text; a step that does not find what it wants fails all later ones.
class Reader {
 public:
  explicit Reader(absl::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  bool TryOneOf(absl::string_view characters) {
    if (rest_.empty() || characters.find(rest_[0]) == absl::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void OneOf(absl::string_view characters) { ok_ = TryOneOf(characters) && ok_; }
  absl::string_view Digits() {
    std::size_t end = 0;
    while (end < rest_.size() && absl::ascii_isdigit(rest_[end])) ++end;
    const absl::string_view digits = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return digits;
  }
  // `least` to `most` digits, not followed by another one.
  std::int64_t Number(std::size_t least, std::size_t most) {
    const absl::string_view digits = Digits();
    return NumberOf(digits, digits.size() >= least && digits.size() <= most);
  }
  // Exactly two, whatever follows.
  std::int64_t Pair() {
    const absl::string_view digits = rest_.substr(0, 2);
    rest_.remove_prefix(digits.size());
    return NumberOf(digits, digits.size() == 2 && absl::ascii_isdigit(digits[0]) && absl::ascii_isdigit(digits[1]));
  }

 private:
  std::int64_t NumberOf(absl::string_view digits, bool good) {
    ok_ = ok_ && good;
    std::int64_t number = 0;
    for (std::size_t at = 0; ok_ && at < digits.size(); ++at) number = number * 10 + (digits[at] - '0');
    return number;
  }

  absl::string_view rest_;
  bool ok_ = true;
};

struct Time {
  std::int64_t seconds = 0;  // since 2000-01-01 UTC
  absl::string_view fraction;
  bool leap_second = false;
};

Date ReadDate(Reader& reader, absl::string_view text) {
  Date date;
  const bool negative = absl::StartsWith(text, "-");
  if (reader.TryOneOf("+-")) {
    date.year = reader.Number(4, 9);
    if (negative) date.year = -date.year;
  } else {
    date.year = reader.Number(4, 4);
  }
  reader.OneOf("-");
  date.month = static_cast<int>(reader.Pair());
  reader.OneOf("-");
  date.day = static_cast<int>(reader.Pair());
  return date;
}

// Z, +HH:MM, +HHMM, +HH, or nothing: seconds ahead of UTC.
std::optional<std::int64_t> ReadOffset(Reader& reader) {
  if (reader.at_end() || reader.TryOneOf("Zz")) return 0;
  const bool behind = reader.TryOneOf("-");
  if (!behind) reader.OneOf("+");
  const std::int64_t hours = reader.Pair();
  std::int64_t minutes = 0;
  if (!reader.at_end()) {
    reader.TryOneOf(":");
    minutes = reader.Pair();
  }
  if (!reader.ok() || hours > 23 || minutes > 59) return std::nullopt;
  return (hours * 3600 + minutes * 60) * (behind ? -1 : 1);
}

std::optional<Time> ReadTime(absl::string_view text) {
  Reader reader(text);
  const Date date = ReadDate(reader, text);
  if (!reader.ok() || !Exists(date)) return std::nullopt;
  Time time;
  time.seconds = DayNumber(date) * kSecondsOfDay;
  if (reader.at_end()) return time;
  reader.OneOf("Tt ");
  const std::int64_t hour = reader.Pair();
  reader.OneOf(":");
  const std::int64_t minute = reader.Pair();
  reader.OneOf(":");
  const std::int64_t second = reader.Pair();
  if (reader.TryOneOf(".")) {
    time.fraction = reader.Digits();
    if (time.fraction.empty()) return std::nullopt;
  }
  const std::optional<std::int64_t> offset = ReadOffset(reader);
  if (!reader.ok() || !reader.at_end() || !offset || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  time.leap_second = second == 60;
  time.seconds += hour * 3600 + minute * 60 + second - *offset;
  return time;
}

Reading AppendTimestamp(std::int64_t microseconds, std::string& out) {
  if (microseconds < kTimestampMin || microseconds >= kTimestampEnd) return Unfit("time_out_of_range");
  AppendNetwork(static_cast<std::uint64_t>(microseconds), out);
  return Exact();
}

Reading TimeFromText(absl::string_view text, std::string& out) {
  if (text.empty()) return Unfit("empty_time");
  const std::optional<Time> time = ReadTime(text);
  if (!time) return Unfit("unreadable_time");
  if (time->seconds < kTimestampMin / kMicroseconds || time->seconds >= kTimestampEnd / kMicroseconds) {
    return Unfit("time_out_of_range");
  }
  std::uint64_t whole = 0;
  for (std::size_t at = 0; at < 6; ++at) {
    whole = whole * 10 + (at < time->fraction.size() ? time->fraction[at] - '0' : 0);
  }
  const Micros micros = RoundHalfToEven(whole, time->fraction.size() > 6 ? time->fraction.substr(6) : "");
  const Reading appended =
      AppendTimestamp(time->seconds * kMicroseconds + static_cast<std::int64_t>(micros.number), out);
  if (appended.result != Reading::Result::kExact) return appended;
  if (time->leap_second) return Repaired("leap_second");
  return micros.rounded ? Rounded() : Exact();
}

Reading TimeFromInteger(std::int64_t epoch, std::string& out) {
  const bool milliseconds = epoch >= kMillisecondsFrom || epoch <= -kMillisecondsFrom;
  const std::int64_t unit = milliseconds ? 1000 : kMicroseconds;
  const std::int64_t shift = kSecondsFrom1970To2000 * kMicroseconds / unit;
  // So that the product stays within 64 bits.
  if (epoch < kTimestampMin / unit + shift || epoch >= kTimestampEnd / unit + shift) return Unfit("time_out_of_range");
  return AppendTimestamp((epoch - shift) * unit, out);
}

// An epoch of either unit that `text` says in decimal.
Reading TimeFromEpoch(absl::string_view text, bool milliseconds, std::string& out) {
  const Decimal decimal = *ParseDecimal(text);
  Magnitude magnitude = MagnitudeOf(decimal);
  if (magnitude.digits.empty()) return AppendTimestamp(-kSecondsFrom1970To2000 * kMicroseconds, out);
  const std::int64_t point = magnitude.point + (milliseconds ? 3 : 6);
  if (point > 19) return Unfit("time_out_of_range");
  if (point < 0) magnitude.digits.insert(0, static_cast<std::size_t>(-point), '0');
  const auto whole_digits = static_cast<std::size_t>(std::max<std::int64_t>(point, 0));
  if (magnitude.digits.size() < whole_digits) magnitude.digits.append(whole_digits - magnitude.digits.size(), '0');
  std::uint64_t whole = 0;  // of at most 19 digits
  for (std::size_t at = 0; at < whole_digits; ++at) whole = whole * 10 + (magnitude.digits[at] - '0');
  const Micros micros = RoundHalfToEven(whole, absl::string_view(magnitude.digits).substr(whole_digits));
  constexpr std::uint64_t kShift = kSecondsFrom1970To2000 * kMicroseconds;
  // The latest time lies beyond an int64 of microseconds since 1970.
  if (micros.number >= static_cast<std::uint64_t>(kTimestampEnd) + kShift) return Unfit("time_out_of_range");
  if (decimal.negative && micros.number > static_cast<std::uint64_t>(-kTimestampMin)) return Unfit("time_out_of_range");
  const std::uint64_t since_2000 = (decimal.negative ? 0 - micros.number : micros.number) - kShift;
  const Reading appended = AppendTimestamp(static_cast<std::int64_t>(since_2000), out);
  return appended.result == Reading::Result::kExact && micros.rounded ? Rounded() : appended;
}

}  // namespace

Reading ReadTimestamptz(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kText: return TimeFromText(absl::StripAsciiWhitespace(value.bytes), out);
    case StorageClass::kInteger: return TimeFromInteger(value.integer, out);
    case StorageClass::kReal:
      if (!std::isfinite(value.real)) return Unfit("time_out_of_range");
      return TimeFromEpoch(ScientificText(value.real), std::abs(value.real) >= static_cast<double>(kMillisecondsFrom),
                           out);
    default: return WrongType();
  }
}

}  // namespace vecferry::verifier
