#include "verifier/calendar.h"

namespace vecferry::verifier {
namespace {

constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};  // months, no leap year
constexpr std::int64_t kDaysIn400Years = 146'097;

bool IsLeapYear(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysBefore(int month, bool leap_year) { return kDaysBefore[month - 1] + (leap_year && month > 2 ? 1 : 0); }

// Days from the first of a year divisible by 400 to the first of the year `years` later, 0 to 400.
std::int64_t DaysOfYears(std::int64_t years) {
  // The years 0, 4, 8 ... of the 400 are leap years, but not 100, 200, 300.
  const std::int64_t fourths = (years + 3) / 4, hundredths = (years + 99) / 100, whole = (years + 399) / 400;
  return years * 365 + fourths - hundredths + whole;
}

std::int64_t FloorDivide(std::int64_t number, std::int64_t by) { return number / by - (number % by < 0 ? 1 : 0); }

}  // namespace

bool Exists(const Date& date) {
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  return date.day <= DaysBefore(date.month + 1, IsLeapYear(date.year)) - DaysBefore(date.month, IsLeapYear(date.year));
}

std::int64_t DayNumber(const Date& date) {
  const std::int64_t cycle = FloorDivide(date.year - 2000, 400), years = date.year - 2000 - cycle * 400;
  return cycle * kDaysIn400Years + DaysOfYears(years) + DaysBefore(date.month, IsLeapYear(date.year)) + date.day - 1;
}

Date DateOf(std::int64_t day_number) {
  const std::int64_t cycle = FloorDivide(day_number, kDaysIn400Years), days = day_number - cycle * kDaysIn400Years;
  std::int64_t years = days / 366;
  while (DaysOfYears(years + 1) <= days) ++years;
  const bool leap_year = IsLeapYear(years);
  const int day_of_year = static_cast<int>(days - DaysOfYears(years));
  int month = 1;
  while (DaysBefore(month + 1, leap_year) <= day_of_year) ++month;
  return {2000 + cycle * 400 + years, month, day_of_year - DaysBefore(month, leap_year) + 1};
}

}  // namespace vecferry::verifier
