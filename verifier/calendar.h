#ifndef VECFERRY_VERIFIER_CALENDAR_H_
#define VECFERRY_VERIFIER_CALENDAR_H_

#include <cstdint>

namespace vecferry::verifier {

// Postgres' timestamps: microseconds since 2000-01-01 UTC, of the years from 4714 BC to 294276.
inline constexpr std::int64_t kTimestampMin = -211'813'488'000'000'000;
inline constexpr std::int64_t kTimestampEnd = 9'223'371'331'200'000'000;
inline constexpr std::int64_t kSecondsFrom1970To2000 = 946'684'800;
inline constexpr std::int64_t kSecondsOfDay = 86'400;

// The Gregorian calendar in both directions of time; year 0 is 1 BC.
struct Date {
  std::int64_t year = 0;
  int month = 0, day = 0;
};
bool Exists(const Date& date);
// Days since 2000-01-01, of a date that exists.
std::int64_t DayNumber(const Date& date);
Date DateOf(std::int64_t day_number);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_CALENDAR_H_
